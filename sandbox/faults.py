"""What can be made to go wrong, each fault by name, with a rate and a seed, so that a run can be replayed. Pure.

`s3-503=0.3,duplicate=1x2`: every third PUT is answered with 503; the first two deliveries come twice.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Name -> what happens when it strikes. S3 faults strike once per PUT, delivery faults once per POST, the others
#: once per invocation.
FAULTS = {
    "s3-500": "a PUT is answered with 500 and not stored",
    "s3-503": "a PUT is answered with 503 SlowDown and not stored",
    "s3-403": "a PUT is answered with 403 AccessDenied and not stored",
    "s3-slow": "a PUT is stored and answered a second late",
    "s3-drop-before": "the connection is cut before the object is stored",
    "s3-drop-after": "the object is stored and the connection is cut without an answer",
    "s3-stall-after": "the object is stored, no answer comes for 10 seconds, then the connection is cut",
    "s3-black-hole": "the PUT is swallowed, no answer comes for 10 seconds, then the connection is cut",
    "duplicate": "a POST that was acknowledged is delivered once more",
    "shuffle": "the events of a POST come out of order",
    "late": "at the end, telemetry is delivered only after the SHUTDOWN event",
    "kill-extension": "the extensions are killed while the function runs",
    "kill-runtime": "the runtime is killed while the function runs",
    "wipe-tmp": "the temporary folder is emptied before the invocation",
    "cut-post": "a freeze does not wait for the POST in flight: its 200 is stopped on the way",
}


class FaultError(ValueError):
    """A fault specification that cannot be read; the message says how it is written."""


@dataclass(frozen=True)
class Rate:
    """How often a fault strikes: with a probability, and `limit` times at most."""

    probability: float
    limit: int | None = None


@dataclass
class Faults:
    """Decides, reproducibly, whether a fault strikes now. Each name has its own random numbers. Thread-safe."""

    rates: Mapping[str, Rate] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        self._chances = {name: random.Random(f"{self.seed}/{name}") for name in self.rates}  # noqa: S311 - a seed
        self._lock = threading.Lock()
        self.struck: dict[str, int] = dict.fromkeys(self.rates, 0)

    def strikes(self, name: str) -> bool:
        """Say whether a fault happens this time; each call is one chance."""
        rate = self.rates.get(name)
        if rate is None:
            return False
        with self._lock:
            if rate.limit is not None and self.struck[name] >= rate.limit:
                return False
            happens = self._chances[name].random() < rate.probability
            self.struck[name] += happens
            return happens

    def shuffled(self, events: list[bytes]) -> list[bytes]:
        """Return events in another order."""
        found = list(events)
        self._chances["shuffle"].shuffle(found)
        return found


def parse(text: str, seed: int = 0) -> Faults:
    """Return the faults of `name=rate[xlimit],…`. Raises FaultError."""
    rates = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.strip().partition("=")
        if name not in FAULTS:
            raise FaultError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        probability, _, limit = (value or "1").partition("x")
        try:
            rate = Rate(float(probability), int(limit) if limit else None)
        except ValueError:
            raise FaultError(f"{part!r} is not name=rate or name=ratexlimit, as in s3-503=0.3 or s3-503=1x2") from None
        if not 0 <= rate.probability <= 1:
            raise FaultError(f"{part!r}: a rate is between 0 and 1")
        rates[name] = rate
    return Faults(rates, seed)
