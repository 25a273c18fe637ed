"""Traffic: when requests come, how long their handlers run and how much they log. Seeded, or read from a CSV."""

from __future__ import annotations

import csv
import random
from itertools import accumulate
from math import cos, inf, pi
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
COLUMNS = 3
LONGEST = 900_000  # ms: Lambda's longest timeout


class Request(NamedTuple):
    """One request: seconds since the start of the trace, seconds that its handler runs, bytes that it logs."""

    start: float
    duration: float
    size: int


class BadTraceError(Exception):
    """A file that is not a trace; the text is for the user."""


def read(path: Path) -> list[Request]:
    """Read lines of `start in seconds,duration in milliseconds,bytes`; a first line of words is a header."""
    requests = []
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                start, duration, size = (float(field) for field in row)
            except ValueError:
                if number == 1 and len(row) == COLUMNS:
                    continue
                raise BadTraceError(
                    f"{path}, line {number}: {','.join(row)!r} is not start in seconds,duration in milliseconds,bytes"
                ) from None
            if not (0 <= start < inf and 0 <= duration <= LONGEST and 0 <= size < inf):
                raise BadTraceError(
                    f"{path}, line {number}: {','.join(row)!r}: a start and a size are 0 or more, "
                    "a duration is 0 to 900000 ms"
                )
            requests.append(Request(start, duration / 1000, int(size)))
    if not requests:
        raise BadTraceError(f"{path} has no requests; a line is start in seconds,duration in milliseconds,bytes")
    return sorted(requests)


def made(
    starts: Iterable[float], source: random.Random, seconds: float = 0.08, size: int = 1500, spread: float = 0.5
) -> list[Request]:
    """Return requests whose handlers run and log around these medians, log-normally with this sigma."""
    return [
        Request(start, seconds * source.lognormvariate(0, spread), int(size * source.lognormvariate(0, spread)))
        for start in sorted(starts)
    ]


def steady(source: random.Random, gap: float, count: int, size: int = 1500) -> list[Request]:
    """Return requests that are equally far apart and much the same."""
    return made((gap * number for number in range(count)), source, 0.05, size, spread=0.1)


def poisson(source: random.Random, gap: float, count: int) -> Iterator[float]:
    """Return starts with exponential gaps of this mean."""
    return accumulate(source.expovariate(1 / gap) for _ in range(count))


def changing(source: random.Random, rate: Callable[[float], float], most: float, until: float) -> Iterator[float]:
    """Return the starts of a Poisson process whose rate changes with time, by thinning one of the highest rate."""
    now = 0.0
    while (now := now + source.expovariate(most)) < until:
        if source.random() * most < rate(now):
            yield now


def bursts(source: random.Random, size: int, count: int) -> Iterator[float]:
    """Return bursts of 20 requests a second; the pauses between them are Pareto's: many of a minute, some of hours."""
    now = 0.0
    for _ in range(count // size):
        for _ in range(size):
            now += source.expovariate(20)
            yield now
        now += 30 * source.paretovariate(1.2)


def crowds(source: random.Random) -> Iterator[float]:
    """Return one request in ten seconds, and a crowd of 20 a second for a minute every hour or so."""
    yield from poisson(source, 10, 7200)
    for begin in poisson(source, HOUR, 15):
        yield from (begin + offset for offset in poisson(source, 1 / 20, 1200))


def fan_out(source: random.Random) -> Iterator[Request]:
    """Return what 200 callers at a time ask for in ten minutes, one request after the other, twice."""
    for begin in (0.0, 6 * HOUR):
        for _ in range(200):
            now = begin + source.uniform(0, 2)
            while now < begin + 10 * MINUTE:
                duration = 10 * source.lognormvariate(0, 0.3)
                yield Request(now, duration, 6000)
                now += duration + source.uniform(0.2, 1)


def steps(source: random.Random) -> Iterator[float]:
    """Return traffic that jumps between 5 a second, one in 4 s and one in 90 s, and stays for half an hour or so."""
    now = 0.0
    for gap in (0.2, 90, 4, 0.2, 4, 90) * 2:
        until = now + source.uniform(0.5, 1.5) * HOUR / 2
        while (now := now + source.expovariate(1 / gap)) < until:
            yield now


def pairs(source: random.Random) -> Iterator[float]:
    """Return two requests half a second apart, every three minutes or so."""
    for begin in poisson(source, 180, 3000):
        yield from (begin, begin + 0.5)


def diurnal(seconds: float) -> float:
    """Return requests a second: one in 17 minutes at night, two in three seconds at noon."""
    return 0.001 * float(650 ** ((1 - cos(2 * pi * seconds / DAY)) / 2))


#: Name -> what makes it with a source of its own.
MAKERS: dict[str, Callable[[random.Random], list[Request]]] = {
    "10 a second": lambda source: steady(source, 0.1, 72_000),
    "one in 20 s": lambda source: steady(source, 20, 8000),
    "one a minute": lambda source: steady(source, MINUTE, 3000),
    "one in 5 min": lambda source: steady(source, 5 * MINUTE, 2000),
    "one an hour": lambda source: steady(source, HOUR, 1000),
    "Poisson, 5 a second": lambda source: made(poisson(source, 0.2, 36_000), source),
    "Poisson, 1 a second": lambda source: made(poisson(source, 1, 20_000), source),
    "Poisson, one in 5 s": lambda source: made(poisson(source, 5, 12_000), source),
    "Poisson, one in 15 s": lambda source: made(poisson(source, 15, 10_000), source),
    "Poisson, one in 30 s": lambda source: made(poisson(source, 30, 10_000), source),
    "Poisson, one in 2 min": lambda source: made(poisson(source, 120, 8000), source),
    "bursts of 5": lambda source: made(bursts(source, 5, 10_000), source),
    "bursts of 50": lambda source: made(bursts(source, 50, 20_000), source),
    "bursts of 1,000": lambda source: made(bursts(source, 1000, 60_000), source),
    "diurnal": lambda source: made(changing(source, diurnal, 0.65, 2 * DAY), source),
    "fan-out of 200": lambda source: sorted(fan_out(source)),
    "flash crowds": lambda source: made(crowds(source), source),
    "200 KB a second": lambda source: steady(source, 0.25, 15_000, size=50_000),
    "20 s, back to back": lambda _: [Request(20.2 * number, 20.0, 12_000) for number in range(4000)],
    "5 min, hourly": lambda _: [Request(HOUR * number, 5 * MINUTE, 120_000) for number in range(500)],
    "steps": lambda source: made(steps(source), source),
    "pairs": lambda source: made(pairs(source), source),
}


def trace(name: str, seed: int) -> list[Request]:
    """Return the requests of one of MAKERS."""
    return MAKERS[name](random.Random(f"{seed} {name}"))  # noqa: S311 - a model's
