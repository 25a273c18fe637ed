"""How a trace is drawn."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from adaptive_batching.logs.trace.drawing import duration, text
from adaptive_batching.logs.trace.waterfall import put_together
from tests.unit.logs.trace.build import invocation, line
from tests.unit.logs.trace.test_waterfall import runs


def test_a_request_that_was_stuck() -> None:
    submit = invocation("conference-submit", 0, 62)
    first = invocation("conference-save", 6961, 3290, init_ms=6270.0, failed=True, status="error")
    second = invocation("conference-save", 14_000, 3070, init_ms=3710.0, failed=True)
    lines = [
        line(submit, 10, milestone="RECEIVED", message="{}", record="{}"),
        line(submit, 20, type="platform.report", message="{}"),
        line(first, 10_096, level="ERROR", error="ValueError: this subject\ncannot be saved"),
        line(second, 14_100, level="INFO", message="saving\n"),
    ]
    alike = [("RECEIVED", 100, 100), ("SAVED_IN_DATABASE", 97, 100)]
    trace = put_together("a2f6e7ee", [submit, first, second], lines, alike, lambda _: 0.0000166667)
    assert text(trace, UTC) == [
        "trace a2f6e7ee  2026-11-20 17:41:41.211  17.07 s  2 functions, 3 invocations  $0.0000140",
        "  conference-submit  █                                         62 ms",
        "  waiting            ··                                        629 ms",
        "  conference-save     ░░░░░░░░░░░░░░░████████                  3.29 s  init 6.27 s  error",
        "  waiting                                    ·                 39 ms",
        "  conference-save                            ░░░░░░░░████████  3.07 s  init 3.71 s  failed",
        "  never reached      SAVED_IN_DATABASE (97 % of these traces do)",
        "  17:41:41.221     +10 ms  conference-submit  RECEIVED",
        "  17:41:51.307   +10.10 s  conference-save    ERROR ValueError: this subject …",
        "  17:41:55.311   +14.10 s  conference-save    INFO saving",
    ]


def test_a_long_wait_is_a_break_and_moments_are_in_the_zone() -> None:
    trace = put_together("t", [invocation("a", 0, 1000), invocation("b", 567_000, 2000)], [], [], lambda _: 0.0)
    drawn = text(trace, ZoneInfo("Asia/Tokyo"))
    assert drawn == [
        "trace t  2026-11-21 02:41:41.211  9 min 29 s  2 functions, 2 invocations  $0.0000004",
        "  a              ████████████                              1.00 s",
        "  waiting                    ·//·                          9 min 26 s",
        "  b                              ████████████████████████  2.00 s",
    ]


def test_what_ran_without_a_report_is_told() -> None:
    one = invocation("a", 0, None, billed_ms=None)
    drawn = text(put_together("t", [one], [], [], lambda _: 0.0), UTC)
    assert drawn[0].endswith("1 function, 1 invocation  $0.0000000 and 1 without a report")
    assert drawn[1].endswith("0 ms  no end")


def test_lines_without_an_invocation_are_shown() -> None:
    one = invocation("a", 0)
    drawn = text(
        put_together("t", [], [line(one, 5, message="hello"), line(one, 105, message="bye")], [], lambda _: 0.0), UTC
    )
    assert drawn[0].startswith("trace t  2026-11-20 17:41:41.216  100 ms  0 functions, 0 invocations")
    assert [row.split("  ")[-1] for row in drawn[1:]] == ["hello", "bye"]


@given(runs())
def test_every_bar_is_within_the_chart_and_none_is_empty(found: list) -> None:  # type: ignore[type-arg]
    trace = put_together("t", found, [], [], lambda _: 0.0)
    name = max(13, *(len(one.function) for one in found))
    for row in text(trace, UTC)[1:]:
        chart = row[2 + name + 2 :][:40]
        assert chart.strip(" ")
        assert set(chart) <= set(" ░█·/")
        assert row[2 + name + 2 + 40 :].startswith("  ")


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        *((0, "0 ms"), (0.4, "0.4 ms"), (9.94, "9.9 ms"), (9.96, "10 ms"), (62, "62 ms"), (999.4, "999 ms")),
        *((999.6, "1.00 s"), (3290, "3.29 s"), (59_994, "59.99 s"), (59_996, "1 min 0 s"), (566_000, "9 min 26 s")),
        (7_260_000, "2 h 1 min"),
    ],
)
def test_durations_are_said_as_people_say_them(ms: float, shown: str) -> None:
    assert duration(timedelta(milliseconds=ms)) == shown
