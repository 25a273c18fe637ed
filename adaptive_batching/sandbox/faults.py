"""The faults that can be injected, by name, with a rate and a limit. A seed makes a run repeatable.

For example, `s3-503=0.3,duplicate=1x2` answers 30 % of all PUTs with 503 and sends the first two deliveries twice.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PUT, POST, INVOCATION = "PUT to S3", "telemetry POST", "invocation"
FREEZE, LINE, END = "freeze", "function's line", "end of a generation"


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `chance` is the event that gives it one chance to strike, `effect` what happens if it does."""

    chance: str
    effect: str


FAULTS = {
    "s3-500": Kind(PUT, "answered with 500 and not stored"),
    "s3-503": Kind(PUT, "answered with 503 SlowDown and not stored"),
    "s3-403": Kind(PUT, "answered with 403 AccessDenied and not stored"),
    "s3-slow": Kind(PUT, "stored, and answered a second late"),
    "s3-drop-before": Kind(PUT, "the connection is cut before the object is stored"),
    "s3-drop-after": Kind(PUT, "stored, and the connection is cut without an answer"),
    "s3-stall-after": Kind(PUT, "stored, no answer for 10 seconds, then the connection is cut"),
    "s3-black-hole": Kind(PUT, "not stored, no answer for 10 seconds, then the connection is cut"),
    "freeze-upload": Kind(PUT, "stored only after the next freeze of an environment (10 seconds at most)"),
    "hang-dns": Kind(INVOCATION, "no name is resolved until the next one: the resolver waits for a silent server"),
    "duplicate": Kind(POST, "is sent again after it was acknowledged"),
    "shuffle": Kind(POST, "its events are in random order"),
    "cut-post": Kind(FREEZE, "comes between a POST and its 200: the platform sends the batch again"),
    "late": Kind(END, "waiting telemetry is delivered only after the SHUTDOWN event"),
    "kill-extension": Kind(INVOCATION, "the extensions are killed while the function runs"),
    "kill-runtime": Kind(INVOCATION, "the runtime is killed while the function runs"),
    "wipe-tmp": Kind(INVOCATION, "the temporary folder is emptied before it"),
    "full-tmp": Kind(INVOCATION, "the temporary folder is full until the next one (it has 16 MiB with this fault)"),
    "lose-line": Kind(LINE, "reaches neither CloudWatch's log stream nor any extension"),
    "lose-stream-line": Kind(LINE, "is not in CloudWatch's log stream"),
    "lose-delivered-line": Kind(LINE, "is not delivered to extensions"),
}
SYNTAX = "NAME[=RATE][xCOUNT]: s3-503 always, s3-503=0.3 with probability 0.3, s3-503x2 the first two times"


class FaultError(ValueError):
    """A fault specification cannot be parsed. The message shows the syntax."""


@dataclass(frozen=True)
class Rate:
    """How often a fault strikes: with a probability from 0 to 1, and at most `limit` times (None: no limit)."""

    probability: float
    limit: int | None = None


@dataclass
class Faults:
    """Decides whether a fault strikes. Thread-safe.

    The decisions are reproducible: each fault has its own sequence of random numbers, derived from `seed`. `chances`
    and `struck` count, by name, the chances so far and how often the fault struck.
    """

    rates: Mapping[str, Rate] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        self._chances = {name: random.Random(f"{self.seed}/{name}") for name in self.rates}  # noqa: S311 - a seed
        self._changed = threading.Condition()
        self._freezes = 0
        self.struck: dict[str, int] = dict.fromkeys(self.rates, 0)
        self.chances: dict[str, int] = dict.fromkeys(self.rates, 0)

    def strikes(self, name: str) -> bool:
        """Return whether the fault strikes this time. Each call is one chance."""
        rate = self.rates.get(name)
        if rate is None:
            return False
        with self._changed:
            self.chances[name] += 1
            if rate.limit is not None and self.struck[name] >= rate.limit:
                return False
            happens = self._chances[name].random() < rate.probability
            self.struck[name] += happens
            return happens

    def shuffled(self, events: list[bytes]) -> list[bytes]:
        """Return the events in random order."""
        found = list(events)
        with self._changed:
            self._chances["shuffle"].shuffle(found)
        return found

    def note_freeze(self) -> None:
        """Record that an environment has been frozen."""
        with self._changed:
            self._freezes += 1
            self._changed.notify_all()

    def await_freeze(self, seconds: float) -> bool:
        """Wait for the next freeze, at most `seconds`. Return whether there was one."""
        with self._changed:
            before = self._freezes
            return self._changed.wait_for(lambda: self._freezes > before, seconds)

    def summary(self) -> list[str]:
        """Return one line for each fault: how often it struck, out of how many chances."""
        return [
            f"{name} struck {self.struck[name]} of {self.chances[name]} times ({FAULTS[name].chance})"
            for name in self.rates
        ]


def parse(text: str, seed: int = 0) -> Faults:
    """Parse a specification like `name[=rate][xcount],…`. Raises FaultError."""
    rates: dict[str, Rate] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, rate = _parse_one(part)
        if name in rates:
            raise FaultError(f"{part!r}: {name} is given twice; a fault has one rate")
        rates[name] = rate
    return Faults(rates, seed)


def _parse_one(part: str) -> tuple[str, Rate]:
    name, equals, value = part.partition("=")
    if not equals:
        stem, x, count = part.rpartition("x")
        name, value = (stem, f"1x{count}") if x and count.isdigit() else (part, "1")
    if name not in FAULTS:
        raise FaultError(f"{name!r} is not a fault; `--fault list` shows all: {', '.join(FAULTS)}")
    probability, _, limit = value.partition("x")
    try:
        rate = Rate(float(probability), int(limit) if limit else None)
    except ValueError:
        raise FaultError(f"{part!r} is not {SYNTAX}") from None
    if not 0 <= rate.probability <= 1:
        raise FaultError(f"{part!r}: a rate is between 0 and 1; {name}x3 means the first three times")
    return name, rate


def listing() -> list[str]:
    """Return the lines that `--fault list` prints."""
    width = max(map(len, FAULTS))
    lines = [f"{SYNTAX}; separate several with commas; --seed sets the random numbers."]
    for chance in dict.fromkeys(kind.chance for kind in FAULTS.values()):
        lines += ["", f"One chance per {chance}:"]
        lines += [f"  {name.ljust(width)}  {kind.effect}" for name, kind in FAULTS.items() if kind.chance == chance]
    return lines
