"""Schedules at a rate: when each is due, and the event."""

from __future__ import annotations

import json
from pathlib import Path

from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.landscape.events import Rate
from adaptive_batching.sandbox.landscape.schedule import Timetable, event

FUNCTION = Function(Path("code"), name="f")


def test_a_rate_is_due_when_it_has_passed_once_and_then_each_time() -> None:
    one = Timetable([Rate("f", "slow", 300), Rate("f", "fast", 60)], 1000)
    due = []
    for _ in range(6):
        now = one.wake_at()
        assert now is not None
        assert one.poll(now - 0.1) == []
        due.append((now, [rate.name for rate in one.poll(now)]))
    assert due == [(t, ["slow", "fast"] if t == 1300 else ["fast"]) for t in range(1060, 1361, 60)]


def test_what_was_missed_several_times_is_due_once_and_keeps_its_beat() -> None:
    one = Timetable([Rate("f", "r", 60)], 0)
    assert len(one.poll(200)) == 1
    assert one.wake_at() == 240


def test_without_rates_nothing_is_ever_due() -> None:
    assert Timetable([], 0).wake_at() is None


def test_the_event_is_the_scheduled_one_or_the_input() -> None:
    found = json.loads(event(Rate("f", "every-minute", 60), FUNCTION, 1_795_672_280.9))
    assert found.pop("id")
    assert found == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-26T05:51:20Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/every-minute"],
        "detail": {},
    }
    assert event(Rate("f", "r", 60, '{"a": 1}'), FUNCTION, 0) == b'{"a": 1}'
