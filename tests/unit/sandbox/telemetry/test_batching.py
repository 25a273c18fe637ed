"""When a batch goes: first of items, bytes, time since its first event."""

from __future__ import annotations

import random

from adaptive_batching.sandbox.telemetry.batching import Batcher, Buffering

LIMITS = Buffering(timeout=1.0, max_bytes=100, max_items=3)


def filled(*sizes: int, now: float = 0.0) -> Batcher:
    batcher = Batcher(LIMITS)
    for size in sizes:
        batcher.push(b"x" * size, now)
    return batcher


def test_nothing_waits_nothing_is_due() -> None:
    batcher = filled()
    assert batcher.due_at() is None
    assert not batcher.due(1e9)
    assert batcher.take() == []


def test_the_item_limit_makes_a_batch_due_at_once() -> None:
    assert not filled(1, 1).due(0.0)
    assert filled(1, 1, 1).due(0.0)


def test_bytes_reached_are_enough() -> None:
    assert not filled(99).due(0.0)
    assert filled(100).due(0.0)


def test_the_timer_starts_with_the_first_event() -> None:
    batcher = filled(1, now=5.0)
    batcher.push(b"x", 5.9)
    assert batcher.due_at() == 6.0
    assert not batcher.due(5.999)
    assert batcher.due(6.0)


def test_after_a_batch_was_taken_the_timer_is_that_of_the_oldest_that_stays() -> None:
    batcher = filled(1, 1, 1, now=0.0)
    batcher.push(b"x", 0.7)
    assert len(batcher.take()) == 3
    assert batcher.due_at() == 1.7


def test_a_batch_overshoots_the_bytes_by_one_event_at_most() -> None:
    batcher = filled(60, 60, 60)
    assert [len(event) for event in batcher.take()] == [60, 60]
    assert [len(event) for event in batcher.take()] == [60]


def test_a_single_event_of_any_size_fits() -> None:
    assert [len(event) for event in filled(5000).take()] == [5000]


def test_dropping_takes_the_oldest_and_counts() -> None:
    batcher = filled(40, 30, 20)
    assert batcher.drop_oldest(50) == (1, 40)
    assert batcher.size == 50


def test_what_goes_in_comes_out_once_and_in_order() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    batcher = Batcher(LIMITS)
    pushed, taken = [], []
    for number in range(2000):
        event = f"{number}".encode() * chance.randint(1, 20)
        pushed.append(event)
        batcher.push(event, number / 10)
        if chance.random() < 0.4:
            taken += batcher.take()
        assert batcher.size == sum(map(len, pushed)) - sum(map(len, taken))
    while len(batcher):
        taken += batcher.take()
    assert taken == pushed
