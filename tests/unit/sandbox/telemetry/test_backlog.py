"""What waits for a subscriber: the same bytes until they are acknowledged, large events in pieces, a bound."""

from __future__ import annotations

from adaptive_batching.sandbox.telemetry.backlog import BACKLOG, Backlog
from adaptive_batching.sandbox.telemetry.batching import Buffering

LIMITS = Buffering(timeout=1.0, max_bytes=200, max_items=2)


def filled(*events: bytes) -> Backlog:
    backlog = Backlog(LIMITS)
    for event in events:
        backlog.push(event, now=0.0, at=0.0)
    return backlog


def as_it_is(batch: list[bytes]) -> list[bytes]:
    return batch


def test_a_batch_stays_until_it_is_finished() -> None:
    backlog = filled(b"1", b"2", b"3")
    assert backlog.take(as_it_is) == backlog.take(as_it_is) == (b"1", b"2")
    assert (len(backlog), backlog.unacknowledged()) == (3, [b"1", b"2"])
    backlog.finish()
    assert backlog.take(as_it_is) == (b"3",)


def test_the_order_of_a_batch_is_chosen_once() -> None:
    backlog = filled(b"1", b"2")
    assert backlog.take(lambda batch: batch[::-1]) == (b"2", b"1")
    assert backlog.take(lambda batch: batch[::-1]) == (b"2", b"1")


def test_what_is_not_acknowledged_is_due_at_once_and_what_waits_when_it_is_urged() -> None:
    backlog = filled(b"1")
    assert not backlog.is_due(0.5, urged=False)
    assert backlog.is_due(0.5, urged=True)
    assert backlog.is_due(1.0, urged=False)
    backlog.take(as_it_is)
    assert backlog.is_due(0.0, urged=False)


def test_a_large_event_is_whole_again_with_its_last_piece() -> None:
    event = b'{"time":"T1","type":"function","record":"' + b"A" * 500 + b'"}'
    backlog = filled(event)
    assert len(backlog) == 3
    whole: list[tuple[bytes, ...]] = []
    while len(backlog):
        whole.append(backlog.whole(backlog.take(as_it_is)))
        backlog.finish()
    assert [one for one in whole if one] == [(event,)]


def test_beyond_its_bound_the_oldest_is_dropped_and_counted() -> None:
    backlog = filled(b"1", *[b"x" * (BACKLOG // 2)] * 2)
    assert len(backlog) == 2
    assert backlog.push(b"y" * 10, now=0.0, at=0.0) == (1, BACKLOG // 2)
