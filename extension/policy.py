"""The numbers behind the shipper's decisions: how long to hold, to wait, to drain; each with its unit and reason.

Pure functions of what is passed in.
"""

DEADLINE_MARGIN = 0.25  # s: an invocation is never held closer to its own time-out than this
DONE_PATIENCE = 10.0  # s after INVOKE that platform.runtimeDone is waited for: behind a slower handler nobody looks yet
BUFFERING_MS = 25  # the least the platform accepts (Telemetry API reference); one such period gathers trailing batches
QUIET_SECONDS = max(0.150, 4 * BUFFERING_MS / 1000)  # no batch for this long after SHUTDOWN: the platform has said all
SHUTDOWN_BUDGET = (
    2.0  # s: the whole window of an environment with external extensions; a longer deadline is not believed
)
SHUTDOWN_MARGIN = 0.10  # s before the deadline: leave by ourselves, not by SIGKILL
DRAIN_SHARE = 0.5  # of the budget: draining ends here even if batches keep coming, the rest is for the last upload
SHUTDOWN_RETRY = 0.1  # s between attempts during SHUTDOWN
THAW_SECONDS = 1.0  # a wake-up this much too late, on either clock: the environment was frozen in between
HEARTBEAT = 1.0  # s: wake-up interval while an upload is in flight, so that a freeze shows
FAILURES_IN_VAIN, SECONDS_IN_VAIN = 3, 1.0  # so many failures, or so long held without a success: nobody is held
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 30.0  # s: between attempts while an invocation runs
WAITING_BYTES = 32 * 1024 * 1024  # closed chunks that wait for another attempt; what is over is shed, oldest first
STRETCH_MOST = 2**10  # the byte threshold doubles at most ten times


WAIT_DONE, SETTLE, STORE = "wait for runtimeDone", "settle", "wait for the store"


class Hold:
    """Why, and until which monotonic moment at the latest, the current invocation is held open."""

    __slots__ = ("attempt", "flush", "mode", "settle_at", "since", "until")

    def __init__(self, mode: str, since: float, until: float) -> None:
        self.mode = mode
        self.since = since
        self.until = until
        self.settle_at = 0.0
        self.flush = ""  # reason to ship what waits when the handler is done, whatever the thresholds say
        self.attempt = 0  # the upload whose answer ends the hold

    def is_answered(self, in_flight: int) -> bool:
        """Whether nothing is left to wait for: `in_flight` is the number of the attempt in flight or 0."""
        if self.mode != STORE:
            return False
        return not in_flight or (not self.flush and in_flight != self.attempt)


def hold_limit(invoke: "Invoke", now: "Moment") -> float:
    """The monotonic moment after which this invocation is not held, whatever is in flight."""
    return now.mono + (invoke.deadline - now.wall) - DEADLINE_MARGIN


def shutdown_limit(deadline: float, now: "Moment") -> float:
    """The monotonic moment to leave: the deadline less a margin; an odd deadline is clamped to 0-2 s from now."""
    return now.mono + min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET) - SHUTDOWN_MARGIN


def drain_limit(leave_at: float, now: "Moment") -> float:
    """The monotonic moment at which draining ends even if batches keep coming."""
    return now.mono + max(leave_at - now.mono, 0.0) * DRAIN_SHARE


def backoff(failures: int) -> float:
    """Seconds to wait after this many failed attempts in a row."""
    return float(min(BACKOFF_FIRST * 2 ** min(failures - 1, 16), BACKOFF_MOST))


def late(planned: "float | None", before: "Moment", now: "Moment") -> bool:
    """Whether a wake-up planned for the monotonic moment `planned`, seen from `before`, came as after a freeze."""
    if planned is None:
        return False
    wait = max(planned - before.mono, 0.0)
    return max(now.mono - before.mono, now.wall - before.wall) > wait + THAW_SECONDS


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Invoke, Moment
