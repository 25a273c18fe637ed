"""A trace as a waterfall: what ran when, what waited in between, and what was never reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaptive_batching.logs.trace.invocations import Invocation

#: The share of the traces alike that must have a milestone for its absence to be told.
MOST = 0.5
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Line:
    """A line of a trace; the fields are the columns of `finding.LINE`."""

    ts: datetime
    function: str
    environment: str | None
    request: str | None
    type: str
    level: str | None
    message: str | None
    error: str | None
    milestone: str | None
    span: str | None
    duration_ms: float | None
    trace: str | None
    record: str | None


@dataclass(frozen=True)
class Span:
    """A part of an invocation that a line names, with `span` and `durationMs`: it ended when the line was written."""

    name: str
    begin: datetime
    finish: datetime


@dataclass(frozen=True)
class Wait:
    """The time in which no invocation of the trace ran."""

    begin: datetime
    finish: datetime


@dataclass(frozen=True)
class Run:
    """An invocation and its spans."""

    invocation: Invocation
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Missed:
    """A milestone that this trace has not reached, and the share of the traces with the same beginning that have."""

    milestone: str
    share: float


@dataclass(frozen=True)
class Trace:
    """A trace, put together. `cost` is the sum for the invocations that have a report, `unbilled` counts the others."""

    id: str
    rows: tuple[Run | Wait, ...]
    lines: tuple[Line, ...]
    milestones: tuple[str, ...]
    missed: tuple[Missed, ...]
    cost: float
    unbilled: int

    @property
    def runs(self) -> list[Run]:
        """The invocations, by their beginning."""
        return [row for row in self.rows if isinstance(row, Run)]

    @property
    def begin(self) -> datetime:
        """The first moment of the trace."""
        moments = [run.invocation.start for run in self.runs] or [line.ts for line in self.lines]
        return min(moments)

    @property
    def finish(self) -> datetime:
        """The last moment of the trace."""
        moments = [run.invocation.finish for run in self.runs] or [line.ts for line in self.lines]
        return max(moments)

    @property
    def functions(self) -> list[str]:
        """The functions, in the order of their first invocation."""
        return list(dict.fromkeys(run.invocation.function for run in self.runs))


def put_together(
    given: str,
    invocations: Sequence[Invocation],
    lines: Sequence[Line],
    alike: Sequence[tuple[str, int, int]],
    price: Callable[[str], float],
) -> Trace:
    """Return the trace of these invocations and lines.

    `alike` says for each milestone how many traces with the same beginning have it, and how many of them there are.
    `price` is that of a function's GB-second.
    """
    runs = [Run(one, spans(one, lines)) for one in sorted(invocations, key=lambda one: (one.start, one.function))]
    costs = [one.cost(price(one.function)) for one in invocations]
    reached = tuple(dict.fromkeys(line.milestone for line in lines if line.milestone))
    return Trace(
        given,
        with_waits(runs),
        tuple(lines),
        reached,
        never_reached(reached, alike),
        sum(cost for cost in costs if cost is not None),
        costs.count(None),
    )


def with_waits(runs: Sequence[Run]) -> tuple[Run | Wait, ...]:
    """Return the runs, which are sorted, with the waits between them: from the end of all before to the next start."""
    rows: list[Run | Wait] = []
    reached: datetime | None = None
    for run in runs:
        start, finish = run.invocation.start, run.invocation.finish
        if reached is not None and start - reached >= _MS:
            rows.append(Wait(reached, start))
        rows.append(run)
        reached = finish if reached is None else max(reached, finish)
    return tuple(rows)


def spans(invocation: Invocation, lines: Sequence[Line]) -> tuple[Span, ...]:
    """Return the spans that the lines of an invocation name, by their beginning."""
    found = [
        Span(line.span, line.ts - timedelta(milliseconds=line.duration_ms), line.ts)
        for line in lines
        if line.span is not None
        and line.duration_ms is not None
        and (line.function, line.environment, line.request)
        == (invocation.function, invocation.environment, invocation.request)
        and invocation.begin <= line.ts <= max(invocation.last, invocation.finish)
    ]
    return tuple(sorted(found, key=lambda span: (span.begin, span.name)))


def never_reached(reached: Sequence[str], alike: Sequence[tuple[str, int, int]]) -> tuple[Missed, ...]:
    """Return the milestones that most traces with the same beginning have, and this one has not."""
    return tuple(
        Missed(milestone, having / of)
        for milestone, having, of in alike
        if milestone not in reached and having / of > MOST
    )
