"""What goes wrong on the way to AWS is one sentence."""

from __future__ import annotations

import pytest

from adaptive_batching.operate.aws import Account, AwsError, answers
from tests.fakes.network.ports import free_port


def asked(account: Account) -> AwsError:
    with pytest.raises(AwsError) as caught, answers():
        account.client("lambda").get_function_configuration(FunctionName="f")
    return caught.value


def test_without_a_region_it_says_where_to_set_one() -> None:
    assert str(asked(Account())) == "no region is configured; set one with --region or AWS_DEFAULT_REGION"


def test_without_credentials_it_says_where_to_set_them() -> None:
    assert str(asked(Account("eu-west-1"))).startswith("no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID")


def test_a_profile_that_does_not_exist_is_named() -> None:
    assert "(absent)" in str(asked(Account("eu-west-1", "absent")))


def test_a_closed_endpoint_is_named_and_asked_once() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    found = asked(Account(endpoint_url=endpoint))
    assert str(found).startswith(f"{endpoint}/2015-03-31/functions/f/configuration cannot be reached")
    assert (found.code, found.permission, found.is_absent) == ("", "", False)


def test_the_same_client_is_made_once() -> None:
    account = Account("eu-west-1", endpoint_url="http://127.0.0.1:9")
    assert account.client("iam") is account.client("iam", "eu-west-1")
    assert account.client("lambda", "us-east-2").meta.region_name == "us-east-2"
