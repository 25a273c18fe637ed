"""Figures of what was measured, `ensure`, and the report."""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from adaptive_batching.console import table
from adaptive_batching.load.core import checks, figures
from adaptive_batching.load.core.figures import Measured, Sent
from adaptive_batching.load.core.report import Report, members, text
from adaptive_batching.load.core.script import Ensure

START = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)


def measured() -> Measured:
    """Ten arrivals of a second each: eight answers, a failure of the target, one without an answer; two not sent."""
    sent = [Sent(n, 0, n, n + 0.001, n + 0.1 * (n + 1), 202, ids=(f"t{n}", f"x{n}")) for n in range(8)]
    sent += [
        Sent(8, 1, 8, 8, 8.5, 503),
        Sent(9, 1, 9, 9, 39, error="ETIMEDOUT"),
        Sent(7, 0, 8, 8, 8.2, 200, first=False),
    ]
    return Measured(START, sent, unsent=[1, 1], begun=12, places=4, most=4, took=40.0)


def said(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def whole() -> figures.Figures:
    return figures.figures("all", measured(), 12)


def test_latency_counts_from_the_moment_due_and_lateness_is_of_what_the_schedule_has() -> None:
    one = Sent(0, 0, due=1.0, sent=3.0, done=3.5, code=200)
    found = figures.figures("all", Measured(START, [one], begun=1), 1)
    assert (found.latency.p50, found.lateness.p50) == (2.5, 2.0)
    assert whole().lateness.most == pytest.approx(0.001)


def test_a_phase_has_its_own_figures() -> None:
    first, second = figures.figures("one", measured(), 8, 0), figures.figures("two", measured(), 4, 1)
    assert (first.requests, first.codes, first.errors, first.unsent) == (9, {200: 1, 202: 8}, {}, 0)
    assert (second.requests, second.codes, second.errors, second.unsent) == (2, {503: 1}, {"ETIMEDOUT": 1}, 2)
    assert second.latency.most == 0.5  # what was not answered has no latency
    assert (first.failed, second.failed) == (0, 4)


def test_arrivals_in_flight_are_counted_after_an_interruption() -> None:
    assert figures.figures("all", Measured(START, measured().sent, [], 15), 15).unanswered == 5


def test_percentiles_are_times_that_were_measured() -> None:
    random = Random(3)
    for count in (1, 2, 3, 10, 99, 100, 101, 1000):
        values = [random.random() for _ in range(count)]
        found = figures.times(values)
        assert {found.p50, found.p95, found.p99, found.most} <= set(values)
        for share, one in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
            assert one is not None
            below = sum(value <= one for value in values)
            assert below >= share * count > below - 1  # the least that so many do not exceed
        assert found.mean == pytest.approx(statistics.mean(values))
    assert figures.times([]).p50 is None


def test_the_generator_says_when_it_is_the_limit_and_of_what() -> None:
    assert figures.limit(Measured(START, [Sent(0, 0, 0, 0.05, 0.1, 200)], begun=1, places=9), whole(), 1) is None
    late = Measured(START, [Sent(0, 0, 0, 0.5, 0.6, 200)], begun=1, places=9, most=1)
    why = figures.limit(late, figures.figures("all", late, 1), 80)
    assert why == "the generator was the limit: it cannot send 80 requests a second in time on this machine"
    why = figures.limit(measured(), whole(), 1)
    assert why
    assert "all 4 places were taken" in why


def test_lead_times_are_told_by_the_second_of_arrival_and_what_did_not_come_is_named() -> None:
    lead = figures.lead(measured(), "SENT", {"t0": 1.5, "x1": 4.0, "t1": 5.0, "other": 1.0})
    assert (lead.answered, lead.without_id, lead.missing) == (8, 1, ["t2", "t3", "t4", "t5", "t6", "t7"])
    assert [(one.second, one.arrivals, list(one.leads)) for one in lead.seconds[:3]] == [
        (0, 1, [1.5]),
        (1, 1, [3.0]),  # by whichever id it was seen first
        (2, 1, []),
    ]
    assert (lead.whole.p50, lead.whole.most) == (1.5, 3.0)


def outcomes(**given: object) -> list[checks.Outcome]:
    lead = figures.lead(measured(), "SENT", {"t0": 1.5})
    values = checks.metrics(whole(), 40.0, lead)
    return [checks.outcome(one, values) for one in checks.checks(Ensure.model_validate(given))]


@pytest.mark.parametrize(
    ("ensure", "ok"),
    [
        ({"p95": 801}, True),
        ({"p95": 799}, False),
        ({"p99": 900, "max": 900}, True),
        ({"min": 100}, False),
        ({"median": 399}, False),
        ({"maxErrorRate": 33}, False),  # 4 of 12
        ({"maxErrorRate": 34}, True),
        ({"thresholds": [{"http.response_time.p99": 900}, {"http.codes.503": 2}]}, True),
        ({"thresholds": [{"http.codes.503": 1}]}, False),
        ({"thresholds": [{"http.codes.500": 1}]}, True),  # there was none
        ({"conditions": [{"expression": "vusers.failed == 4 and not errors.ETIMEDOUT > 1"}]}, True),
        ({"conditions": [{"expression": "http.requests * 2 ^ 2 == 44 or 1 / 0 > 1"}]}, True),
        ({"conditions": [{"expression": "1 / (vusers.created - 12) > 1"}]}, False),
        ({"conditions": [{"expression": "0 < http.request_rate < 0.3"}]}, True),
        ({"conditions": [{"expression": "(-1) ^ 0.5 > 0"}]}, False),
        ({"conditions": [{"expression": "9 ^ 9 ^ 9 > 0"}]}, False),
        ({"thresholds": [{"lead_time.p95": 1501}, {"lead_time.missing": 8}]}, True),
        ({"thresholds": [{"lead_time.max": 1500}]}, False),
    ],
)
def test_checks_are_artillerys(ensure: dict[str, object], ok: bool) -> None:  # noqa: FBT001 - a table
    assert all(one.ok for one in outcomes(**ensure)) is ok


def test_what_was_not_measured_fails_its_check() -> None:
    nothing = figures.figures("all", Measured(START), 0)
    (check,) = checks.checks(Ensure(p95=10))
    found = checks.outcome(check, checks.metrics(nothing, 1.0, None))
    assert (found.ok, found.values) == (False, {"http.response_time.p95": None})


@pytest.mark.parametrize(
    "expression",
    ["http.latency < 1", "p95 < 1", "f(1)", "'a' < 1", "", "1 <", "a.b.c", "[1]", "x := 1", "1 if 1 else 2", "1;2"],
)
def test_an_expression_that_is_none_is_refused(expression: str) -> None:
    with pytest.raises(checks.CheckError, match="ensure: "):
        checks.checks(Ensure.model_validate({"conditions": [{"expression": expression}]}))


def report(ensure: dict[str, object], *, lead: bool = True) -> Report:
    seen = figures.lead(measured(), "SENT", {"t0": 1.5}) if lead else None
    phases = [figures.figures("ramp", measured(), 8, 0), figures.figures("peak", measured(), 4, 1)]
    return Report("http://x", 7, measured(), phases, whole(), seen, outcomes(**ensure), None)


def test_figures_of_a_check_have_no_exponent() -> None:
    outcome = checks.Outcome("a < 1234567", strict=True, ok=True, values={"a": 1234566.789, "b": 48, "c": 0.000012346})
    one = replace(report({}), outcomes=[outcome])
    line = text(one, lambda _head, _rows, _right: [], str)[-1]
    assert line == "ensure  ok: a < 1234567 (a is 1234566.79, b is 48, c is 0.00001235)"


def test_a_check_that_is_not_strict_does_not_fail_the_test() -> None:
    failing = {"expression": "vusers.failed == 0"}
    assert report({"conditions": [{**failing, "strict": False}]}).passed
    assert not report({"conditions": [failing]}).passed


def test_the_text_has_each_phase_all_of_them_errors_checks_and_lead_times() -> None:
    lines = text(report({"p95": 100}), table, said)
    assert [line.split()[:3] for line in lines[1:4]] == [["ramp", "8", "9"], ["peak", "4", "2"], ["all", "12", "11"]]
    assert "errors     ETIMEDOUT: 1" in lines
    assert any("2 not sent in time" in line and "seed 7" in line for line in lines)
    assert "lead time to SENT: 1 of 8 answered traces reached it" in lines
    assert "not reached: t1, t2, t3, …" in lines
    assert "ensure  failed: http.response_time.p95 < 100 (http.response_time.p95 is 800)" in lines
    assert lines[-4].split() == ["7", "1", "0", "-", "-", "-"]


def test_long_tests_have_rows_of_several_seconds() -> None:
    sent = [Sent(n, 0, float(n), n, n + 0.1, 202, ids=(f"t{n}",)) for n in range(120)]
    seen = figures.lead(Measured(START, sent), "SENT", {f"t{n}": n + 2.0 for n in range(120)})
    one = Report("http://x", 7, measured(), [], whole(), seen, [], None)
    rows = [line.split() for line in text(one, table, said) if "2.00 s" in line]
    assert rows[0] == ["0-3", "4", "4", "2.00", "s", "2.00", "s", "2.00", "s"]
    assert len(rows) == 31


def test_json_has_the_same_figures() -> None:
    found = members(report({"p95": 900}))
    assert found["all"]["codes"] == {"200": 1, "202": 8, "503": 1}
    assert found["phases"][1]["latencyMs"]["p50"] == 500
    assert found["leadTime"]["bySecond"][0] == {
        "second": 0,
        "arrived": 1,
        "reached": 1,
        "leadMs": {"min": 1500, "mean": 1500, "p50": 1500, "p95": 1500, "p99": 1500, "max": 1500},
    }
    assert found["ensure"][0]["ok"] is True
    assert found["started"] == "2026-11-20T09:15:00.000Z"
