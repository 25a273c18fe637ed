"""A shard of a stream: order, retries, splits, partial failures, age; and the record of what is discarded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.landscape.events import StreamMapping
from adaptive_batching.sandbox.landscape.streams import records
from adaptive_batching.sandbox.landscape.streams.shard import (
    EXHAUSTED,
    FIRST_WAIT,
    LARGEST,
    LONGEST_WAIT,
    RETENTION,
    TOO_OLD,
    Batch,
    Discarded,
    Record,
    Run,
    Shard,
)

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-26T05:51:20.398"


def shard(*sequences: int, at: float = 0.0, size: int = 1, **changes: Any) -> Shard:  # noqa: ANN401 - fields of a mapping
    one = Shard(StreamMapping("f", STREAM, **changes))
    one.received([Record(str(number), at, {}, size) for number in sequences], at)
    return one


def run(one: Shard, now: float = 0.0) -> list[int]:
    """The sequence numbers of the batch that runs now."""
    decision = one.poll(now)
    assert isinstance(decision, Run), decision
    return numbers(decision)


def numbers(decision: Run | Discarded) -> list[int]:
    return [int(record.sequence) for record in decision.batch.records]


def test_batches_run_in_order_and_one_at_a_time() -> None:
    one = shard(1, 2, 3, 4, 5, batch_size=2)
    found = []
    for _ in range(2):
        found.append(run(one))
        assert (one.poll(0), one.wake_at(), one.wanted) == (None, None, 0)
        one.succeeded()
    assert found == [[1, 2], [3, 4]]
    assert run(one) == [5]  # without a window, a batch need not be full
    one.succeeded()
    assert (one.poll(0), one.wake_at(), one.wanted) == (None, None, 2)


def test_with_a_window_records_are_gathered() -> None:
    one = shard(1, batch_size=3, window=5.0, at=10)
    assert (one.poll(10), one.wake_at(), one.wanted) == (None, 15, 2)
    assert run(one, 15) == [1]


def test_a_batch_is_at_most_six_megabytes() -> None:
    one = shard(1, 2, 3, size=LARGEST // 2)
    assert run(one) == [1, 2]


def test_what_fails_is_tried_again_before_anything_else_with_longer_and_longer_waits() -> None:
    one = shard(1, 2, batch_size=1)
    now, waits = 0.0, []
    for _ in range(10):
        assert run(one, now) == [1]
        assert one.failed(now) is None
        wake = one.wake_at()
        assert wake is not None
        assert one.poll(wake - 0.01) is None
        waits.append(wake - now)
        now = wake
    assert waits == [min(FIRST_WAIT * 2**number, LONGEST_WAIT) for number in range(10)]
    assert run(one, now) == [1]
    one.succeeded()
    assert run(one, now) == [2]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_after_its_retries_a_batch_is_discarded_and_the_next_one_runs(retries: int) -> None:
    one = shard(1, 2, 3, batch_size=2, retries=retries)
    for attempt in range(retries + 1):
        now = attempt * LONGEST_WAIT
        assert run(one, now) == [1, 2]
        end = one.failed(now)
        assert (end is None) == (attempt < retries)
    assert end is not None
    assert (numbers(end), end.condition, end.batch.runs) == ([1, 2], EXHAUSTED, retries + 1)
    assert run(one, now) == [3]


def test_a_split_isolates_the_record_that_fails_and_costs_no_retry() -> None:
    one = shard(*range(1, 9), batch_size=8, retries=1, bisect=True)
    now, found, ends = 0.0, [], []
    while (decision := one.poll(now)) or one.wake_at() is not None:
        if decision is None:
            now = one.wake_at() or 0.0
            continue
        found.append(numbers(decision))
        if 6 in found[-1]:
            ends += [end for end in [one.failed(now)] if end]
        else:
            one.succeeded()
    assert found == [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], [5], [6], [6], [7, 8]]
    assert [(numbers(end), end.batch.errors) for end in ends] == [([6], 2)]


def test_a_partial_failure_runs_again_from_the_first_record_that_failed() -> None:
    one = shard(1, 2, 3, 4, batch_size=4, retries=1)
    assert run(one) == [1, 2, 3, 4]
    assert one.failed(0, first="3") is None
    assert run(one, LONGEST_WAIT) == [3, 4]
    end = one.failed(0, first="4")  # the budget is not reset
    assert end is not None
    assert (numbers(end), end.batch.runs) == ([4], 2)


def test_a_partial_failure_is_where_a_batch_is_split() -> None:
    one = shard(1, 2, 3, 4, batch_size=4, bisect=True)
    run(one)
    one.failed(0, first="2")
    assert run(one, LONGEST_WAIT) == [2, 3, 4]


def test_where_the_first_record_is_named_the_whole_batch_runs_again_and_is_given_up() -> None:
    one = shard(1, 2, 3, 4, batch_size=4, retries=1, bisect=True)
    run(one)
    assert one.failed(0, first="1") is None
    assert run(one, LONGEST_WAIT) == [1, 2, 3, 4]
    end = one.failed(0, first="1")
    assert end is not None
    assert (numbers(end), end.condition) == ([1, 2, 3, 4], EXHAUSTED)


def test_throttles_cost_no_retry() -> None:
    one = shard(1, retries=0)
    for attempt in range(5):
        assert run(one, attempt * LONGEST_WAIT) == [1]
        one.throttled(attempt * LONGEST_WAIT)
    assert run(one, 5 * LONGEST_WAIT) == [1]
    end = one.failed(0)
    assert end is not None
    assert end.batch.runs == 1


@pytest.mark.parametrize(("max_age", "limit"), [(60.0, 60.0), (-1.0, RETENTION), (10 * RETENTION, RETENTION)])
def test_records_that_are_too_old_are_discarded_before_they_run(max_age: float, limit: float) -> None:
    one = shard(1, 2, batch_size=3, max_age=max_age)
    one.received([Record("3", 30, {}, 1)], 30)
    assert run(one, limit) == [1, 2, 3]
    one.failed(limit)
    end = one.poll(limit + 10)
    assert isinstance(end, Discarded)
    assert (numbers(end), end.condition, end.batch.runs) == ([1, 2], TOO_OLD, 1)
    assert run(one, limit + 10) == [3]


@settings(deadline=None)
@given(st.data())
def test_a_record_runs_only_when_all_before_it_are_concluded_and_each_is_concluded_once(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 30))
    poison = data.draw(st.sets(st.integers(1, total)))
    mapping = StreamMapping(
        "f",
        STREAM,
        batch_size=data.draw(st.integers(1, 12)),
        window=data.draw(st.sampled_from([0.0, 3.0])),
        retries=data.draw(st.integers(0, 3)),
        bisect=data.draw(st.booleans()),
        partial=data.draw(st.booleans()),
    )
    one, now, concluded, discarded, sent = Shard(mapping), 0.0, list[int](), list[int](), 0
    for _ in range(2_000):
        if count := data.draw(st.integers(1, one.wanted)) if one.wanted and sent < total else 0:
            upto = min(total, sent + count)
            one.received([Record(str(number), now, {}, 1) for number in range(sent + 1, upto + 1)], now)
            sent = upto
        decision = one.poll(now)
        if isinstance(decision, Run):
            running = numbers(decision)
            assert running == list(range(len(concluded) + 1, len(concluded) + len(running) + 1))
            assert decision.batch.errors <= mapping.retries
            bad = [number for number in running if number in poison]
            if not bad:
                one.succeeded()
                concluded += running
            else:
                first = bad[0] if mapping.partial else None
                concluded += running[: running.index(first)] if first else []
                if end := one.failed(now, str(first) if first else None):
                    concluded += numbers(end)
                    discarded += numbers(end)
        elif sent == total and one.wake_at() is None:
            break
        else:
            now = max(now + 0.5, one.wake_at() or 0.0)
    assert concluded == list(range(1, total + 1))
    assert set(discarded) >= poison
    if mapping.bisect and not mapping.partial:
        assert set(discarded) == poison


def test_a_record_of_the_event_is_as_lambda_has_it() -> None:
    read = {
        "eventID": "c81e",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime(2026, 11, 26, 5, 51, 20, 900_000, UTC),
            "Keys": {"id": {"S": "1"}},
            "NewImage": {"id": {"S": "1"}, "b": {"B": b"\xff"}, "l": {"L": [{"N": "7"}, {"BS": [b"a"]}]}},
            "SequenceNumber": "111",
            "SizeBytes": 26,
            "StreamViewType": "NEW_IMAGE",
        },
    }
    one = records.record(read, STREAM)
    assert (one.sequence, one.at) == ("111", 1_795_672_280.9)
    (found,) = records.event([one])["Records"]
    assert found["eventSourceARN"] == STREAM
    assert found["dynamodb"]["ApproximateCreationDateTime"] == 1_795_672_280
    assert found["dynamodb"]["NewImage"] == {
        "id": {"S": "1"},
        "b": {"B": "/w=="},
        "l": {"L": [{"N": "7"}, {"BS": ["YQ=="]}]},
    }


ORIGIN = records.Origin(STREAM, "shardId-00000001573689847184-864758bb", "arn:aws:lambda:x:1:function:f", "$LATEST")


def test_the_record_of_what_is_discarded_is_as_lambda_has_it() -> None:
    batch = Batch((Record("800", 1_795_672_280.9, {}, 1), Record("801", 1_795_672_290.0, {}, 1)), 4, 4)
    assert records.discarded(Discarded(batch, EXHAUSTED), ORIGIN, "316aa6d0", "Unhandled", 1_795_672_300.123) == {
        "requestContext": {
            "requestId": "316aa6d0",
            "functionArn": "arn:aws:lambda:x:1:function:f",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-26T05:51:40.123Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001573689847184-864758bb",
            "startSequenceNumber": "800",
            "endSequenceNumber": "801",
            "approximateArrivalOfFirstRecord": "2026-11-26T05:51:20Z",
            "approximateArrivalOfLastRecord": "2026-11-26T05:51:30Z",
            "batchSize": 2,
            "streamArn": STREAM,
        },
    }


def test_without_a_run_there_is_no_response() -> None:
    end = Discarded(Batch((Record("800", 0, {}, 1),)), TOO_OLD)
    assert "responseContext" not in records.discarded(end, ORIGIN, "", None, 0)
