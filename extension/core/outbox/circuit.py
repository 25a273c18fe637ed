"""Whether the store is worth another attempt now, and worth holding an invocation for.

Pure; moments are seconds of the core's clock. Closed: failures are answered with a backoff. Open, after three failures
in a row of any kind or a second of hold without success: no invocation is held, one probe goes out after 30 s, then
after twice that, 5 minutes at most. A success closes it. At SHUTDOWN none of this counts: there is no later.
"""

from __future__ import annotations

from extension import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = 3  # in a row
SECONDS_IN_VAIN = 1.0  # of hold since the last success
BACKOFF = 0.2  # s, doubled by each failure: upper bound of the wait, which is drawn from 0 to it (full jitter)
PROBE_FIRST, PROBE_MOST = 30.0, 300.0  # s
UNREACHABLE = "store unreachable"
LAST_RETRY = 0.1  # s between attempts during SHUTDOWN


class Circuit:
    """See the module. `chance` draws a number from 0 to 1."""

    __slots__ = ("_chance", "_probe", "failures", "held", "is_open", "leaving", "retry_at", "what", "why")

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._probe = PROBE_FIRST
        self.failures = 0  # in a row
        self.held = 0.0  # s of hold since the last success
        self.is_open = False
        self.leaving = False  # SHUTDOWN
        self.retry_at = 0.0
        self.why = ""  # the last failure, for people
        self.what = UNREACHABLE  # what that says about the store

    def succeeded(self, now: float) -> bool:
        """Take note that the store took an object; return whether it had failed before."""
        news = self.failures > 0 or self.is_open
        self.failures, self.held, self.is_open, self._probe, self.retry_at = 0, 0.0, False, PROBE_FIRST, now
        self.why, self.what = "", UNREACHABLE
        return news

    @property
    def trouble(self) -> str:
        """Why the waiting chunks have not been stored."""
        return self.why if self.failures or self.is_open else "the deadline came before an answer of the store"

    def says_open(self, waiting_records: int) -> events.Say:
        """Return the line for operators when it opens."""
        text = f"circuit opened: {self.what}, logs are buffered and retried"
        return events.Say("error", text, {"why": self.why, "waiting_records": waiting_records})

    def failed(self, why: str, now: float, what: str = UNREACHABLE) -> bool:
        """Take note of a failed attempt, answered badly or not at all; return whether this opened the circuit."""
        self.why, self.what = why, what
        self.failures += 1
        if self.is_open:
            self._probe = min(self._probe * 2, PROBE_MOST)
        opened = not self.is_open and self.failures >= FAILURES
        self.is_open = self.is_open or opened
        self.retry_at = now + self._wait()
        return opened

    def unanswered(self, why: str, now: float) -> None:
        """Take note that no answer came, perhaps because of a freeze: not a failure, unless it was a probe."""
        if self.is_open:
            self.failed(why, now)
        else:
            self.retry_at = now + self._wait()

    def held_in_vain(self, seconds: float, now: float) -> bool:
        """Take note of a hold that ended without an answer of the store; return whether this opened the circuit."""
        self.held += seconds
        if self.is_open or self.held < SECONDS_IN_VAIN:
            return False
        self.is_open = True
        self.why = self.why or "no answer while an invocation was held"
        self.retry_at = now + self._wait()
        return True

    def interrupted(self, now: float) -> None:
        """Take note that a freeze cut an attempt: that says nothing about the store."""
        self.retry_at = now + (self._probe if self.is_open and not self.leaving else 0.0)

    def leave(self, now: float) -> None:
        """Begin SHUTDOWN: from here on there is an attempt every 100 ms."""
        self.leaving = True
        self.retry_at = now

    def _wait(self) -> float:
        if self.leaving:
            return LAST_RETRY
        if self.is_open:
            return self._probe
        return BACKOFF * (1 << max(self.failures - 1, 0)) * self._chance()
