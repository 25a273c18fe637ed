"""What policy documents say of a request, as IAM's user guide has it."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive_batching.operate.doctor.facts import ALLOW, DENY, NEITHER
from adaptive_batching.operate.doctor.policy import UNCLEAR, Request, matches, said

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
REQUEST = Request(
    "s3:PutObject",
    "arn:aws:s3:::logs/function=orders/x",
    ROLE,
    ACCOUNT,
    {"aws:securetransport": "true", "s3:if-none-match": None, "aws:principalaccount": ACCOUNT, "s3:tlsversion": "1.2"},
)
STATEMENT = {
    "Sid": "One",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::logs/*",
}


def effect(*changes: dict[str, Any]) -> str:
    document = {"Statement": [{**STATEMENT, **change} for change in changes]}
    return said([document], REQUEST, has_principals=True).effect


def under(**condition: Any) -> dict[str, Any]:  # noqa: ANN401 - of a policy
    return {"Condition": {name.replace("__", ":"): value for name, value in condition.items()}}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, ALLOW),
        ({"Effect": "Deny"}, DENY),
        ({"Action": ["s3:GetObject", "S3:PUT*"]}, ALLOW),  # the case of an action does not count
        ({"Action": "s3:Put?bject"}, ALLOW),
        ({"Action": "s3:PutObjectTagging"}, NEITHER),
        ({"Resource": "arn:aws:s3:::LOGS/*"}, NEITHER),  # that of a resource does
        ({"Resource": "arn:aws:s3:::logs/function=other/*"}, NEITHER),
        ({"Resource": "arn:aws:s3:::logs"}, NEITHER),
        ({"Principal": {"AWS": ROLE}}, ALLOW),
        ({"Principal": {"AWS": f"{ROLE}-2"}}, NEITHER),
        ({"Principal": {"AWS": ["*"]}}, ALLOW),
        ({"Principal": {"AWS": ACCOUNT}}, ALLOW),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, ALLOW),
        ({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, NEITHER),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, NEITHER),
        (under(Bool={"aws:SecureTransport": "true"}), ALLOW),
        (under(Bool={"aws:SecureTransport": "false"}), NEITHER),
        (under(Null={"s3:if-none-match": "true"}), ALLOW),
        (under(Null={"s3:if-none-match": "false"}), NEITHER),
        (under(Null={"s3:if-none-match": True}), ALLOW),
        (under(StringEquals={"s3:if-none-match": "*"}), NEITHER),
        (under(StringNotEquals={"s3:if-none-match": "*"}), ALLOW),  # a key that is absent is not equal
        (under(StringEqualsIfExists={"s3:if-none-match": "*"}), ALLOW),
        (under(StringEquals={"aws:PrincipalAccount": ["1", ACCOUNT]}), ALLOW),
        (under(StringNotEquals={"aws:PrincipalAccount": ["1", ACCOUNT]}), NEITHER),
        (under(StringLike={"aws:PrincipalAccount": "1111*"}), ALLOW),
        (under(NumericLessThan={"s3:TlsVersion": "1.2"}), NEITHER),
        (under(NumericLessThan={"s3:TlsVersion": 1.3}), ALLOW),
        (under(StringEquals={"aws:PrincipalOrgID": "o-1"}), UNCLEAR),
        (under(IpAddress={"aws:SecureTransport": "10.0.0.0/8"}), UNCLEAR),
        (under(StringEquals={"aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": "1"}), NEITHER),
        ({**under(StringEquals={"aws:PrincipalOrgID": "o-1"}), "Effect": "Deny"}, NEITHER),
        ({"Resource": "arn:aws:s3:::logs/account=${aws:PrincipalAccount}/*"}, NEITHER),
        ({"Resource": "arn:aws:s3:::logs/function=orders/*", "Action": "*"}, ALLOW),
    ],
)
def test_one_statement(change: dict[str, Any], wanted: str) -> None:
    assert effect(change) == wanted


def test_not_action_not_resource_and_not_principal_are_about_the_others() -> None:
    def without(name: str, **more: Any) -> str:  # noqa: ANN401 - of a policy
        return said(
            [{"Statement": {k: v for k, v in STATEMENT.items() if k != name} | more}], REQUEST, has_principals=True
        ).effect

    assert without("Action", NotAction="s3:GetObject") == ALLOW
    assert without("Action", NotAction="s3:*") == NEITHER
    assert without("Resource", NotResource="arn:aws:s3:::other/*") == ALLOW
    assert without("Resource", NotResource="arn:aws:s3:::logs/*") == NEITHER
    assert without("Principal", NotPrincipal={"AWS": "arn:aws:iam::999999999999:root"}, Effect="Deny") == DENY
    assert without("Principal", NotPrincipal={"AWS": ROLE}, Effect="Deny") == NEITHER


def test_a_deny_counts_more_than_an_allow_wherever_it_stands() -> None:
    for order in ((0, 1), (1, 0)):
        changes = [{}, {"Effect": "Deny", "Sid": "Two"}]
        document = {"Statement": [{**STATEMENT, **changes[n]} for n in order]}
        assert said([document], REQUEST, has_principals=True).statement == "Two"


def test_an_allow_for_the_account_leaves_it_to_its_policies_and_one_for_the_role_does_not() -> None:
    account = {**STATEMENT, "Principal": {"AWS": ACCOUNT}}
    both = [account, {**STATEMENT, "Principal": {"AWS": ROLE}}]
    assert said([{"Statement": [account]}], REQUEST, has_principals=True).delegates
    assert not said([{"Statement": both}], REQUEST, has_principals=True).delegates


def test_a_deny_that_cannot_be_judged_is_named_beside_the_allow() -> None:
    deny = {**STATEMENT, "Effect": "Deny", "Sid": "Vpc", **under(StringNotEquals={"aws:SourceVpce": "vpce-1"})}
    found = said([{"Statement": [STATEMENT, deny]}], REQUEST, has_principals=True)
    assert (found.effect, found.unclear) == (ALLOW, "Vpc")


def test_policies_of_a_role_name_no_principal() -> None:
    plain = {name: value for name, value in STATEMENT.items() if name != "Principal"}
    assert said([{"Statement": plain}], REQUEST, has_principals=False).effect == ALLOW
    assert said([{"Statement": plain}], REQUEST, has_principals=True).effect == NEITHER


@pytest.mark.parametrize(
    "document", [{}, {"Statement": []}, {"Statement": "x"}, {"Statement": [1]}, {"Statement": None}]
)
def test_a_document_that_is_none_says_nothing(document: dict[str, Any]) -> None:
    assert said([document], REQUEST, has_principals=True).effect == NEITHER


def test_only_stars_and_question_marks_are_special() -> None:
    assert matches("a.c", "a.c")
    assert not matches("a.c", "abc")
    assert not matches("[ab]", "a")
    assert matches("a*", "a\nb")
