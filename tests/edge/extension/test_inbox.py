"""The inbox between real threads: order, its bound in bytes, and what is shed."""

import threading
import time
from collections.abc import Callable

import pytest

from extension.inbox import CAPACITY_BYTES, TIMEOUT, Inbox
from tests.fakes.lambda_api import wait_until


def thread(work: Callable[[], object]) -> threading.Thread:
    started = threading.Thread(target=work, daemon=True)
    started.start()
    return started


def ended(*threads: threading.Thread) -> None:
    for one in threads:
        one.join(10)
        assert not one.is_alive()


def take_all(inbox: Inbox, number: int) -> list[object]:
    items: list[object] = []

    def more() -> bool:
        items.extend(inbox.take(0.01))
        return len(items) >= number

    wait_until(more, f"{number} items; {len(items)} came")
    return items


def test_the_limits_are_those_of_the_specification() -> None:
    assert (CAPACITY_BYTES, TIMEOUT) == (8 * 1024 * 1024, 1.0)


def test_what_was_put_is_taken_in_order_all_at_once() -> None:
    inbox = Inbox()
    for number in range(5):
        inbox.put(number, number)
    assert inbox.take(0) == [0, 1, 2, 3, 4]
    assert inbox.take(0) == []


def test_an_empty_inbox_is_waited_for_as_long_as_asked() -> None:
    begun = time.monotonic()
    assert Inbox().take(0.05) == []
    assert 0.045 <= time.monotonic() - begun < 1.0


@pytest.mark.parametrize("timeout", [0, -5.0])
def test_a_moment_that_has_passed_is_not_waited_for(timeout: float) -> None:
    begun = time.monotonic()
    assert Inbox().take(timeout) == []
    assert time.monotonic() - begun < 0.5


def test_a_wait_longer_than_a_lock_can_wait_is_no_fault() -> None:
    inbox = Inbox()
    inbox.put("there")
    assert inbox.take(1e12) == ["there"]
    taker = thread(lambda: inbox.take(1e12))
    inbox.put("now")
    ended(taker)


def test_whoever_waits_is_woken_by_what_arrives() -> None:
    inbox = Inbox()
    taken: list[object] = []
    taker = thread(lambda: taken.extend(inbox.take(None)))
    inbox.put("item", 5)
    ended(taker)
    assert taken == ["item"]


def test_many_producers_lose_nothing_and_keep_their_own_order() -> None:
    inbox = Inbox(capacity=1000)

    def produce(producer: int) -> None:
        for number in range(500):
            inbox.put((producer, number), 10)

    producers = [thread(lambda producer=producer: produce(producer)) for producer in range(8)]  # type: ignore[misc]
    items = take_all(inbox, 4000)
    ended(*producers)
    for producer in range(8):
        assert [item for item in items if item[0] == producer] == [(producer, n) for n in range(500)]  # type: ignore[index]


def test_a_single_body_always_fits() -> None:
    inbox = Inbox(capacity=10)
    begun = time.monotonic()
    inbox.put("large", 1_000_000)
    assert time.monotonic() - begun < 0.5
    assert inbox.take(0) == ["large"]


def test_exactly_the_capacity_fits_without_delay() -> None:
    inbox = Inbox(capacity=10)
    begun = time.monotonic()
    inbox.put("a", 4)
    inbox.put("b", 6)
    assert time.monotonic() - begun < 0.5
    assert inbox.take(0) == ["a", "b"]


def test_a_full_inbox_delays_the_producer_until_the_consumer_takes() -> None:
    inbox = Inbox(capacity=10)
    inbox.put("first", 8)
    producer = thread(lambda: inbox.put("second", 8, timeout=60))
    producer.join(0.05)
    assert producer.is_alive()
    assert inbox.take(0) == ["first"]
    ended(producer)
    assert inbox.take(0) == ["second"]


def test_all_who_wait_get_in_as_soon_as_there_is_room() -> None:
    inbox = Inbox(capacity=100)
    inbox.put("first", 100)
    producers = [thread(lambda: inbox.put("more", 10, timeout=60)) for _ in range(8)]
    producers[0].join(0.05)
    assert inbox.take(0) == ["first"]
    ended(*producers)  # though nothing more is taken
    assert inbox.take(0) == ["more"] * 8


def test_when_patience_ends_the_oldest_whole_batches_are_shed_and_something_stands_in_their_place() -> None:
    inbox = Inbox(capacity=100)
    inbox.on_shed = lambda item: f"no {item}"
    for name, size in (("a", 30), ("b", 30), ("c", 40)):
        inbox.put(name, size)
    begun = time.monotonic()
    inbox.put("d", 50, timeout=0.1)
    assert 0.09 <= time.monotonic() - begun < 2
    assert inbox.take(0) == ["no a", "no b", "c", "d"]


def test_the_platform_is_delayed_for_a_second_at_most() -> None:
    inbox = Inbox(capacity=10)
    inbox.put("a", 10)
    begun = time.monotonic()
    inbox.put("b", 10)
    assert 0.9 <= time.monotonic() - begun < 3
    assert inbox.take(0) == ["b"]


def test_a_body_larger_than_the_capacity_sheds_everything_before_it() -> None:
    inbox = Inbox(capacity=10)
    inbox.put("a", 5)
    inbox.put("b", 5)
    inbox.put("huge", 1000, timeout=0)
    assert inbox.take(0) == ["huge"]


def test_events_get_in_at_once_and_are_never_shed() -> None:
    inbox = Inbox(capacity=10)
    inbox.put("INVOKE")
    inbox.put("logs", 10)
    begun = time.monotonic()
    inbox.put("SHUTDOWN")
    assert time.monotonic() - begun < 0.5
    inbox.put("more logs", 10, timeout=0)
    assert inbox.take(0) == ["INVOKE", "SHUTDOWN", "more logs"]


def test_the_bound_counts_only_what_still_waits() -> None:
    inbox = Inbox(capacity=10)
    for number in range(100):
        inbox.put(number, 10, timeout=0)
        assert inbox.take(0) == [number]


def test_what_is_put_without_waking_is_taken_at_the_next_wake() -> None:
    inbox = Inbox()
    taken: list[object] = []
    waiting = thread(lambda: taken.extend(inbox.take(60)))
    inbox.put("quiet", 5, wakes=False)
    inbox.wake()
    ended(waiting)
    assert taken == ["quiet"]


def test_a_signal_whose_items_are_taken_wakes_nobody_for_nothing() -> None:
    inbox = Inbox()
    inbox.put("a")
    inbox.put("b")
    assert inbox.take(None) == ["a", "b"]
    began = time.monotonic()
    assert inbox.take(0.2) == []
    assert time.monotonic() - began >= 0.19  # nothing had arrived: it waited
