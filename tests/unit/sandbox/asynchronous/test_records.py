"""What Lambda sends about an event that has ended, member by member."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.sandbox.asynchronous import records
from adaptive_batching.sandbox.asynchronous.queue import (
    AGE_EXCEEDED,
    RETRIES_EXHAUSTED,
    THROTTLED,
    ZERO,
    Dropped,
    Event,
    Succeeded,
)
from adaptive_batching.sandbox.asynchronous.records import Answered

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
AT = "2026-11-26T08:23:48.000Z"
FAILED = Answered(b'{"errorMessage":"no","errorType":"ValueError"}', "Unhandled", 0.0, 1.0)
ASKED = b'{"order":7}'


def event(**changes: object) -> Event:
    return Event(**{"request_id": "r", "payload": ASKED, "trace": "", "received": 0.0, "number": 0, **changes})  # type: ignore[arg-type]


def made(end: Succeeded | Dropped) -> dict[str, object]:
    return records.record(end, ARN, "$LATEST", AT)


def context(condition: str, count: int) -> dict[str, object]:
    return {
        "requestId": "r",
        "functionArn": f"{ARN}:$LATEST",
        "condition": condition,
        "approximateInvokeCount": count,
    }


def test_a_success() -> None:
    end = Succeeded(event(runs=1, response=Answered(b'"done"', None, 0.0, 1.0)))
    assert made(end) == {
        "version": "1.0",
        "timestamp": AT,
        "requestContext": context("Success", 1),
        "requestPayload": {"order": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": "done",
    }
    assert records.detail_type(end) == "Lambda Function Invocation Result - Success"


def test_retries_exhausted() -> None:
    end = Dropped(event(runs=3, errors=3, response=FAILED), RETRIES_EXHAUSTED)
    assert made(end)["requestContext"] == context("RetriesExhausted", 3)
    assert made(end)["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert made(end)["responsePayload"] == {"errorMessage": "no", "errorType": "ValueError"}
    assert records.dead_letter(end) == {
        "RequestID": {"DataType": "String", "StringValue": "r"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no"},
    }
    assert records.detail_type(end) == "Lambda Function Invocation Result - Failure"


def test_expired_while_throttled() -> None:
    for runs, response in ((0, None), (1, FAILED)):
        end = Dropped(event(runs=runs, refused=THROTTLED, response=response), AGE_EXCEEDED)
        assert made(end) == {
            "version": "1.0",
            "timestamp": AT,
            "requestContext": context("EventAgeExceeded", runs),
            "requestPayload": {"order": 7},
            "responseContext": {"statusCode": 429},
        }
        assert records.dead_letter(end) == {
            "RequestID": {"DataType": "String", "StringValue": "r"},
            "ErrorCode": {"DataType": "Number", "StringValue": "429"},
        }


def test_zero_reserved_concurrency() -> None:
    end = Dropped(event(), ZERO)
    assert made(end) == {
        "version": "1.0",
        "timestamp": AT,
        "requestContext": context("ZeroReservedConcurrency", 0),
        "requestPayload": {"order": 7},
    }
    assert set(records.dead_letter(end)) == {"RequestID"}


def test_the_key_of_an_object() -> None:
    assert records.s3_key("f", AT, "u") == "aws/lambda/async/f/2026/11/26/2026-11-26T08.23.48-u"


@given(st.text(max_size=3000))
def test_an_error_message_is_at_most_1024_bytes_and_a_prefix(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    answered = Answered(json.dumps({"errorMessage": text}).encode(), "Unhandled", 0.0, 0.0)
    found = records.dead_letter(Dropped(event(runs=1, response=answered), RETRIES_EXHAUSTED)).get("ErrorMessage")
    message = found["StringValue"] if found else ""
    assert text.startswith(message)
    assert len(message.encode()) <= 1024
    assert len(message.encode()) > 1020 or message == text


NUMBERS = [b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"1e999", b"[-1e999]"]


@given(st.binary(max_size=50) | st.sampled_from(NUMBERS))
def test_whatever_a_function_answers_becomes_json(payload: bytes) -> None:
    end = Succeeded(event(payload=payload, response=Answered(payload, None, 0.0, 0.0)))
    json.loads(json.dumps(made(end), allow_nan=False))


@pytest.mark.parametrize("payload", NUMBERS)
def test_a_number_that_json_lacks_is_a_text(payload: bytes) -> None:
    end = Succeeded(event(response=Answered(payload, None, 0.0, 0.0)))
    assert made(end)["responsePayload"] == payload.decode()
