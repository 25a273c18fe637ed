"""A trace as text: a bar for each invocation, · where nothing ran, then its lines. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from adaptive_batching.logs.trace.waterfall import Line, Run, Span, Trace, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

_INIT, _WORK, _WAIT, _SPAN, _BREAK = "░", "█", "·", "▒", "·//·"
#: Columns of the chart, and the most of a name before it.
_CHART, _NAME = 40, 32
#: A wait longer than this share of the work is drawn as a break: it would hide what matters.
_LONG = 0.1
_SECOND_MS, _MINUTE_MS = 1_000, 60_000
_LABELS = ("waiting", "never reached")


def text(trace: Trace, zone: tzinfo) -> list[str]:
    """Return the lines of the drawing; moments are given in `zone`."""
    names = [run.invocation.function for run in trace.runs] + [
        f"  {span.name}" for run in trace.runs for span in run.spans
    ]
    name = min(max(map(len, [*names, *_LABELS])), _NAME)
    return [
        _head(trace, zone),
        *_bars(trace, name),
        *(
            f"  {'never reached':{name}}  {one.milestone} ({_percent(one.share)} of these traces do)"
            for one in trace.missed
        ),
        *_lines(trace, zone, name),
    ]


def _head(trace: Trace, zone: tzinfo) -> str:
    functions, runs = len(trace.functions), len(trace.runs)
    counted = f"{functions} function{'s' * (functions != 1)}, {runs} invocation{'s' * (runs != 1)}"
    cost = f"${trace.cost:.7f}"
    if trace.unbilled:
        cost += f" and {trace.unbilled} without a report"
    when = moment(trace.begin, zone, date=True)
    return f"trace {trace.id}  {when}  {duration(trace.finish - trace.begin)}  {counted}  {cost}"


def _bars(trace: Trace, name: int) -> Iterator[str]:
    if not trace.runs:
        return
    axis = Axis(trace)
    for row in trace.rows:
        if isinstance(row, Wait):
            chart = axis.wait(row)
            yield f"  {'waiting':{name}}  {chart:{_CHART}}  {duration(row.finish - row.begin)}"
            continue
        yield from _run(row, axis, name)


def _run(run: Run, axis: Axis, name: int) -> Iterator[str]:
    one = run.invocation
    notes = [duration(one.finish - one.begin)]
    notes += [f"init {duration(timedelta(milliseconds=one.init_ms))}"] if one.init_ms else []
    if one.failed:
        notes.append(one.status if one.status not in (None, "success") else "failed")
    notes += [] if one.duration_ms is not None else ["no end"]
    yield f"  {_cut(one.function, name):{name}}  {axis.run(run):{_CHART}}  {'  '.join(notes)}"
    for span in run.spans:
        label = _cut(f"  {span.name}", name)
        yield f"  {label:{name}}  {axis.span(span):{_CHART}}  {duration(span.finish - span.begin)}"


def _lines(trace: Trace, zone: tzinfo, name: int) -> Iterator[str]:
    for line in trace.lines:
        if line.type.startswith("platform."):
            continue
        offset = (
            f"+{duration(line.ts - trace.begin)}" if line.ts >= trace.begin else f"-{duration(trace.begin - line.ts)}"
        )
        yield f"  {moment(line.ts, zone)}  {offset:>9}  {_cut(line.function, name):{name}}  {_said(line)}"


def _said(line: Line) -> str:
    said = line.error or (line.message or "").rstrip()
    if line.milestone and (line.message is None or line.message == line.record):
        said = line.milestone  # the record has no text of its own
    first, newline, _ = said.partition("\n")
    return f"{f'{line.level} ' if line.level else ''}{first}{' …' if newline else ''}"


class Axis:
    """Where moments are in the chart: in proportion, but a long wait takes no more than a break."""

    def __init__(self, trace: Trace) -> None:
        self._begin = trace.begin
        waits = [row for row in trace.rows if isinstance(row, Wait)]
        total = trace.finish - trace.begin
        work = total - sum((wait.finish - wait.begin for wait in waits), timedelta())
        self._breaks = [wait for wait in waits if wait.finish - wait.begin > work * _LONG]
        shown = total - sum((wait.finish - wait.begin for wait in self._breaks), timedelta())
        room = max(_CHART - len(_BREAK) * len(self._breaks), 1)
        self._scale = room / shown.total_seconds() if shown else 0.0

    def _column(self, when: datetime) -> float:
        hidden = [wait for wait in self._breaks if wait.finish <= when]
        passed = when - self._begin - sum((wait.finish - wait.begin for wait in hidden), timedelta())
        return passed.total_seconds() * self._scale + len(_BREAK) * len(hidden)

    def _bar(self, begin: datetime, finish: datetime, sign: str) -> str:
        low, high = self._column(begin), self._column(finish)
        first = max(0, min(int(low + 1e-9), _CHART - 1))
        return " " * first + sign * max(1, min(math.floor(high + 0.5), _CHART) - first)

    def wait(self, wait: Wait) -> str:
        """Draw a wait."""
        if wait in self._breaks:
            return " " * max(0, min(int(self._column(wait.begin)), _CHART - len(_BREAK))) + _BREAK
        return self._bar(wait.begin, wait.finish, _WAIT)

    def run(self, run: Run) -> str:
        """Draw an invocation, its init before it."""
        one = run.invocation
        work = self._bar(one.begin, one.finish, _WORK)
        if not one.init_ms:
            return work
        before = self._bar(one.start, one.begin, _INIT)
        start = len(work) - len(work.lstrip())
        if not start:
            return _INIT + (work[1:] or _WORK)
        return before[:start].ljust(start) + work.lstrip()

    def span(self, span: Span) -> str:
        """Draw a span."""
        return self._bar(span.begin, span.finish, _SPAN)


def moment(when: datetime, zone: tzinfo, *, date: bool = False) -> str:
    """Return a moment to the millisecond. `when` is in UTC."""
    shown = when.replace(tzinfo=UTC).astimezone(zone)
    return f"{shown:%Y-%m-%d %H:%M:%S}.{shown.microsecond // 1000:03d}"[0 if date else 11 :]


def duration(length: timedelta) -> str:
    """Return a duration as people say it: 0.4 ms, 62 ms, 3.29 s, 2 min 5 s."""
    ms = length / timedelta(milliseconds=1)
    if ms < 9.95:  # noqa: PLR2004 - what rounds to 10 has no decimal
        return f"{ms:.1f} ms" if ms else "0 ms"
    if ms < _SECOND_MS - 0.5:
        return f"{ms:.0f} ms"
    if ms < _MINUTE_MS - 5:
        return f"{ms / _SECOND_MS:.2f} s"
    minutes, seconds = divmod(round(ms / _SECOND_MS), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _percent(share: float) -> str:
    return f"{math.floor(share * 100 + 0.5)} %"


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"
