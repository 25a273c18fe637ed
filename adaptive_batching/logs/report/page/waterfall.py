"""Where the bars of a trace stand on its axis, and the axis itself, which long waits break. Pure.

Everything is drawn to scale except waits of the whole trace that are longer than a tenth of the work in it: otherwise
ten minutes in a queue would hide the three seconds that matter. Such a wait is drawn as a break of fixed width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The width of a drawing, in its own units.
WIDTH = 1000.0
#: A wait is a break if it is longer than this share of the work; it is drawn as wide as this share of it.
BREAK, DRAWN = 0.1, 0.06
#: The narrowest bar, so that each can be seen.
NARROWEST = 2.0
#: Milliseconds: clocks tell microseconds, so what is shorter in all is drawn as a point.
SHORTEST = 0.001


@dataclass(frozen=True)
class Wait:
    """Nothing of the trace runs from `begin` to `end` (milliseconds); `broken`: it is not drawn to scale."""

    begin: float
    end: float
    broken: bool

    @property
    def ms(self) -> float:
        """How long it lasts."""
        return self.end - self.begin


@dataclass(frozen=True)
class Axis:
    """The axis of a trace: `waits` in order, and `scale`, units per millisecond of what is drawn to scale."""

    begin: float
    waits: tuple[Wait, ...]
    scale: float
    width_of_break: float

    def at(self, ms: float) -> float:
        """Return where a moment is drawn, from 0 to `WIDTH`."""
        drawn, place = self.begin, 0.0
        for wait in self.waits:
            if not wait.broken or ms <= wait.begin:
                continue
            place += (wait.begin - drawn) * self.scale
            inside = min(ms, wait.end)
            place += self.width_of_break * (inside - wait.begin) / wait.ms
            drawn = inside
            if ms <= wait.end:
                return min(max(place, 0.0), WIDTH)
        return min(max(place + (ms - drawn) * self.scale, 0.0), WIDTH)

    def bar(self, begin: float, end: float) -> tuple[float, float]:
        """Return where a bar is drawn: left edge and width."""
        left = self.at(begin)
        width = max(self.at(end) - left, NARROWEST)
        return min(left, WIDTH - width), width


def spans(invocations: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return from when to when each invocation ran, its init before it, in milliseconds from the trace's beginning."""
    return [
        (one["offset_ms"] - (one["init_ms"] or 0.0), max(one["offset_ms"] + one["ran_ms"], one["offset_ms"]))
        for one in invocations
    ]


def axis(ran: Sequence[tuple[float, float]]) -> Axis:
    """Return the axis for what ran from when to when."""
    ordered = sorted(ran)
    begin = ordered[0][0] if ordered else 0.0
    work, until = 0.0, begin
    gaps: list[tuple[float, float]] = []
    for first, last in ordered:
        if first > until:
            gaps.append((until, first))
        work += max(last - max(first, until), 0.0)
        until = max(until, last)
    waits = tuple(Wait(first, last, broken=last - first > BREAK * work) for first, last in gaps)
    broken = sum(wait.broken for wait in waits)
    to_scale = until - begin - sum(wait.ms for wait in waits if wait.broken)
    is_drawn = to_scale >= SHORTEST
    room = WIDTH / 2 if is_drawn else WIDTH  # for all breaks
    width_of_break = min(DRAWN * WIDTH if is_drawn else WIDTH, room / broken) if broken else 0.0
    scale = (WIDTH - width_of_break * broken) / to_scale if is_drawn else 0.0
    return Axis(begin, waits, scale, width_of_break)
