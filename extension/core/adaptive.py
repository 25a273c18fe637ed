"""May an environment be let go with records that wait, or is an object due? The mode `adaptive` of batching.

Pure; moments are seconds of the core's clock, `now` is an argument. Of one environment 27 numbers are kept.

An environment that is let go runs again at its next INVOKE, and nobody knows when that comes. Letting go is a bet: the
chance that the next INVOKE comes too late for MAX_DELAY, times the invocations whose records would then be late. The
bets since the last object add up, as rent does; once they exceed an allowance, an object is worth its PUT.
"""

from __future__ import annotations

from math import log2

RELEASE, BESIDE, HOLD = "release", "beside", "hold"

PER_OBJECT = 0.03  # invocations that may be late, on average, for each object
PER_INVOCATION = 0.005  # and for each invocation that waits
UPLOAD_SECONDS, UPLOAD_SHARE = 1.0, 1 / 20  # an upload begins so long before it is due, or this share of MAX_DELAY
HOLD_SECONDS = 0.1  # that a hold lasts: two buffering periods and an upload
PUTS_PER_GB_SECOND = 0.0000166667 / 0.000005  # what Lambda bills for a GB-second, in PUTs (prices of us-east-1)
SHORTEST, BUCKETS = 0.05, 18  # s; each bucket is twice as wide as the one before, the last one open: up to 1.8 hours
RECENT = 4  # gaps that show a change of traffic long before the counts do


class Gaps:
    """The seconds from one INVOKE to the next: how many were of which order of magnitude, and the last four."""

    __slots__ = ("_counts", "_recent", "_total")

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._recent = [0.0] * RECENT
        self._total = 0

    def add(self, gap: float) -> None:
        """Count one more gap."""
        self._counts[_bucket(gap)] += 1
        self._recent = [*self._recent[1:], gap]
        self._total += 1

    def chance(self, seconds: float) -> float:
        """Return the probability that the next gap is longer.

        By all gaps or by the last four, whichever is more. Half a gap is added, as if one of two outcomes that were
        never seen were still to come. All gaps of the bucket in which it lies count as longer: shared out, hardly any
        would where it lies near the upper edge, and traffic that comes back just too late would be let go for good.
        """
        if seconds <= 0:
            return 1.0
        longer = sum(self._counts[_bucket(seconds) :])
        lately = sum(gap > seconds for gap in self._recent) / RECENT
        return max((longer + 0.5) / (self._total + 1), lately)


def _bucket(seconds: float) -> int:
    """Return the number of the bucket in which a duration lies; the last has no end."""
    return int(min(log2(max(seconds, SHORTEST) / SHORTEST), BUCKETS - 1.0))


class Adaptive:
    """The policy of one environment. `max_delay` in seconds: how old a record may be when it is stored.

    `closed` must be called for each chunk that is closed, for whatever reason.
    """

    __slots__ = ("_gaps", "_hold_price", "_last", "_rent", "_since", "patience", "waiting")

    def __init__(self, max_delay: float, memory_mb: int) -> None:
        self.patience = max_delay - min(UPLOAD_SECONDS, max_delay * UPLOAD_SHARE)  # the age at which an upload begins
        self._hold_price = HOLD_SECONDS * memory_mb / 1024 * PUTS_PER_GB_SECOND  # in PUTs
        self.forget()

    def forget(self) -> None:
        """Begin anew: this is another environment, made from a snapshot of the one before."""
        self._gaps = Gaps()
        self._last: float | None = None  # the last INVOKE
        self._since = 0.0  # the INVOKE of the oldest invocation that waits
        self._rent = 0.0  # what was bet since the last object, in invocations
        self.waiting = 0  # invocations that are not wholly in closed chunks

    def invoked(self, now: float) -> str:
        """Take note of an INVOKE; return what to do with this invocation: RELEASE, BESIDE or HOLD.

        RELEASE: call `event/next` at once. BESIDE: ship what waits from earlier invocations beside this one's handler.
        HOLD: ship everything when the handler is done, and wait until it is stored.
        """
        if not self.waiting:
            self._since = now
        self.waiting += 1
        last, self._last = self._last, now
        if last is None:
            return HOLD
        self._gaps.add(now - last)
        self._rent += self._gaps.chance(self._since + self.patience - now) * self.waiting
        if self._rent <= PER_OBJECT + PER_INVOCATION * self.waiting:
            return RELEASE
        # BESIDE costs no hold, but leaves this invocation's own records behind, which is a bet of its own.
        saves = self._hold_price * self.waiting > 1
        if self.waiting > 1 and saves and self._gaps.chance(self.patience) <= PER_INVOCATION:
            return BESIDE
        return HOLD

    def closed(self, now: float, *, running: bool) -> None:
        """Note that a chunk was closed. `running`: the invocation has not ended, so more of it will follow."""
        self.waiting = int(running)
        self._since = now
        self._rent = 0.0

    @property
    def due_at(self) -> float | None:
        """The moment at which what waits is shipped if the environment runs then; None if nothing waits."""
        return self._since + self.patience if self.waiting else None
