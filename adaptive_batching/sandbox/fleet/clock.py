"""The clock of asynchronous invocation: it may run faster than the machine's, so that six hours pass in minutes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Seconds of Lambda's time since its beginning. A second here is `scale` of Lambda's.

    `stretch` changes each wait of the event queue, in seconds: it is for jitter.
    """

    def __init__(self, scale: float = 1.0, stretch: Callable[[float], float] = lambda wait: wait) -> None:
        self.scale, self.stretch = scale, stretch
        self._began, self._epoch = time.monotonic(), time.time()

    def now(self) -> float:
        """Return the time."""
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> float:
        """Return the time at a moment in monotonic seconds."""
        return (monotonic - self._began) * self.scale

    def epoch(self, at: float) -> float:
        """Return a time as seconds since the epoch, for stamps: Lambda's calendar, which began with the machine's."""
        return self._epoch + at

    def real(self, seconds: float) -> float:
        """Return how long seconds of Lambda's take here."""
        return seconds / self.scale
