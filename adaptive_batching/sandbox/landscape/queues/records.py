"""The event of an SQS event source. Pure.

Source: "Using Lambda with Amazon SQS" in the Lambda developer guide, and ReceiveMessage of the SQS API reference.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.landscape.queues.batches import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REGION = 3  # the part of an ARN


def message(received: Mapping[str, Any], arn: str) -> Message:
    """Return a message of a queue with this ARN as ReceiveMessage answers it."""
    attributes = received.get("MessageAttributes") or {}
    record = {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": dict(received.get("Attributes") or {}),
        "messageAttributes": {name: _attribute(one) for name, one in attributes.items()},
        "md5OfBody": received.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[_REGION],
    }
    if "MD5OfMessageAttributes" in received:
        record["md5OfMessageAttributes"] = received["MD5OfMessageAttributes"]
    return Message(received["MessageId"], received["ReceiptHandle"], record, len(received["Body"].encode()))


def event(messages: Sequence[Message]) -> dict[str, Any]:
    """Return the event for a batch."""
    return {"Records": [one.record for one in messages]}


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "StringValue" in given:
        found["stringValue"] = given["StringValue"]
    if "BinaryValue" in given:
        found["binaryValue"] = base64.b64encode(given["BinaryValue"]).decode()
    return {**found, "stringListValues": [], "binaryListValues": [], "dataType": given.get("DataType", "String")}
