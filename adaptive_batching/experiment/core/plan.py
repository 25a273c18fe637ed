"""The plan of a run: the number of invocations, the concurrency, the sleep of the function and the pauses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

EVENT, REQUEST_RESPONSE = "Event", "RequestResponse"
#: Seconds before an invocation that was refused (429, 5xx) is sent again. After the last one, it counts as refused.
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Range:
    """A range from which numbers are drawn."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Return a random number from the range."""
        return random.uniform(self.low, self.high)

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range in a text like `5-6` or `5`. Raises ValueError for any other text."""
        low, dash, high = text.partition("-")
        try:
            span = cls(float(low), float(high if dash else low))
        except ValueError:
            raise ValueError(f"{text!r} is neither a number nor a range like 5-6") from None
        if not 0 <= span.low <= span.high < float("inf"):
            raise ValueError(f"{text!r} is not a range from small to large, with both numbers 0 or more")
        return span


@dataclass(frozen=True)
class Plan:
    """The plan of a run.

    `pause` is the time between two invocations of the same worker, in seconds. `sleep_ms` is how long the function is
    asked to sleep, in milliseconds. The same `seed` gives the same pauses and sleeps.
    """

    invocations: int = 100
    concurrency: int = 10
    kind: str = REQUEST_RESPONSE
    pause: Range = Range(0, 0)
    sleep_ms: Range = Range(10, 600)
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError if the plan cannot be carried out."""
        if self.invocations < 1 or self.concurrency < 1:
            raise ValueError("invocations and concurrency must be 1 or more")

    @property
    def workers(self) -> int:
        """The number of workers, which invoke at the same time."""
        return min(self.concurrency, self.invocations)


#: The public experiment of 2019: 600 asynchronous invocations, all at once, with pauses of 5 to 6 seconds per worker.
ORIGINAL = Plan(600, 600, EVENT, Range(5, 6))


def share(plan: Plan, worker: int) -> Iterator[int]:
    """Yield the numbers of the invocations that one worker makes. Together the workers make every invocation once."""
    return iter(range(worker, plan.invocations, plan.workers))
