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
THAW_SECONDS = 1.0  # a wake-up this much too late, on either clock: the environment was frozen in between
ROUNDING = 0.0001  # s: sums of two clocks' differences are not exact
HEARTBEAT = 1.0  # s: wake-up interval while an upload is in flight, so that a freeze shows


def hold_limit(invoke: "Invoke", now: "Moment") -> float:
    """The monotonic moment after which this invocation is not held, whatever is in flight."""
    return now.mono + (invoke.deadline - now.wall) - DEADLINE_MARGIN


def shutdown_limit(deadline: float, now: "Moment") -> float:
    """The monotonic moment to leave: the deadline less a margin; an odd deadline is clamped to 0-2 s from now."""
    return now.mono + min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET) - SHUTDOWN_MARGIN


def drain_limit(leave_at: float, now: "Moment") -> float:
    """The monotonic moment at which draining ends even if batches keep coming."""
    return now.mono + (leave_at - now.mono) * DRAIN_SHARE


def elapsed(before: "Moment", now: "Moment") -> float:
    """Seconds that have passed: the larger of both clocks, as one may have stood still in a freeze; never negative."""
    return max(now.mono - before.mono, now.wall - before.wall, 0.0)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Invoke, Moment
