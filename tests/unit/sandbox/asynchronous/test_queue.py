"""The event queue: what Hypothesis finds no exception from, over arrivals, outcomes, limits and changed settings."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import Configuration
from adaptive_batching.sandbox.asynchronous.queue import (
    AGE_EXCEEDED,
    RETRIES_EXHAUSTED,
    ZERO,
    Decision,
    Dropped,
    Queue,
    Retried,
    Run,
    Succeeded,
    Throttled,
)
from adaptive_batching.sandbox.asynchronous.virtual import History, Outcome, Play

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIGURATIONS = st.builds(
    Configuration,
    retries=st.integers(0, 2),
    max_age=st.one_of(st.sampled_from([60, 61, 90, 180, 181, 600, 21_600]), st.integers(60, 21_600)),
    reserved=st.one_of(st.none(), st.integers(0, 3)),
)
TIMES = st.floats(0, 2_000, allow_subnormal=False)
OUTCOMES = st.builds(
    Outcome, duration=st.floats(0, 900, allow_subnormal=False), error=st.booleans(), broken=st.booleans()
)
#: The waits after throttles and failures of the sandbox, by a table of the tests' own.
BACK_OFF = [1, 2, 4, 8, 16, 32, 64, 128, 256, *[300] * 200]
RETRIES = [60, 120]


@st.composite
def plays(draw: Callable[..., Any]) -> tuple[Play, list[tuple[float, Configuration]]]:
    outcomes = draw(st.lists(OUTCOMES, min_size=1, max_size=12))
    changes = [(0.0, draw(CONFIGURATIONS)), *draw(st.lists(st.tuples(TIMES, CONFIGURATIONS), max_size=3))]
    count = iter(range(10_000_000))

    def outcome(_event: object) -> Outcome:
        number = next(count)
        # What fails for ever is throttled for ever: after a while it ends, so that each play does.
        return outcomes[number % len(outcomes)] if number < 200 else Outcome(0.0)

    play = Play(
        arrivals=draw(st.lists(TIMES, max_size=8)), outcome=outcome, changes=changes, room=draw(st.integers(1, 4))
    )
    return play, sorted(changes, key=lambda one: one[0])


def by_event(history: History) -> dict[str, list[tuple[float, Decision]]]:
    found: dict[str, list[tuple[float, Decision]]] = defaultdict(list)
    for one in history.moments:
        found[one.decision.event.request_id].append((one.at, one.decision))
    return found


def at(changes: list[tuple[float, Configuration]], now: float) -> list[Configuration]:
    """The configurations that may hold at a moment: more than one at the moment of a change."""
    before = [one for when, one in changes if when < now]
    return [*before[-1:], *(one for when, one in changes if when == now)]


@given(plays())
def test_every_event_ends_once_and_nothing_follows(made: tuple[Play, list[tuple[float, Configuration]]]) -> None:
    play, _ = made
    history = play.until_quiet()
    found = by_event(history)
    assert len(found) == history.received == len(play.arrivals)
    for moments in found.values():
        ends = [isinstance(decision, Succeeded | Dropped) for _, decision in moments]
        assert ends == [*[False] * (len(ends) - 1), True]


@given(plays())
def test_every_wait_is_the_tables(made: tuple[Play, list[tuple[float, Configuration]]]) -> None:
    play, _ = made
    for moments in by_event(play.until_quiet()).values():
        waits, errors = 0, 0
        runs = 0
        for _, decision in moments:
            if isinstance(decision, Throttled):
                assert decision.again == BACK_OFF[waits]
                waits += 1
            elif isinstance(decision, Retried) and decision.event.errors > errors:
                assert decision.again == RETRIES[errors]
                errors, waits = decision.event.errors, 0
            elif isinstance(decision, Retried):
                assert decision.again == BACK_OFF[waits]
                waits += 1
            elif isinstance(decision, Run):
                runs += 1
        for (before, decision), (after, _) in pairwise(moments):
            if isinstance(decision, Throttled | Retried):
                assert after >= before + decision.again  # later only for want of a place, or for a change


@given(plays())
def test_no_attempt_is_made_at_or_over_the_age_or_at_zero(
    made: tuple[Play, list[tuple[float, Configuration]]],
) -> None:
    play, changes = made
    for now, decision in ((one.at, one.decision) for one in play.until_quiet().moments):
        if isinstance(decision, Run | Throttled):
            assert any(decision.age < one.max_age and one.reserved != 0 for one in at(changes, now))


@given(plays())
def test_every_drop_has_its_reason(made: tuple[Play, list[tuple[float, Configuration]]]) -> None:
    play, changes = made
    for now, decision in ((one.at, one.decision) for one in play.until_quiet().moments):
        if not isinstance(decision, Dropped):
            continue
        event, held = decision.event, at(changes, now)
        age = now - event.received
        if decision.reason == ZERO:
            assert any(one.reserved == 0 for one in held)
        elif decision.reason == RETRIES_EXHAUSTED:
            assert any(event.errors == one.retries + 1 or event.errors > one.retries for one in held)
        else:
            assert decision.reason == AGE_EXCEEDED
            soon = RETRIES[event.errors - 1] if event.response is None and 0 < event.errors <= 2 else 0
            assert any(age + max(soon, 0) + 1e-6 >= one.max_age for one in held)


@given(plays())
def test_reserved_concurrency_and_the_machine_are_never_exceeded(
    made: tuple[Play, list[tuple[float, Configuration]]],
) -> None:
    play, changes = made
    running: list[float] = []
    for one in play.until_quiet().moments:
        if not isinstance(one.decision, Run):
            continue
        running = [end for end in running if end > one.at]
        running.append(one.at + (one.duration or 0))
        assert len(running) <= play.room
        limits = [held.reserved for held in at(changes, one.at)]
        assert any(limit is None or len([end for end in running if end > one.at]) <= max(limit, 1) for limit in limits)


@given(plays())
def test_the_metrics_are_the_ledgers(made: tuple[Play, list[tuple[float, Configuration]]]) -> None:
    play, _ = made
    history = play.until_quiet()
    decisions = [one.decision for one in history.moments]
    kinds = Counter(type(one) for one in decisions)
    errors = sum(max(one.event.errors for _, one in moments) for moments in by_event(history).values())
    runs = sum(max(one.event.runs for _, one in moments) for moments in by_event(history).values())

    def total(name: str) -> float:
        return sum(one.value for one in history.data if one.name == name)

    assert total(metrics.RECEIVED) == len(play.arrivals)
    assert total(metrics.DROPPED) == kinds[Dropped]
    assert total(metrics.THROTTLES) == kinds[Throttled]
    assert total(metrics.ERRORS) == errors
    assert total(metrics.INVOCATIONS) == runs
    ages = [one.value for one in history.data if one.name == metrics.AGE]
    assert sorted(ages) == sorted(one.age * 1000 for one in decisions if isinstance(one, Run | Throttled))
    zeros = [one for one in history.data if one.name == metrics.DROPPED and one.value == 0]
    assert len(zeros) == kinds[Succeeded]
    starts = {one.at for one in history.moments if isinstance(one.decision, Run)}
    assert {one.at for one in zeros} <= starts


@given(
    st.lists(st.tuples(st.floats(0, 1e6, allow_subnormal=False), CONFIGURATIONS), min_size=1, max_size=20),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_waking_makes_progress(inputs: list[tuple[float, Configuration]], busy: int, room: int) -> None:
    """After a poll at `wake_at()` the next one is later: no spin, whatever the time and the room."""
    queue = Queue()
    now = 0.0
    for number, (wait, configuration) in enumerate(inputs):
        now += wait
        queue.accept(str(number), b"{}", "", now)
        queue.configure(configuration)
        queue.poll(now, busy, room)
        for _ in range(5):
            wake = queue.wake_at()
            if wake is None:
                break
            assert wake > now
            now = wake
            queue.poll(now, busy, room)
    ended = 0
    while (wake := queue.wake_at()) is not None and ended < 10_000:
        queue.poll(wake, busy, room)
        ended += 1
    assert queue.queued == 0


def test_an_event_waits_for_a_place_on_this_machine_unthrottled() -> None:
    queue = Queue()
    queue.accept("A", b"{}", "", 0.0)
    assert queue.poll(0.0, 0, 0) == []
    assert queue.wake_at() == 21_600
    assert [type(one) for one in queue.poll(7.0, 0, 1)] == [Run]


@pytest.mark.parametrize("reserved", [None, 0, 1])
def test_the_work_of_a_poll_grows_with_the_number_of_events_and_no_faster(reserved: int | None) -> None:
    def calls(events: int) -> int:
        queue, count = Queue(Configuration(reserved=reserved)), 0
        for number in range(events):
            queue.accept(str(number), b"{}", "", 0.0)

        def called(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            queue.poll(0.0, 0, events)
        finally:
            sys.setprofile(before)
        return count

    assert calls(800) < 2.5 * calls(400)


def test_the_order_at_a_poll_is_zero_then_expired_then_room() -> None:
    queue = Queue(Configuration(max_age=60, reserved=0))
    queue.accept("A", b"{}", "", 0.0)
    (decision,) = queue.poll(100.0, 5, 0)
    assert isinstance(decision, Dropped)
    assert decision.reason == ZERO
    queue.configure(Configuration(max_age=60, reserved=1))
    queue.accept("B", b"{}", "", 0.0)
    (decision,) = queue.poll(60.0, 5, 0)
    assert isinstance(decision, Dropped)
    assert decision.reason == AGE_EXCEEDED


def test_a_failure_of_the_sandbox_costs_no_retry_and_a_run_sets_the_waits_back() -> None:
    queue = Queue(Configuration(retries=1))
    queue.accept("A", b"{}", "", 0.0)
    now, waits = 0.0, []
    for _ in range(3):
        queue.poll(now, 0, 1)
        retried = queue.failed("A", now)
        waits.append(retried.again)
        now += retried.again
    queue.poll(now, 0, 1)
    decision = queue.answered("A", now, error=True)
    assert isinstance(decision, Retried)
    waits.append(decision.again)
    now += decision.again
    queue.poll(now, 0, 1)
    waits.append(queue.failed("A", now).again)
    assert waits == [1, 2, 4, 60, 1]


def test_request_id_trace_and_payload_are_the_same_in_every_attempt() -> None:
    queue = Queue()
    queue.accept("A", b'{"a":1}', "Root=1", 0.0)
    seen = set()
    for now in (0.0, 60.0, 180.0):
        (run,) = queue.poll(now, 0, 1)
        assert isinstance(run, Run)
        seen.add((run.event.request_id, run.event.payload, run.event.trace))
        queue.answered("A", now, error=True)
    assert seen == {("A", b'{"a":1}', "Root=1")}
