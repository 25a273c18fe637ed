"""Doctor's evaluation of policies against another one that shares nothing with it, over generated documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor import asks, policy
from adaptive_batching.operate.doctor.checks.permission import Asked
from adaptive_batching.operate.doctor.facts import Bucket, Decision, Function, Key
from adaptive_batching.operate.policies import needs
from adaptive_batching.operate.policies.needs import Shipping
from tests.fakes.aws import evaluator

HERE, THERE = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{HERE}:role/orders-role"
BUCKET = "arn:aws:s3:::my-logs"
KEY = f"arn:aws:kms:eu-west-1:{THERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = ("aws:SecureTransport", "s3:if-none-match", "kms:ViaService", "aws:PrincipalArn")
VALUES = ("true", "false", "*", "s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com", ROLE)
ACTIONS = ("s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey")
RESOURCES = (f"{BUCKET}/function=orders/x[1].log", f"{BUCKET}/account={HERE}/x", KEY)
PATTERNS = (
    *(["*"] * 3),  # so that a request is often allowed
    *(f"{BUCKET}/*", BUCKET, f"{BUCKET}/function=orders/*", f"{BUCKET}/function=other/*", f"{BUCKET}/FUNCTION=*"),
    *(f"{BUCKET}/function=orders/x[1].lo?", f"{BUCKET}/account=${{aws:PrincipalAccount}}/*", KEY, f"{KEY[:-1]}?"),
)
PRINCIPALS = ("*", ROLE, f"{ROLE}-2", HERE, THERE, *[f"arn:aws:iam::{HERE}:root"] * 2, f"arn:aws:iam::{THERE}:root")


def one_or_more(words: tuple[str, ...]) -> st.SearchStrategy[str | list[str]]:
    return st.sampled_from(words) | st.lists(st.sampled_from(words), min_size=1, max_size=3)


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from([*CONTEXT, *map(str.lower, CONTEXT)])
    patterns = (*VALUES, "s3.*.amazonaws.com", "tru?", "*orders-role")
    of = {
        "StringEquals": one_or_more(VALUES),
        "StringNotEquals": one_or_more(VALUES),
        "StringLike": one_or_more(patterns),
        "Bool": st.sampled_from([True, False, "true", "false"]),
        "Null": st.sampled_from([True, False, "true", "false"]),
    }
    return st.fixed_dictionaries(
        {}, optional={name: st.dictionaries(keys, wanted, min_size=1, max_size=2) for name, wanted in of.items()}
    )


def documents(*, of_resource: bool) -> st.SearchStrategy[dict[str, Any]]:
    actions = (*ACTIONS, "S3:PUTOBJECT", "s3:Put*", "s3:PutObject?", "kms:*", "*", "*", "*")
    who = {"Principal": st.just("*") | one_or_more(PRINCIPALS).map(lambda one: {"AWS": one})} if of_resource else {}
    statement = st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
            "Action": one_or_more(actions),
            "Resource": one_or_more(PATTERNS),
            **who,
        },
        optional={"Condition": st.just({}) | conditions()},
    )
    statements = statement | st.lists(statement, min_size=1, max_size=3)
    return statements.map(lambda found: {"Version": "2012-10-17", "Statement": found})


@settings(max_examples=600, deadline=None, print_blob=True)
@given(
    role=st.lists(documents(of_resource=False), max_size=2),
    resource=st.lists(documents(of_resource=True), max_size=2),
    action=st.sampled_from(ACTIONS),
    about=st.sampled_from(RESOURCES),
    owner=st.sampled_from([HERE, THERE]),
    context=st.dictionaries(st.sampled_from(CONTEXT), st.sampled_from(VALUES)),
)
def test_doctor_and_the_other_evaluator_agree(
    role: list[dict[str, Any]],
    resource: list[dict[str, Any]],
    action: str,
    about: str,
    owner: str,
    context: dict[str, str],
) -> None:
    known = {name.lower(): context.get(name) for name in CONTEXT} | {"aws:principalaccount": HERE}
    request = policy.Request(action, about, ROLE, HERE, known)
    found = Asked(
        "it",
        Decision(policy.said(role, request, has_principals=False).effect),
        policy.said(resource, request, has_principals=True),
        "its policy",
        is_own=owner == HERE,
        always=action.startswith("kms:"),
        mend="",
    ).against()
    asked = evaluator.Request(action, about, HERE, owner=owner, context=context)
    assert (found is None) == evaluator.allowed(asked, role=role, resource=resource)


@pytest.mark.parametrize("account", ["", HERE])
@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"TAGS": "a=b"},
        {"S3_PREFIX": ""},
        {"S3_PREFIX": "logs"},
        {"S3_PREFIX": "{date}/{function}/{version}/"},
        {"S3_PREFIX": "account={account}/{region}/"},
        {"S3_REGION": "eu-west-1"},
    ],
)
def test_what_policy_prints_allows_whatever_doctor_asks_for(
    account: str, *, encrypted: bool, given_: dict[str, str]
) -> None:
    """In one account, and where bucket and key are in another."""
    owner = THERE if account else HERE
    kms = KEY.replace(THERE, owner) if encrypted else ""
    wanted = {"S3_BUCKET": "my-logs", "KMS_KEY_ID": kms, **given_}
    texts = {f"ADAPTIVE_BATCHING_EXTENSION_{name}": text for name, text in wanted.items()}
    read = variables.read(texts, "orders", "eu-west-1")
    function = Function("orders", "eu-west-1", HERE, read, 3, 128, role=ROLE)
    about = Shipping("my-logs", "orders", account, texts)
    role, bucket, key = ([needs.document(one(about))] for one in (needs.role, needs.bucket, needs.key))
    requests = asks.shipping(function, Bucket(is_own=not account), Key(kms) if kms else None)
    assert len(requests) == 1 + bool(kms) + ("TAGS" in given_)
    for one in requests:
        context = {name: text for name, text in one.context.items() if text is not None}
        asked = evaluator.Request(one.action, one.resource, HERE, owner=owner, context=context)
        assert evaluator.allowed(asked, role=role, resource=key if one.action == asks.ENCRYPT else bucket)
