"""What a run does: how many invocations, how many at once, how long each sleeps and what lies between. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

EVENT, REQUEST_RESPONSE = "Event", "RequestResponse"
#: Seconds before an invocation that was refused (429, 5xx) is sent again; after the last it counts as refused.
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Range:
    """A range from which figures are drawn."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Return a figure from the range."""
        return random.uniform(self.low, self.high)

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read `5-6` or `5`; ValueError with what is wrong otherwise."""
        low, dash, high = text.partition("-")
        try:
            span = cls(float(low), float(high if dash else low))
        except ValueError:
            raise ValueError(f"{text!r} is neither a figure nor a range like 5-6") from None
        if not 0 <= span.low <= span.high < float("inf"):
            raise ValueError(f"{text!r} is no range from small to large, from 0 on")
        return span


@dataclass(frozen=True)
class Plan:
    """A run. `pause`: seconds between two invocations of the same worker; `sleep_ms`: what the function is told."""

    invocations: int = 100
    concurrency: int = 10
    kind: str = REQUEST_RESPONSE
    pause: Range = Range(0, 0)
    sleep_ms: Range = Range(10, 600)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, with one sentence."""
        if self.invocations < 1 or self.concurrency < 1:
            raise ValueError("invocations and concurrency must be 1 or more")

    @property
    def workers(self) -> int:
        """How many invoke at the same time."""
        return min(self.concurrency, self.invocations)


#: The public experiment of 2019: 600 invocations, all at once, asynchronous, 5 to 6 seconds between a worker's own.
ORIGINAL = Plan(600, 600, EVENT, Range(5, 6))


def share(plan: Plan, worker: int) -> Iterator[int]:
    """Yield the numbers of the invocations that a worker makes; the workers' shares make up the plan."""
    return iter(range(worker, plan.invocations, plan.workers))
