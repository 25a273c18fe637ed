"""What a load test measured, as figures. Pure.

A latency is counted from the moment at which a request was due, so waiting for a place in the generator is part of it.
Percentiles are of the requests that were answered, with whatever code; those without an answer are errors.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

#: An answer with this code or a higher one means that the target failed.
FAILED = 500
#: Seconds by which one request in a hundred may be late before the generator is said to be the limit.
LATE = 0.1


@dataclass(frozen=True)
class Sent:
    """One request. Moments are in seconds from the beginning; of `code` and `error` one is None.

    `arrival` is the number of its arrival. `first` says whether it is the first one of it, which is due by the
    schedule; the others are due when the step before them ends. `ids` may be found in the target's logs.
    """

    arrival: int
    phase: int
    due: float
    sent: float
    done: float
    code: int | None = None
    error: str | None = None
    first: bool = True
    ids: tuple[str, ...] = ()

    @property
    def latency(self) -> float:
        """Seconds."""
        return self.done - self.due

    @property
    def failed(self) -> bool:
        """Whether there was no answer, or one which says that the target failed."""
        return self.error is not None or (self.code or 0) >= FAILED


@dataclass
class Measured:
    """What the generator saw. `unsent` are the phases of arrivals that were not sent in time, `begun` counts all."""

    started: datetime  # of second 0; aware
    sent: list[Sent] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    begun: int = 0
    places: int = 0  # that there were
    most: int = 0  # that were taken at a time
    took: float = 0.0  # seconds, until the last answer
    interrupted: bool = False
    waiting: Counter[int] = field(default_factory=Counter)  # phase: requests sent whose answer is not there yet

    @property
    def silent(self) -> bool:
        """Whether there were arrivals, and no answer to any. A function that fails has answered, with its id."""
        return bool(self.sent or self.unsent) and not any(one.code is not None or one.ids for one in self.sent)


@dataclass(frozen=True)
class Times:
    """Percentiles of times, in seconds; None if there are none."""

    least: float | None
    mean: float | None
    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    most: float | None


def times(values: Iterable[float]) -> Times:
    """Return the percentiles of times: each is a time that was measured (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return Times(None, None, None, None, None, None, None, None, None)

    def rank(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]

    return Times(
        least=ordered[0],
        mean=math.fsum(ordered) / len(ordered),
        p50=rank(0.5),
        p75=rank(0.75),
        p90=rank(0.9),
        p95=rank(0.95),
        p99=rank(0.99),
        p999=rank(0.999),
        most=ordered[-1],
    )


@dataclass(frozen=True)
class Figures:
    """The figures of a phase or of the whole test."""

    name: str
    arrivals: int
    unsent: int
    requests: int
    unanswered: int  # arrivals begun whose requests were in flight when the test was interrupted
    codes: Mapping[int, int]
    errors: Mapping[str, int]
    latency: Times
    lateness: Times  # of sending what the schedule had
    failed: int  # arrivals of which a request failed


def figures(name: str, measured: Measured, arrivals: int, phase: int | None = None) -> Figures:
    """Return the figures of a phase, or of all of them. `arrivals` were scheduled until the test ended."""
    sent = [one for one in measured.sent if phase in (None, one.phase)]
    unsent = sum(phase in (None, one) for one in measured.unsent)
    begun = len({one.arrival for one in sent})
    return Figures(
        name,
        arrivals,
        unsent,
        len(sent) + sum(count for number, count in measured.waiting.items() if phase in (None, number)),
        max(0, arrivals - unsent - begun),
        dict(sorted(Counter(one.code for one in sent if one.code is not None).items())),
        dict(Counter(one.error for one in sent if one.error is not None).most_common()),
        times(one.latency for one in sent if one.code is not None),
        times(max(0.0, one.sent - one.due) for one in sent if one.first),
        len({one.arrival for one in sent if one.failed}) + unsent,
    )


def limit(measured: Measured, whole: Figures, rate: float) -> str | None:
    """Return why the generator did not keep to the schedule, or None if it did. `rate` is the highest in it."""
    late = whole.lateness.p99 or 0.0
    if not measured.unsent and late <= LATE:
        return None
    if measured.most >= measured.places:
        return (
            f"the generator was the limit: all {measured.places:,} places were taken, by requests that waited for "
            "answers; --max-in-flight has more"
        )
    return f"the generator was the limit: it cannot send {rate:,.0f} requests a second in time on this machine"


@dataclass(frozen=True)
class Second:
    """The traces that arrived in a second, and after how many seconds those that reached the milestone did so."""

    second: int
    arrivals: int
    leads: Sequence[float]


@dataclass(frozen=True)
class Lead:
    """The lead times: from the moment a request was due to its milestone in the logs."""

    milestone: str
    answered: int  # with an id
    without_id: int
    missing: Sequence[str]  # ids that have not reached it
    whole: Times
    seconds: Sequence[Second]


def lead(measured: Measured, milestone: str, reached: Mapping[str, float]) -> Lead:
    """Return the lead times. `reached`: id -> when the milestone was first passed, in seconds from the beginning."""
    answered = [one for one in measured.sent if one.code is not None and not one.failed]
    leads: dict[int, list[float | None]] = {}
    missing = []
    for one in answered:
        if one.ids:
            at = min((reached[id_] for id_ in one.ids if id_ in reached), default=None)
            leads.setdefault(int(one.due), []).append(None if at is None else at - one.due)
            if at is None:
                missing.append(one.ids[0])
    found = {second: [one for one in some if one is not None] for second, some in leads.items()}
    return Lead(
        milestone,
        sum(map(len, leads.values())),
        sum(not one.ids for one in answered),
        missing,
        times(one for some in found.values() for one in some),
        [Second(second, len(leads[second]), found[second]) for second in sorted(leads)],
    )
