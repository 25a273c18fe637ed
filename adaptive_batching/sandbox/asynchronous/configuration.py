"""What Lambda's API sets for the asynchronous invocations of a function, and its bounds. Pure.

Source: PutFunctionEventInvokeConfig, PutFunctionConcurrency and UpdateFunctionConfiguration in Lambda's API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.function import Function

#: The most of MaximumRetryAttempts, and the bounds of MaximumEventAgeInSeconds. The defaults are the most.
MOST_RETRIES = 2
LEAST_AGE, GREATEST_AGE = 60, 21_600
#: The most that can be reserved in an account of the default concurrency, 1,000: 100 must stay unreserved.
MOST_RESERVED = 900
RESERVED = "ReservedConcurrentExecutions"
RETRIES, AGE, DESTINATIONS = "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"
#: Member -> its bounds.
BOUNDS = {RETRIES: (0, MOST_RETRIES), AGE: (LEAST_AGE, GREATEST_AGE), RESERVED: (0, MOST_RESERVED)}
ON_SUCCESS, ON_FAILURE, DEAD_LETTER = "OnSuccess", "OnFailure", "DeadLetterConfig"
_CALLED = {
    "sqs": "SQS queue",
    "sns": "SNS topic",
    "lambda": "Lambda function",
    "events": "EventBridge event bus",
    "s3": "S3 bucket",
}


@dataclass(frozen=True)
class Configuration:
    """What holds for a function. `max_age` is in seconds. `reserved` None: no reserved concurrency. ARNs, or ""."""

    retries: int = MOST_RETRIES
    max_age: float = GREATEST_AGE
    reserved: int | None = None
    dead_letter: str = ""
    on_success: str = ""
    on_failure: str = ""


#: Kind of a target -> pattern of its ARN, whose groups are a region and a name; a bucket has no region. The name of a
#: FIFO queue or topic ends in .fifo, and Lambda takes neither.
_ARNS = {
    "sqs": r"arn:aws[a-z-]*:sqs:([a-z0-9-]+):\d{12}:([A-Za-z0-9_-]{1,80}(?:\.fifo)?)",
    "sns": r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:([A-Za-z0-9_-]{1,256}(?:\.fifo)?)",
    "lambda": r"arn:aws[a-z-]*:lambda:([a-z0-9-]+):\d{12}:function:([A-Za-z0-9_-]{1,64})(?::[$A-Za-z0-9_-]+)?",
    "events": r"arn:aws[a-z-]*:events:([a-z0-9-]+):\d{12}:event-bus/([A-Za-z0-9._-]{1,256})",
    "s3": r"arn:aws[a-z-]*:s3::():([a-z0-9.-]{3,63})",
}
#: The kinds that Lambda takes as a destination, the last one only on failure, and as a dead-letter queue.
DESTINATION_KINDS, DEAD_LETTER_KINDS = ("sqs", "sns", "lambda", "events", "s3"), ("sqs", "sns")


@dataclass(frozen=True)
class Target:
    """Where records or dead letters go. `name` is that of the queue, topic, function, bus or bucket.

    `region` is "" for a bucket.
    """

    arn: str
    kind: str
    region: str
    name: str


def target(arn: str) -> Target | None:
    """Return what an ARN names, None if it is nothing that Lambda sends to."""
    for kind, pattern in _ARNS.items():
        if found := re.fullmatch(pattern, arn):
            return Target(arn, kind, found[1], found[2])
    return None


def target_refusal(arn: str, use: str, own: str) -> str:
    """Return why Lambda refuses an ARN, "" if it does not. `use` is OnSuccess, OnFailure or DEAD_LETTER.

    `own` is the ARN of the function itself.
    """
    found = target(arn)
    kinds = DEAD_LETTER_KINDS if use == DEAD_LETTER else DESTINATION_KINDS
    if found is None or found.kind not in kinds:
        return f"The {use} ARN {arn} is not one of: {', '.join(_CALLED[kind] for kind in kinds)}"
    if found.name.endswith(".fifo"):
        return f"The {use} ARN {arn} is a FIFO {_CALLED[found.kind]}, which is not supported"
    if found.kind == "s3" and use == ON_SUCCESS:
        return f"The {use} ARN {arn} is an S3 bucket, which is supported for {ON_FAILURE} only"
    if found.kind == "lambda" and (arn == own or arn.startswith(f"{own}:")):
        return f"The {use} ARN {arn} is the function itself"
    return ""


def configuration(event_config: Mapping[str, Any] | None, reserved: int | None, dead_letter: str) -> Configuration:
    """Return what holds, from a document as PutFunctionEventInvokeConfig takes it, or without one."""
    document = event_config or {}
    destinations = document.get(DESTINATIONS) or {}
    return Configuration(
        document.get(RETRIES, MOST_RETRIES),
        document.get(AGE, GREATEST_AGE),
        reserved,
        dead_letter,
        (destinations.get(ON_SUCCESS) or {}).get("Destination") or "",
        (destinations.get(ON_FAILURE) or {}).get("Destination") or "",
    )


def configured(function: Function) -> Configuration:
    """Return what holds for a function when it starts."""
    return configuration(function.event_config, function.reserved, function.dead_letter)
