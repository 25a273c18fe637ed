"""SHUTDOWN as the simulated world sees it: how long an attempt may take, and what must not be left in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.extension.simulation.simulated_store import check

if TYPE_CHECKING:
    from extension.core.outbox import Delivery
    from tests.unit.extension.simulation.simulated_store import Attempt, Store

ROUNDING = 0.001  # s
MARGIN = 0.1  # s before the deadline: by itself, not by SIGKILL
SECONDS = 2.0  # that there always are, whatever the deadline says
BYTES_PER_SECOND = 4 * 1024 * 1024  # that even a slow store takes
ENOUGH = 1.2  # s in which one stalled attempt is abandoned and repeated, and all else is stored too
QUICK = 0.1  # s: a store whose last answer took no longer is not slow


class Ending:
    """One process's end; moments are seconds of the core's clock."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.allowed = 0.0  # s
        self.is_deadline_odd = False
        self.is_replaying = False  # an earlier process's bodies are still being read, which takes as long as it likes
        self.stalls = 0  # attempts without an answer from here on
        self.latency = 0.0  # s that the last success took, as far as the core can know it
        self.slow_before = 0.0  # the same when SHUTDOWN came: an attempt that stalls then is given time by it
        self.hurried: set[Delivery] = set()  # of which an attempt was abandoned for want of time

    def begin(self, now: float, seconds: float, *, is_odd: bool) -> None:
        """SHUTDOWN comes, its deadline in so many seconds; an odd one counts as the two there always are."""
        self.began = now
        self.is_deadline_odd = is_odd
        self.is_replaying = False
        self.slow_before = self.latency
        self.allowed = (SECONDS if is_odd else min(seconds, SECONDS)) - MARGIN

    def may_hurry(self, attempt: Attempt) -> bool:
        """Whether this attempt, as long as no answer comes, is to be made again before the time is over."""
        return self.began is not None and not (attempt.abandoned or attempt.delivery in self.hurried)

    def hurried_at(self, attempt: Attempt) -> float:
        """When it is made again."""
        third = max(attempt.began, self.began or 0.0) + self.allowed / 3
        slow = attempt.began + 2 * self.latency
        return max(third, slow) + attempt.chunk.size / BYTES_PER_SECOND

    def abandon(self, attempt: Attempt, now: float) -> bool:
        """It is abandoned. Return whether for want of time, and not for a freeze."""
        if attempt.frozen and (self.began is None or now < self.hurried_at(attempt) - ROUNDING):
            return False
        check(self.may_hurry(attempt), "for want of time an attempt is abandoned at SHUTDOWN, once for each object")
        check(now > self.hurried_at(attempt) - ROUNDING, "at SHUTDOWN an attempt has a third of the time, if not more")
        self.hurried.add(attempt.delivery)
        return True

    def observe(self, attempt: Attempt, now: float) -> None:
        """It is in flight, and not answered yet."""
        if self.may_hurry(attempt):
            check(now < self.hurried_at(attempt) + ROUNDING, "an attempt without an answer has a third of the time")

    def should_leave_nothing(self, store: Store) -> bool:
        """Whether all that the store does not refuse has to be stored: it is well, but for one request at the most."""
        quick = self.allowed >= ENOUGH and max(self.latency, self.slow_before) <= QUICK and not self.is_replaying
        return store.is_well and self.stalls <= 1 and quick
