"""The core's own time, and when it wants to be woken.

Pure. Time progresses by the larger of what the monotonic and the wall clock say has passed, and never goes back, since
in a freeze either may stand still. A wake-up that comes more than a second late is a thaw.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Moment

THAW_SECONDS = 1.0  # a wake-up this much too late, on either clock: the environment was frozen in between
ROUNDING = 0.0001  # s: sums of two clocks' differences are not exact
HEARTBEAT = 1.0  # s: wake-up interval while an upload is in flight, so that a freeze shows


class Clock:
    """Seconds since the first event, and the moment at which time alone changes something."""

    __slots__ = ("_last", "_planned", "time")

    def __init__(self) -> None:
        self._last: Moment | None = None
        self._planned: float | None = None
        self.time = 0.0  # s

    def advance(self, now: Moment) -> bool:
        """Move on to `now`; return whether the environment was frozen in between."""
        before, planned = self.time, self._planned
        self.time += elapsed(self._last, now) if self._last is not None else 0.0
        self._last = now
        if planned is None:
            return False
        if 0 < planned - self.time < ROUNDING:
            self.time = planned  # woken for it: rounding must not make it a moment too soon for ever
        return self.time > max(planned, before) + THAW_SECONDS

    def plan(self, wake: float | None) -> None:
        """Ask to be woken at this time of the core's own clock; None: only an event changes anything."""
        self._planned = wake

    def wake_at(self) -> float | None:
        """Return the monotonic moment of the planned wake-up, in seconds; None: only an event changes anything."""
        return None if self._planned is None or self._last is None else self._last.mono + self._planned - self.time


def elapsed(before: Moment, now: Moment) -> float:
    """Return the seconds that have passed: the larger of both clocks, as one may have stood still; never negative."""
    return max(now.mono - before.mono, now.wall - before.wall, 0.0)
