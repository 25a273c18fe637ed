"""A trace: waits, spans, what was never reached, what it costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching import prices
from adaptive_batching.logs.trace.waterfall import Missed, Run, Span, Wait, never_reached, put_together, with_waits
from tests.unit.logs.trace.build import after, invocation, line

if TYPE_CHECKING:
    from adaptive_batching.logs.trace.invocations import Invocation


def price(_function: str) -> float:
    return prices.GB_SECOND["x86_64"]


def test_between_two_invocations_there_is_a_wait_and_init_is_work() -> None:
    first = invocation("submit", 0, 62)
    second = invocation("save", 6961, 3290, init_ms=6270.0)
    third = invocation("save", 9000, 100)
    trace = put_together("t", [third, second, first], [], [], price)
    assert trace.rows == (Run(first), Wait(after(62), after(691)), Run(second), Run(third))
    assert (trace.begin, trace.finish) == (after(0), after(10_251))
    assert trace.functions == ["submit", "save"]


def test_an_invocation_without_an_end_lasts_to_its_last_line() -> None:
    one = invocation("submit", 0, None, last=after(40))
    assert one.finish == after(40)
    assert put_together("t", [one, invocation("save", 0, 10)], [], [], price).unbilled == 1


def test_the_cost_is_that_of_all_invocations() -> None:
    found = [
        invocation("a", 0, billed_ms=1000.0, memory_mb=1024.0),
        invocation("b", 10, billed_ms=500.0, memory_mb=512.0),
    ]
    assert put_together("t", found, [], [], lambda _: 1e-5).cost == pytest.approx(1e-5 + 0.25e-5 + 2 * prices.REQUEST)


def test_lines_with_a_span_and_a_duration_are_parts_of_their_invocation() -> None:
    one, other = invocation("save", 0, 500), invocation("save", 1000, 500)
    lines = [
        line(one, 300, span="put", duration_ms=250.0),
        line(one, 100, span="get", duration_ms=20.0),
        line(one, 300, span="without a duration"),
        line(other, 1200, span="put", duration_ms=100.0),
    ]
    trace = put_together("t", [one, other], lines, [], price)
    assert [run.spans for run in trace.runs] == [
        (Span("put", after(50), after(300)), Span("get", after(80), after(100))),
        (Span("put", after(1100), after(1200)),),
    ]


def test_what_most_traces_reach_is_missed() -> None:
    alike = [("RECEIVED", 100, 100), ("CHECKED", 50, 100), ("SAVED", 97, 100), ("MAILED", 51, 100)]
    assert never_reached(("RECEIVED",), alike) == (Missed("SAVED", 0.97), Missed("MAILED", 0.51))
    assert never_reached(("RECEIVED", "SAVED", "MAILED"), alike) == ()


@st.composite
def runs(draw: st.DrawFn) -> list[Invocation]:
    return [
        invocation(
            f"f{draw(st.integers(0, 2))}",
            draw(st.integers(0, 5000)),
            draw(st.one_of(st.none(), st.integers(0, 2000))),
            init_ms=draw(st.one_of(st.none(), st.integers(1, 900))),
        )
        for _ in range(draw(st.integers(1, 8)))
    ]


@given(runs())
def test_waits_are_the_milliseconds_in_which_nothing_ran(found: list[Invocation]) -> None:
    rows = with_waits(put_together("t", found, [], [], price).runs)
    busy: set[datetime] = set()
    for one in found:
        start = one.start
        while start < one.finish:
            busy.add(start)
            start += timedelta(milliseconds=1)
    first, last = min(one.start for one in found), max(one.start for one in found)
    total = (last - first) // timedelta(milliseconds=1)
    idle = sum(first + timedelta(milliseconds=number) not in busy for number in range(total))
    waits = sum(((row.finish - row.begin for row in rows if isinstance(row, Wait))), timedelta())
    assert waits == timedelta(milliseconds=idle)
    assert [row.begin for row in rows if isinstance(row, Wait)] == sorted(
        row.begin for row in rows if isinstance(row, Wait)
    )
