"""May the environment be released? Why, and until when, the current invocation is held open.

Pure. Holding (calling `event/next` late) is the only way to be sure that the environment runs on, and it is billed.
"""

from extension.core import policy

WAIT_DONE, SETTLE, STORE = "wait for runtimeDone", "settle", "wait for the store"


class Hold:
    """One invocation's hold. Moments are seconds of the core's clock.

    WAIT_DONE until the handler is done, SETTLE for one buffering period, which brings what trails behind, then STORE
    until the upload has been answered. Most invocations begin in STORE, and end there at once if nothing is in flight.
    """

    __slots__ = ("attempt", "flush", "mode", "settle_at", "since", "until")

    def __init__(self, mode: str, since: float, until: float, attempt: int) -> None:
        self.mode = mode
        self.since = since
        self.until = until
        self.attempt = attempt  # the upload whose answer ends the hold; 0: the next one that starts
        self.flush = ""  # reason to ship what waits when the handler is done, whatever the thresholds say

    def done(self, now: float, until: float) -> None:
        """The handler is done: MAX_HOLD, which ends at `until`, counts from here."""
        self.mode = SETTLE
        self.since = now
        self.until = until
        self.settle_at = min(now + policy.BUFFERING_MS / 1000, until)

    def advance(self, now: float) -> None:
        """Time has passed."""
        if self.mode == SETTLE and now >= self.settle_at:
            self.mode = STORE

    def wants_flush(self, now: float) -> bool:
        """Whether what waits should be shipped now, due or not: it is what this invocation logged."""
        return self.mode == STORE or now >= self.until

    def is_over(self, now: float, in_flight: int) -> bool:
        """Whether to release; `in_flight` is the number of the attempt in flight, or 0."""
        answered = self.mode == STORE and (not in_flight or (not self.flush and in_flight != self.attempt))
        return answered or now >= self.until

    @property
    def wake_at(self) -> float:
        """When time alone changes something."""
        return self.settle_at if self.mode == SETTLE else self.until
