"""One contract, two stores: credentials from the container endpoint, as under SnapStart."""

from __future__ import annotations

import time

import pytest

from extension.errors import StoreError
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.container import ContainerEndpoint
from tests.edge.extension.stores.waiting import failure
from tests.fakes.s3 import REGION
from tests.fakes.s3_faults import Refuse
from tests.fakes.s3_scripted import ScriptedS3


@pytest.mark.holds(
    "variants: SnapStart: credentials come from the container endpoint with its token, after the restore only"
)
def test_credentials_come_from_the_container_with_its_token_and_not_before_the_first_put(make_store: MakeStore) -> None:
    with ScriptedS3() as s3, ContainerEndpoint(["2099-01-01T00:00:00Z"]) as container:
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        store.warm_up()
        assert container.asked == []  # a snapshot may be taken now
        store.put(an_object("1.log"))
        store.put(an_object("2.log"))
        assert len(s3.objects) == 2
        assert set(container.asked) == {("/2021-04-23/credentials", "a token")}


@pytest.mark.holds("circuit: keys of the container that S3 does not know are read again for the next attempt")
@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_credentials_are_read_again_when_s3_does_not_know_them(make_store: MakeStore, code: str) -> None:
    with (
        ScriptedS3([Refuse(403, code)]) as s3,
        ContainerEndpoint(["2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]) as container,
    ):
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        assert failure(store, an_object()).kind == StoreError.CONFIGURATION
        asked = len(container.asked)
        store.put(an_object())
        assert len(container.asked) > asked
        assert len(s3.objects) == 1


@pytest.mark.holds("circuit: expired credentials are read again for the next attempt")
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_credentials_are_read_again_when_s3_calls_them_expired(make_store: MakeStore, code: str) -> None:
    with (
        ScriptedS3([Refuse(400, code)]) as s3,
        ContainerEndpoint(["2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]) as container,
    ):
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        assert failure(store, an_object()).kind == StoreError.CREDENTIALS
        asked = len(container.asked)
        store.put(an_object())
        assert len(container.asked) > asked
        assert len(s3.objects) == 1


@pytest.mark.holds("circuit: expired credentials are read again for the next attempt")
def test_credentials_are_read_again_before_they_expire(make_store: MakeStore) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    with ScriptedS3() as s3, ContainerEndpoint([soon]) as container:
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        store.put(an_object("1.log"))
        asked = len(container.asked)
        store.put(an_object("2.log"))
        assert len(container.asked) > asked
        assert len(s3.objects) == 2


def test_an_endpoint_that_refuses_is_a_matter_of_credentials(make_store: MakeStore) -> None:
    with ScriptedS3() as s3, ContainerEndpoint([]) as container:
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint})
        assert failure(store, an_object()).kind == StoreError.CREDENTIALS
        assert s3.requests == []


def test_no_credentials_at_all(make_store: MakeStore) -> None:
    with ScriptedS3() as s3:
        error = failure(make_store({"AWS_ENDPOINT_URL_S3": s3.endpoint, "AWS_REGION": REGION}), an_object())
        assert error.kind == StoreError.CREDENTIALS
        assert s3.requests == []
