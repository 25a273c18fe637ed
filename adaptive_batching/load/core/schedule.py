"""When arrivals are due, whatever becomes of those before: an open model. Pure.

Arrivals are as evenly spaced as their rate allows: they are due when the integral of the rate reaches u, u + 1, u + 2,
and so on, with one u in [0, 1) for each phase, drawn from the seed. So the arrivals of any second differ from the
integral over it by less than one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from adaptive_batching.load.core.script import Phase

#: A test of more arrivals does not fit into memory, nor into a day of this generator.
MOST = 5_000_000
#: Of the integral over a phase: 0.1 + 0.2 arrivals are 0.3.
_DIGITS = 6


class ScheduleError(ValueError):
    """There are too many arrivals. The message is a sentence."""


@dataclass(frozen=True)
class Arrival:
    """One user. `due` is in seconds from the beginning; `phase` is the phase's position."""

    number: int
    phase: int
    due: float


def arrivals(phases: Sequence[Phase], random: Random) -> list[Arrival]:
    """Return all arrivals of a test, in order. Raises ScheduleError."""
    wanted = sum(expected(phase, phase.length) for phase in phases)
    if wanted > MOST:
        raise ScheduleError(f"the phases have {wanted:,.0f} arrivals; {MOST:,} are possible")
    found: list[Arrival] = []
    begin = 0.0
    for position, phase in enumerate(phases):
        found += [
            Arrival(len(found) + number, position, begin + due) for number, due in enumerate(_dues(phase, random))
        ]
        begin += phase.length
    return found


def expected(phase: Phase, until: float) -> float:
    """Return the integral of a phase's rate from its beginning to a moment in it."""
    start, end, length = _rates(phase)
    return start * until + (end - start) * until * until / (2 * length) if length else 0.0


def _rates(phase: Phase) -> tuple[float, float, float]:
    """Return the rate at the beginning, the rate at the end, and the length."""
    if phase.arrival_count is not None:
        rate = phase.arrival_count / phase.length
        return rate, rate, phase.length
    start = phase.arrival_rate or 0.0
    return start, start if phase.ramp_to is None else phase.ramp_to, phase.length


def _dues(phase: Phase, random: Random) -> Iterator[float]:
    start, end, length = _rates(phase)
    total = round(expected(phase, length), _DIGITS)
    reached = random.random()
    while reached < total:
        root = math.sqrt(max(start * start + 2 * (end - start) * reached / length, 0.0))
        yield 2 * reached / (start + root) if reached else 0.0
        reached += 1
