"""The four scenarios of AWS's guide on the virtual clock, with the exact figures, and AWS's published ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import Configuration
from adaptive_batching.sandbox.asynchronous.diagnosis import Figures, diagnose
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Run, Throttled
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, Scenario, diagnosis, play
from adaptive_batching.sandbox.asynchronous.timeline import as_json, lines
from adaptive_batching.sandbox.asynchronous.virtual import History, Outcome, Play
from adaptive_batching.sandbox.cli.asynchronous.jitter import JITTER, jittered


def of(history: History, kind: type) -> list[tuple[str, float]]:
    return [(one.decision.event.request_id, one.at) for one in history.moments if isinstance(one.decision, kind)]


def values(history: History, name: str) -> list[float]:
    return [one.value for one in history.data if one.name == name]


def reasons(history: History) -> list[str]:
    return [one.decision.reason for one in history.moments if isinstance(one.decision, Dropped)]


def test_errors_three_runs_three_errors_and_retries_exhausted() -> None:
    history = play(SCENARIOS["errors"])
    assert of(history, Run) == [("A", 0), ("A", 60), ("A", 180)]
    assert values(history, metrics.AGE) == [0, 60_000, 180_000]
    assert sum(values(history, metrics.INVOCATIONS)) == sum(values(history, metrics.ERRORS)) == 3
    assert reasons(history) == ["RetriesExhausted"]


def test_concurrency_the_second_event_is_throttled_until_the_first_has_ended() -> None:
    history = play(SCENARIOS["concurrency"])
    assert of(history, Throttled) == [("B", at) for at in (0, 1, 3, 7, 15, 31, 63)]
    assert of(history, Run) == [("A", 0), ("B", 127)]
    assert values(history, metrics.DROPPED) == [0, 0]


def test_expiry_the_second_event_is_dropped_when_it_is_due_the_next_time() -> None:
    history = play(SCENARIOS["expiry"])
    assert of(history, Throttled) == [("B", at) for at in (0, 1, 3, 7, 15, 31)]
    assert of(history, Dropped) == [("B", 63)]
    assert reasons(history) == ["EventAgeExceeded"]
    minutes = metrics.by_minute(history.data, START)[metrics.THROTTLES]
    assert [minutes[8 * 60 + 23], minutes[8 * 60 + 24]] == [4, 2]
    assert 63_000 not in values(history, metrics.AGE)


def test_zero_drops_without_an_attempt() -> None:
    history = play(SCENARIOS["zero"])
    assert sorted((one.name, one.value) for one in history.data) == [
        (metrics.DROPPED, 1),
        (metrics.RECEIVED, 1),
    ]
    assert reasons(history) == ["ZeroReservedConcurrency"]


def test_six_hours_of_throttling_are_eighty_throttles() -> None:
    busy = Outcome(30_000)  # longer than an event lives
    limit = Configuration(reserved=1)
    history = Play(arrivals=[0.0, 0.0], outcome=lambda _event: busy, changes=[(0.0, limit)]).until_quiet()
    throttled = [at for _, at in of(history, Throttled)]
    assert len(throttled) == 80
    assert throttled[:11] == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811]
    assert of(history, Dropped) == [("B", 21_811)]


def test_a_retry_that_would_come_too_late_is_dropped_at_once() -> None:
    """As recorded on AWS: one run with a maximum age of 60 s, two with 90 s."""
    for age, runs in ((60, [0.0]), (90, [0.0, 60.0])):
        limit = Configuration(max_age=age)
        play = Play(arrivals=[0.0], outcome=lambda _: Outcome(0.0, error=True), changes=[(0.0, limit)])
        history = play.until_quiet()
        assert [at for _, at in of(history, Run)] == runs
        assert of(history, Dropped) == [("A", runs[-1])]
        assert reasons(history) == ["EventAgeExceeded"]


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("errors", [0, 60_000, 180_000]),
        ("expiry", [37, 15_883, 30_086]),  # the guide's third scenario
    ],
)
def test_the_ages_that_aws_published_are_within_a_second(name: str, published: list[float]) -> None:
    ages = values(play(SCENARIOS[name]), metrics.AGE)
    for one in published:
        assert min(abs(age - one) for age in ages) < 1000


def test_the_text_of_a_scenario() -> None:
    scenario = SCENARIOS["expiry"]
    history = play(scenario)
    assert lines(history, diagnosis(scenario.configuration, history.data), START) == [
        "time      event  age ms  what",
        "08:23:48  A           0  runs 90 s",
        "08:23:48  B           0  throttled, again in 1 s",
        "08:23:49  B       1,000  throttled, again in 2 s",
        "08:23:51  B       3,000  throttled, again in 4 s",
        "08:23:55  B       7,000  throttled, again in 8 s",
        "08:24:03  B      15,000  throttled, again in 16 s",
        "08:24:19  B      31,000  throttled, again in 32 s",
        "08:24:51  B           -  dropped: EventAgeExceeded",
        "metric              statistic  08:23   08:24",
        "AsyncEventAge       Maximum    7,000  31,000",
        "Throttles           Sum            4       2",
        "AsyncEventsDropped  Sum            0       1",
        "diagnosis  received 2, dropped 1, throttled 6, errors 0: expired while throttled.",
        "           Reserved concurrency is 1: raise it, or MaximumEventAge (60 s).",
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_json_of_a_scenario_has_all_of_it(name: str) -> None:
    scenario = SCENARIOS[name]
    history = play(scenario)
    found = json.loads(json.dumps(as_json(history, diagnosis(scenario.configuration, history.data), START)))
    assert len(found["timeline"]) == len(history.moments)
    assert {*found["metrics"]} == {one.name for one in history.data}
    assert found["diagnosis"]["received"] == scenario.events


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("errors", "retries-exhausted"),
        ("concurrency", "delayed-by-throttling"),
        ("expiry", "expired-while-throttled"),
        ("zero", "zero-reserved-concurrency"),
    ],
)
def test_the_metrics_alone_tell_the_scenarios_apart(name: str, kind: str) -> None:
    history = play(SCENARIOS[name])
    total = {one: int(sum(values(history, one))) for one in (metrics.RECEIVED, metrics.DROPPED, metrics.THROTTLES)}
    figures = Figures(
        total[metrics.RECEIVED],
        total[metrics.DROPPED],
        total[metrics.THROTTLES],
        int(sum(values(history, metrics.ERRORS))),
        max((one / 1000 for one in values(history, metrics.AGE)), default=None),
    )
    assert diagnose(figures).kind == kind


DROPPED_BY_ERRORS = Figures(received=5, dropped=4, throttled=1, errors=8, age=180.0, retries=1, max_age=21_600)


@pytest.mark.parametrize(
    ("figures", "kind", "said"),
    [
        (DROPPED_BY_ERRORS, "retries-exhausted", "failed each time, 1 retry included"),
        (replace(DROPPED_BY_ERRORS, errors=7), "retries-exhausted", "errors 7: the function failed."),
        (replace(DROPPED_BY_ERRORS, errors=7, max_age=300.0), "expired-while-throttled", "expired while throttled"),
        (replace(DROPPED_BY_ERRORS, errors=7, max_age=300.0, throttled=0), "retries-exhausted", "due after Maximum"),
        (replace(DROPPED_BY_ERRORS, max_age=None), "expired-while-throttled", "expired while throttled"),
        (Figures(1, 0, 0, 1, 0.01), "delayed-by-errors", "the function failed, and no event was late"),
        (Figures(0, 0, 0, 1, None, expected=0), "delayed-by-errors", "and no event was late"),
        (Figures(1, 0, 1, 0, 0.01), "delayed-by-throttling", "throttled, and no event was late"),
        (Figures(1, 0, 0, 1, 60.0), "delayed-by-errors", "delayed for up to 60 s by errors and retries"),
        (Figures(1, 0, 3, 0, 7.0), "delayed-by-throttling", "delayed for up to 7 s by throttling"),
    ],
)
def test_what_errors_and_throttles_together_can_have_done(figures: Figures, kind: str, said: str) -> None:
    found = diagnose(figures)
    assert found.kind == kind
    assert said in found.lines()[0]


def test_a_throttled_event_that_expires_could_be_told_by_its_age() -> None:
    # whatever the maximum age and the jitter: the diagnosis of a drop by throttling is never that of errors
    for seed in range(40):
        for max_age in (60.0, 61.0, 90.0, 127.0, 400.0, 3_600.0, 21_600.0):
            configuration = Configuration(max_age=max_age, reserved=1)
            scenario = Scenario("one", "", configuration, 2, max_age + 1)
            found = diagnosis(
                configuration, [*play(scenario, jittered(seed)).data, metrics.Datum(metrics.ERRORS, 1, 0)]
            )
            assert (found.figures.dropped, found.kind) == (1, "expired-while-throttled"), (seed, max_age)


def test_jitter_keeps_within_its_bounds_and_follows_its_seed() -> None:
    waits = [jittered(5)(100.0) for _ in range(3)]
    assert waits[0] == waits[1]
    stretch = jittered(6)
    drawn = [stretch(100.0) for _ in range(1000)]
    assert 100 * (1 - JITTER) <= min(drawn) < 95
    assert 105 < max(drawn) <= 100 * (1 + JITTER)
