"""May the environment be released? Why, and until when, the current invocation is held open.

Pure. Holding (calling `event/next` late) is the only way to be sure that the environment runs on, and it is billed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Invoke, Moment

DEADLINE_MARGIN = 0.25  # s: an invocation is never held closer to its own timeout than this
LONGEST = 900.0  # s: Lambda's longest timeout; a deadline further away cannot be
DONE_TIMEOUT = 10.0  # s after INVOKE that platform.runtimeDone is waited for
SILENCE_LEAST = 0.25  # s after INVOKE: no batch can come before the platform has buffered and sent one
SILENCE_MOST = 1.0  # s after INVOKE without any telemetry: it does not come, and an environment pays for that only once
BUFFERING_MS = 25  # the least the platform accepts (Telemetry API reference); one such period gathers trailing batches

WAIT_DONE, SETTLE, STORE = "wait for runtimeDone", "settle", "wait for the store"


class Hold:
    """One invocation's hold. Moments are seconds of the core's clock.

    WAIT_DONE until the handler is done, SETTLE for one buffering period, which brings what trails behind, then STORE
    until the upload has been answered. Most invocations begin in STORE, and end there at once if nothing is in flight.
    """

    __slots__ = ("attempt", "flush", "mode", "patient_until", "settle_at", "silent_until", "since", "until")

    def __init__(self, mode: str, since: float, until: float, attempt: int | None) -> None:
        self.mode = mode
        self.since = since
        self.until = until
        self.attempt = attempt  # the upload whose answer ends the hold; None: the next one that starts
        self.silent_until: float | None = None  # WAIT_DONE ends here if no batch comes before
        self.patient_until: float | None = None  # WAIT_DONE lasts until then once a batch has come
        self.flush = ""  # reason to ship what waits when the handler is done, whatever the thresholds say

    def has_heard_nothing(self, now: float) -> bool:
        """Return whether the end of the handler was waited for, and silence has ended that."""
        return self.mode == WAIT_DONE and self.silent_until is not None and now >= self.silent_until

    def heard(self) -> None:
        """Note that a batch came: Lambda delivers telemetry here."""
        self.silent_until = None
        if self.patient_until is not None and self.mode == WAIT_DONE:
            self.until = max(self.until, self.patient_until)

    def settle(self, now: float) -> None:
        """Begin the buffering period after which what waits is shipped."""
        self.mode = SETTLE
        self.settle_at = min(now + BUFFERING_MS / 1000, self.until)

    def done(self, now: float, until: float) -> None:
        """Note that the handler is done: MAX_HOLD, which ends at `until`, counts from here."""
        self.since = now
        self.until = until
        self.settle(now)

    def advance(self, now: float) -> None:
        """Let time pass."""
        if self.mode == SETTLE and now >= self.settle_at:
            self.mode = STORE

    def wants_flush(self, now: float) -> bool:
        """Return whether what waits should be shipped now, due or not: it is what this invocation logged."""
        return self.mode == STORE or now >= self._limit

    def is_over(self, now: float, in_flight: int | None) -> bool:
        """Return whether to release; `in_flight` is the number of the attempt in flight, or None."""
        answered = self.mode == STORE and (not in_flight or (not self.flush and in_flight != self.attempt))
        return answered or now >= self._limit

    @property
    def wake_at(self) -> float:
        """When time alone changes something."""
        return self.settle_at if self.mode == SETTLE else self._limit

    @property
    def _limit(self) -> float:
        if self.mode == WAIT_DONE and self.silent_until is not None:
            return min(self.until, self.silent_until)
        return self.until


def silence(hold_seconds: float) -> float:
    """Return how long to wait for the first batch of an invocation, in seconds, where MAX_HOLD is so long."""
    return min(max(hold_seconds, SILENCE_LEAST), SILENCE_MOST)


def hold_limit(invoke: Invoke, now: Moment) -> float:
    """Return the moment after which this invocation is not held, whatever is in flight."""
    return now.mono + min(invoke.deadline - now.wall, LONGEST) - DEADLINE_MARGIN
