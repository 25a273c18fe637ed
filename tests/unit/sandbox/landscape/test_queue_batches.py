"""Batches of a queue: what is asked for, what runs together, and how many batches run at a time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.landscape.events import QueueMapping
from adaptive_batching.sandbox.landscape.queues import records
from adaptive_batching.sandbox.landscape.queues.batches import AGAIN, LARGEST, Batch, Batches, Message

ARN = "arn:aws:sqs:us-east-1:123456789012:work"


def mapping(**changes: object) -> QueueMapping:
    return QueueMapping("f", ARN, **changes)  # type: ignore[arg-type]


def messages(*names: str, size: int = 1) -> list[Message]:
    return [Message(name, f"handle-{name}", {"messageId": name}, size) for name in names]


def names(batches: list[Batch]) -> list[list[str]]:
    return [[one.message_id for one in batch.messages] for batch in batches]


def test_without_a_window_what_was_received_runs_at_once() -> None:
    one = Batches(mapping(), 30)
    assert one.wanted(5) == 10
    one.received(messages("a", "b"), 0)
    assert names(one.poll(0, 5)) == [["a", "b"]]
    assert (one.running, one.wake_at()) == (1, None)


def test_with_a_window_messages_are_gathered_until_it_ends_or_the_batch_is_full() -> None:
    one = Batches(mapping(batch_size=3, window=5.0), 30)
    assert one.wanted(5) == 3
    one.received(messages("a"), 10)
    assert (one.poll(10, 5), one.wanted(5), one.wake_at()) == ([], 2, 15)
    one.received(messages("b"), 12)
    assert (one.poll(14.9, 5), one.wake_at()) == ([], 15)
    assert names(one.poll(15, 5)) == [["a", "b"]]
    one.received(messages("c", "d", "e"), 16)
    assert names(one.poll(16, 5)) == [["c", "d", "e"]]


def test_a_batch_is_at_most_six_megabytes_and_any_single_message_fits() -> None:
    one = Batches(mapping(batch_size=100, window=60.0), 30)
    one.received(messages("a", "b", "c", size=LARGEST // 2) + messages("d", size=LARGEST + 1), 0)
    assert names(one.poll(0, 5)) == [["a", "b"], ["c"], ["d"]]


def test_at_the_maximum_concurrency_nothing_is_asked_for() -> None:
    one = Batches(mapping(batch_size=1, most=2), 30)
    for name in "ab":
        assert one.wanted(10) == 1
        one.received(messages(name), 0)
        assert len(one.poll(0, 10)) == 1
    assert one.wanted(10) == 0
    one.ended(0)
    assert one.wanted(10) == 1


def test_without_room_on_this_machine_nothing_is_asked_for() -> None:
    assert Batches(mapping(), 30).wanted(0) == 0


def test_what_succeeded_is_deleted_and_what_failed_is_not() -> None:
    batch = Batch(0, tuple(messages("a", "b", "c")), 0)
    assert [one.message_id for one in batch.succeeded({"b"})] == ["a", "c"]
    assert batch.succeeded(None) == []
    assert len(batch.succeeded(set())) == 3


def test_a_throttled_batch_keeps_its_place_and_runs_again_until_its_messages_are_visible() -> None:
    one = Batches(mapping(batch_size=1, most=1), 2.5)
    one.received(messages("a"), 0)
    now, runs = 0.0, 0
    while batches := one.poll(now, 5):
        runs += 1
        one.throttled(batches[0].number, now)
        assert (one.running, one.wanted(5), one.wake_at()) == (1, 0, now + AGAIN)
        assert one.poll(now + AGAIN / 2, 5) == []
        now += AGAIN
    assert (runs, now) == (3, 3.0)
    assert (one.running, one.wanted(5)) == (0, 1)


@settings(deadline=None)
@given(st.data())
def test_every_message_runs_once_in_a_batch_that_is_small_enough_and_never_too_many_at_a_time(
    data: st.DataObject,
) -> None:
    size, most = data.draw(st.integers(1, 25)), data.draw(st.none() | st.integers(2, 4))
    window = data.draw(st.sampled_from([0.0, 1.0, 5.0]))
    one = Batches(mapping(batch_size=size, most=most, window=window), 1000)
    left = [f"m{number}" for number in range(data.draw(st.integers(0, 60)))]
    total, now, ran, running = len(left), 0.0, list[str](), list[int]()
    for _ in range(2_000):
        room = data.draw(st.integers(1, 5))
        count = one.wanted(room - len(running))
        assert count <= 10
        taken, left = left[:count], left[count:]
        one.received(messages(*taken), now)
        for batch in one.poll(now, room - len(running)):
            ran += [message.message_id for message in batch.messages]
            running.append(batch.number)
            assert 1 <= len(batch.messages) <= size
        assert len(running) <= (most or 5)
        if len(ran) == total:
            break
        if running and (len(running) >= room or data.draw(st.booleans())):
            one.ended(running.pop())
        now += 0.5
    assert ran == [f"m{number}" for number in range(total)]


def test_a_record_has_every_member_that_is_documented() -> None:
    received = {
        "MessageId": "ce7df510",
        "ReceiptHandle": "AQEB",
        "Body": "é",
        "MD5OfBody": "9bfd",
        "MD5OfMessageAttributes": "e4e6",
        "Attributes": {"ApproximateReceiveCount": "1", "AWSTraceHeader": "Root=1-6b07cb26-98962077ee86463597ff2278"},
        "MessageAttributes": {
            "text": {"StringValue": "x", "DataType": "String"},
            "bytes": {"BinaryValue": b"\xff", "DataType": "Binary"},
        },
    }
    one = records.message(received, ARN)
    assert (one.message_id, one.handle, one.size) == ("ce7df510", "AQEB", 2)
    empty: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert records.event([one]) == {
        "Records": [
            {
                "messageId": "ce7df510",
                "receiptHandle": "AQEB",
                "body": "é",
                "attributes": received["Attributes"],
                "messageAttributes": {
                    "text": {"stringValue": "x", "dataType": "String", **empty},
                    "bytes": {"binaryValue": "/w==", "dataType": "Binary", **empty},
                },
                "md5OfBody": "9bfd",
                "md5OfMessageAttributes": "e4e6",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "us-east-1",
            }
        ]
    }
