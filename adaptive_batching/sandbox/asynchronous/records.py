"""What Lambda sends about an event that has ended: the record for a destination, and the dead letter. Pure.

Source: "Capturing records of Lambda asynchronous invocations" in the Lambda developer guide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.asynchronous.queue import AGE_EXCEEDED, ZERO, Dropped
from adaptive_batching.values.json_text import no_json

if TYPE_CHECKING:
    from adaptive_batching.sandbox.asynchronous.queue import Succeeded

SUCCESS = "Success"
#: The source and the type of the events on EventBridge.
SOURCE, DETAIL_TYPE = "lambda", "Lambda Function Invocation Result - {}"
#: The longest ErrorMessage of a dead letter, in bytes.
MESSAGE_BYTES = 1024


@dataclass(frozen=True)
class Answered:
    """How a run ended. `started` is a time, `duration` in seconds, both of Lambda's."""

    payload: bytes
    function_error: str | None
    started: float
    duration: float


def record(end: Succeeded | Dropped, arn: str, version: str, timestamp: str) -> dict[str, Any]:
    """Return the record for a destination. `arn` is the function's unqualified one."""
    event = end.event
    found: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp,
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{arn}:{version}",
            "condition": condition(end),
            "approximateInvokeCount": event.runs,
        },
        "requestPayload": _read(event.payload),
    }
    answered = _answered(end)
    if answered:
        context = {"statusCode": 200, "executedVersion": version, "functionError": answered.function_error}
        found["responseContext"] = {name: value for name, value in context.items() if value is not None}
        found["responsePayload"] = _read(answered.payload)
    elif status := _status(end):
        found["responseContext"] = {"statusCode": status}
    return found


def condition(end: Succeeded | Dropped) -> str:
    """Return why an event has ended, as Lambda says it."""
    return end.reason if isinstance(end, Dropped) else SUCCESS


def detail_type(end: Succeeded | Dropped) -> str:
    """Return the type of the event on EventBridge."""
    return DETAIL_TYPE.format("Failure" if isinstance(end, Dropped) else "Success")


def dead_letter(end: Dropped) -> dict[str, dict[str, str]]:
    """Return the message attributes of a dead letter, whose body is the event as it came."""
    found = {"RequestID": {"DataType": "String", "StringValue": end.event.request_id}}
    if status := _status(end):
        found["ErrorCode"] = {"DataType": "Number", "StringValue": str(status)}
    answered = _answered(end)
    message = _message(answered.payload) if answered else ""
    if message:
        found["ErrorMessage"] = {"DataType": "String", "StringValue": message}
    return found


def s3_key(function: str, stamp: str, unique: str) -> str:
    """Return the key of the object for a record. `stamp` is the time as `YYYY-MM-DDTHH:MM:SS…`."""
    day, _, clock = stamp[:19].partition("T")
    return f"aws/lambda/async/{function}/{day.replace('-', '/')}/{day}T{clock.replace(':', '.')}-{unique}"


def _answered(end: Succeeded | Dropped) -> Answered | None:
    """Return the answer of the last run, if nothing came after it."""
    silent = isinstance(end, Dropped) and (end.reason == ZERO or (end.reason == AGE_EXCEEDED and end.event.refused))
    return end.event.response if isinstance(end.event.response, Answered) and not silent else None


def _status(end: Succeeded | Dropped) -> int:
    """Return the HTTP status of the last attempt, 0 if none was made."""
    if isinstance(end, Dropped) and end.reason == ZERO:
        return 0
    return end.event.refused or (200 if _answered(end) else 0)


def _message(payload: bytes) -> str:
    found = _read(payload)
    text = str(found.get("errorMessage", "")) if isinstance(found, dict) else ""
    return text.encode("utf-8", "replace")[:MESSAGE_BYTES].decode("utf-8", "ignore")


def _read(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return the payload as a record says it: what JSON cannot write, a number beyond its floats too, is a text."""
    try:
        found = read_json(payload)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")
    return found


def read_json(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what the payload says. Raises ValueError, for NaN and Infinity too, or RecursionError."""
    return json.loads(payload, parse_constant=no_json)
