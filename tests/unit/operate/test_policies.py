"""What `policy` prints, asked with requests: what is needed is allowed, and nothing beside it."""

from __future__ import annotations

import json

import hcl2
import pytest
import yaml  # type: ignore[import-untyped]

from adaptive_batching.operate.policies import needs
from adaptive_batching.operate.policies.formats import written
from adaptive_batching.operate.policies.needs import Shipping, keys
from adaptive_batching.settings import variable
from tests.fakes.aws.evaluator import Request, allowed
from tools.page import ROOT

HERE, THERE = "111122223333", "444455556666"
KEY = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PUT, TAG, USE = "s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey"
THROUGH = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize(
    ("template", "function", "account", "expected"),
    [
        ("function={function}/date={date}/hour={hour}/", "orders", "", "function=orders/*"),
        ("function={function}/date={date}/hour={hour}/", "*", "", "function=*"),
        ("", "orders", "", "orders-*"),
        ("", "*", "", "*"),
        ("logs/", "orders", "", "logs/*"),
        ("logs/{function}/{date}/", "orders", "", "logs/orders/*"),
        ("logs", "orders", "", "logs*"),
        ("{year}/{function}/{hour}/", "orders", "", "*/orders/*"),
        ("{date}/", "orders", "", "*"),
        ("team-{function}-logs/{date}/", "orders", "", "team-orders-logs/*"),
        ("account={account}/function={function}/", "orders", HERE, f"account={HERE}/function=orders/*"),
        ("account={account}/function={function}/", "orders", "", "account=*/function=orders/*"),
        ("{region}/{function}/", "*", "", "*"),
    ],
)
def test_the_pattern_of_the_keys_ends_where_what_is_known_ends(
    template: str, function: str, account: str, expected: str
) -> None:
    assert keys(template, function, account) == expected


def shipping(function: str = "orders", account: str = "", **settings: str) -> Shipping:
    return Shipping("my-logs", function, account, {variable(name): value for name, value in settings.items()})


def put(function: str = "orders", action: str = PUT, account: str = HERE, owner: str = HERE) -> Request:
    return Request(action, f"arn:aws:s3:::my-logs/function={function}/date=2026-11-20/x.log", account, owner=owner)


def test_a_function_may_put_its_own_objects_and_not_those_of_others() -> None:
    role = [needs.document(needs.role(shipping()))]
    assert allowed(put(), role=role)
    assert not allowed(put("other"), role=role)
    assert not allowed(put("orders-2"), role=role)
    for action in ("s3:GetObject", "s3:DeleteObject", TAG, "s3:ListBucket"):
        assert not allowed(put(action=action), role=role)


def test_for_all_functions_every_function_may() -> None:
    role = [needs.document(needs.role(shipping("*")))]
    assert allowed(put(), role=role)
    assert allowed(put("other"), role=role)
    assert role == [json.loads((ROOT / "examples/policy.json").read_text().replace("BUCKET", "my-logs"))]


def test_tags_need_one_more_action() -> None:
    role = [needs.document(needs.role(shipping(TAGS="a=b")))]
    assert allowed(put(action=TAG), role=role)


def test_in_another_account_both_sides_are_needed() -> None:
    about = shipping(account=HERE)
    role, bucket = ([needs.document(one(about))] for one in (needs.role, needs.bucket))
    request = put(owner=THERE)
    assert allowed(request, role=role, resource=bucket)
    assert not allowed(request, role=role)
    assert not allowed(request, resource=bucket)
    assert not allowed(put(account="999999999999", owner=THERE), role=role, resource=bucket)
    assert needs.bucket(shipping()) == []


def test_a_customers_key_may_be_used_through_s3_alone() -> None:
    about = shipping(account=HERE, KMS_KEY_ID=KEY)
    role, key = ([needs.document(one(about))] for one in (needs.role, needs.key))
    request = Request(USE, KEY, HERE, owner=THERE, context=THROUGH)
    assert allowed(request, role=role, resource=key)
    assert not allowed(request, role=role)
    assert not allowed(request, resource=key)
    assert not allowed(Request(USE, KEY, HERE, owner=THERE), role=role, resource=key)
    assert not allowed(Request("kms:Decrypt", KEY, HERE, owner=THERE, context=THROUGH), role=role, resource=key)


def test_a_key_that_a_policy_cannot_name_is_left_out() -> None:
    assert [one["Sid"] for one in needs.role(shipping(KMS_KEY_ID="alias/logs"))] == ["ShipLogs"]


def test_the_bucket_of_china_and_its_key() -> None:
    key = KEY.replace("arn:aws", "arn:aws-cn").replace("eu-west-1", "cn-north-1")
    about = Shipping("my-logs", variables={variable("KMS_KEY_ID"): key}, partition=needs.partition(key))
    put_, use = needs.role(about)
    assert put_["Resource"] == "arn:aws-cn:s3:::my-logs/function=*"
    assert use["Condition"] == {"StringEquals": {"kms:ViaService": "s3.cn-north-1.amazonaws.com.cn"}}


@pytest.mark.parametrize("account", ["", HERE])
@pytest.mark.parametrize("function", ["orders", "*"])
@pytest.mark.parametrize("settings", [{}, {"KMS_KEY_ID": KEY}, {"TAGS": "a=b", "S3_PREFIX": "x/{function}/${a}/"}])
def test_each_format_is_one_document_that_parses(account: str, function: str, settings: dict[str, str]) -> None:
    about = shipping(function, account, **{**settings, **({"KMS_KEY_ID": KEY} if account and settings else {})})
    parts = {"role", *(["bucket"] if account else ()), *(["key"] if about.key else ())}
    assert set(json.loads(written(about, "json"))) == parts
    sam = yaml.safe_load(written(about, "sam"))
    assert set(sam) == {"Policies", *(["LogBucketPolicy"] if account else ())}
    kinds = [kind.strip('"') for one in hcl2.loads(written(about, "terraform"))["resource"] for kind in one]
    assert kinds == ["aws_iam_role_policy", *(["aws_s3_bucket_policy"] if account else ())]


def test_all_formats_say_the_same() -> None:
    about = shipping(account=HERE, KMS_KEY_ID=KEY, TAGS="a=b")
    expected = {"role": needs.role(about), "bucket": needs.bucket(about), "key": needs.key(about)}
    assert json.loads(written(about, "json")) == {name: needs.document(one) for name, one in expected.items()}
    text = written(about, "sam")
    bucket = yaml.safe_load(text)
    assert bucket["Policies"] == [needs.document(expected["role"])]
    document = bucket["LogBucketPolicy"]["Properties"].pop("PolicyDocument")
    assert document == needs.document(expected["bucket"])
    assert bucket["LogBucketPolicy"]["Properties"] == {"Bucket": "my-logs"}
    comment = text.partition(f"# add to the Statement of the policy of {KEY}\n")[2].splitlines()
    assert yaml.safe_load("\n".join(one.removeprefix("# ") for one in comment)) == expected["key"]
    assert needs.FORMATS == ("json", "sam", "terraform")
