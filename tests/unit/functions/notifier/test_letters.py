"""Which request a message in a queue is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.sandbox.asynchronous import records
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Event
from notifier import letters
from tests.unit.functions.notifier.build import NOW, REQUEST, SESSION, TRACE

if TYPE_CHECKING:
    from notifier.notices import Clue

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:conference-save"
ROOT = "1-6a5f4b3c-0123456789abcdef01234567"
SENT = NOW - 16_000


def received(body: object, attributes: dict[str, str] | None = None, **system: str) -> dict[str, Any]:
    """A message as ReceiveMessage returns it."""
    return {
        "MessageId": "0f1d9ef0-0000-4000-8000-000000000001",
        "ReceiptHandle": "x",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": str(SENT), "ApproximateReceiveCount": "1", **system},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
        },
    }


def clue(message: dict[str, Any]) -> Clue | None:
    return letters.read(message, "conference-dead", NOW).clue


STREAM: dict[str, Any] = {  # as Lambda sends it for a batch of a stream: developer guide, "Retain discarded batches"
    "requestContext": {
        "requestId": REQUEST,
        "functionArn": ARN,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    },
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "version": "1.0",
    "timestamp": "2026-11-20T17:41:50.000Z",
    "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": 1, "streamArn": "arn:aws:dynamodb:…"},
}
RECORD: dict[str, Any] = {
    **STREAM,
    "requestPayload": {"traceId": TRACE},
    "responsePayload": {"errorMessage": "no", "errorType": "E"},
}


@pytest.mark.parametrize(
    ("message", "values", "exact"),
    [
        (received({"traceId": TRACE}, {"RequestID": REQUEST, "ErrorMessage": "no"}), (REQUEST,), True),
        (received(RECORD), (REQUEST,), True),
        (received(STREAM), (REQUEST,), True),
        (received({"Type": "Notification", "Message": json.dumps(RECORD)}), (REQUEST,), True),
        (received({"detail-type": "Lambda Function Invocation Result - Failure", "detail": RECORD}), (REQUEST,), True),
        (received("nothing", AWSTraceHeader=f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"), (ROOT,), False),
        (received({"traceId": TRACE}), (TRACE,), False),
        (
            received({"sessionId": SESSION, "traceId": TRACE}, AWSTraceHeader=f"Root={ROOT}"),
            (TRACE, SESSION, ROOT),
            False,
        ),
        (received({"order": {"correlation_id": TRACE}}), (TRACE,), False),
        (received({"Message": json.dumps({"a": [{"trace_id": TRACE}]})}), (TRACE,), False),
    ],
)
def test_the_ways_in_which_a_message_says_it(message: dict[str, Any], values: tuple[str, ...], exact: bool) -> None:  # noqa: FBT001
    found = clue(message)
    assert found is not None
    assert (found.values, found.exact) == (values, exact)
    assert found.since <= SENT <= found.until <= NOW + 60_000


@pytest.mark.parametrize(
    "message",
    [
        received("plain text"),
        received({"traceId": 17, "sessionId": "17"}),  # too short to be searched for
        received({"traceId": "a b c d e f g h"}),
        received({"traceId": "--since=1970"}),
        received({}, {"RequestID": "$(reboot)"}),
        received("[" * 5000),
        received({"requestContext": {"requestId": REQUEST}}),  # the event of an API, not a record
        received(
            {**RECORD, "requestContext": {**RECORD["requestContext"], "condition": "Success"}, "requestPayload": 1}
        ),
    ],
)
def test_a_message_that_names_no_request(message: dict[str, Any]) -> None:
    assert clue(message) is None


def test_a_record_names_its_function_its_attempts_and_its_error() -> None:
    found = letters.read(received(RECORD), "failed", NOW)
    assert (found.what, found.where, found.tries) == ("dead letter in", "failed", "tried 3 times")
    assert found.said == "RetryAttemptsExhausted: no"
    assert found.clue
    assert found.clue.functions == ("conference-save",)


@pytest.mark.parametrize(
    ("reason", "runs", "tries"), [("ZeroReservedConcurrency", 0, "never tried"), ("RetriesExhausted", 1, "tried once")]
)
def test_an_event_that_never_ran_has_no_lines(reason: str, runs: int, tries: str) -> None:
    """The records of the sandbox, which follow Lambda's."""
    event = Event(REQUEST, b"{}", "Root=1-0-0", 0.0, 1, runs=runs)
    made = records.record(Dropped(event, reason), ARN, "$LATEST", "2026-11-20T17:41:50.000Z")
    found = letters.read(received(made), "failed", NOW)
    assert (found.tries, found.said.startswith(reason), found.clue is not None) == (tries, True, runs > 0)


@pytest.mark.parametrize(
    ("message", "before", "tries"),
    [
        (received({}, ApproximateReceiveCount="4"), None, "received 3 times"),
        (received({}, ApproximateReceiveCount="9"), 3, "received 3 times"),  # it was looked at five times meanwhile
        (received({}, ApproximateReceiveCount="2"), None, "received once"),
        (received({}), None, ""),
        (received(STREAM, ApproximateReceiveCount="9"), None, "tried 3 times"),
        (received({}, {"RequestID": REQUEST}, ApproximateReceiveCount="9"), None, ""),
    ],
)
def test_receipts_count_before_the_first_look_and_where_a_function_made_them(
    message: dict[str, Any], before: int | None, tries: str
) -> None:
    assert letters.read(message, "dead", NOW, before).tries == tries


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["requestContext", "detail", "Message", "traceId", "requestId", "condition", "timestamp", "x"]
            ),
            inner,
            max_size=4,
        ),
    ),
)


@given(JSON, st.dictionaries(st.sampled_from(["RequestID", "ErrorMessage", "x"]), st.text(max_size=20)))
def test_any_message_is_read(body: Any, attributes: dict[str, str]) -> None:  # noqa: ANN401
    found = letters.read(received(body, attributes), "dead", NOW)
    assert found.where == "dead"
    assert found.id == "0f1d9ef0-0000-4000-8000-000000000001"
