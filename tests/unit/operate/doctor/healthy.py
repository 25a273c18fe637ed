"""A function with which all is well, and how its facts are changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.facts import ALLOW, Bucket, Decision, Facts, Function, Key, Layer, Traffic

ACCOUNT, REGION, NAME = "111122223333", "eu-west-1", "orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders-role"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
NOW = 1_795_608_000.0
MINUTE, HOUR = 60, 3600
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
GIVEN = {f"{PREFIX}S3_BUCKET": "my-logs", f"{PREFIX}CONDITIONAL_WRITE": "off", f"{PREFIX}KMS_KEY_ID": KEY}
FUNCTION = Function(
    NAME,
    REGION,
    ACCOUNT,
    variables.read(GIVEN, NAME, REGION),
    timeout=30,
    memory=256,
    layers=(Layer("arn:aws:lambda:eu-west-1:1:layer:adaptive-batching-extension:7", True, ("x86_64",), "release"),),
    role=ROLE,
    log_group="/aws/lambda/orders",
)
#: As KMS writes it by default: the account's own policies decide.
DELEGATING = {
    "Statement": [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
}
HEALTHY = Facts(
    FUNCTION,
    Bucket(region=REGION),
    {
        asks.PUT: Decision(ALLOW, "policy ship-logs"),
        asks.TAG: Decision(ALLOW),
        asks.ENCRYPT: Decision(ALLOW),
        asks.LOG: Decision(ALLOW),
    },
    Key(KEY, policy=DELEGATING),
    metric_filters=("errors",),
    traffic=Traffic(120, NOW - 2 * MINUTE, NOW),
)


def with_variables(facts: Facts = HEALTHY, **changed: str | None) -> Facts:
    """The facts with variables of the extension set, or removed where the value is None."""
    given: dict[str, Any] = {**GIVEN, **{PREFIX + name: value for name, value in changed.items()}}
    known = {name: value for name, value in given.items() if value is not None}
    return with_function(facts, variables=variables.read(known, NAME, REGION))


def with_function(facts: Facts = HEALTHY, **changed: Any) -> Facts:  # noqa: ANN401 - fields
    return replace(facts, function=replace(facts.function, **changed))


def with_layer(**changed: Any) -> Facts:  # noqa: ANN401 - fields
    return with_function(layers=(replace(FUNCTION.layers[0], **changed),))


def with_bucket(facts: Facts = HEALTHY, **changed: Any) -> Facts:  # noqa: ANN401 - fields
    assert isinstance(facts.bucket, Bucket)
    return replace(facts, bucket=replace(facts.bucket, **changed))


def deciding(action: str, decision: Any, facts: Facts = HEALTHY) -> Facts:  # noqa: ANN401 - or Unknown
    return replace(facts, role_allows={**facts.role_allows, action: decision})


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
