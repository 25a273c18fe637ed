"""The phase after SHUTDOWN: wait until the platform has said all, ship that, and leave inside the deadline.

Pure; moments are seconds of the core's clock.
"""

from __future__ import annotations

from extension.core.hold import BUFFERING_MS
from extension.events import SHUTDOWN_BUDGET, Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.core.batcher import OpenChunk
    from extension.core.counters import Counters
    from extension.core.outbox import Outbox
    from extension.core.replay import Replay
    from extension.events import Moment

QUIET_SECONDS = max(0.150, 4 * BUFFERING_MS / 1000)  # no batch for this long after SHUTDOWN: the platform has said all
SHUTDOWN_MARGIN = 0.10  # s before the deadline: leave by ourselves, not by SIGKILL
ATTEMPT_SHARE = 1 / 3  # of the budget that one attempt may go without an answer: another one may be answered
DRAIN_SHARE = 0.5  # of the budget: draining ends here even if batches keep coming, the rest is for the last upload
REFUSED_NAMED = 10  # keys with the store's words that the last line tells


class Drain:
    """See the module. Begins with the first SHUTDOWN or SIGTERM; QUIET_SECONDS without a batch end the waiting.

    `deadline` is that of SHUTDOWN or SIGTERM, in wall-clock seconds.
    """

    __slots__ = ("_began", "_leave_at", "_quiet_at", "_until", "is_over")

    def __init__(self, deadline: float, now: Moment) -> None:
        self.is_over = False  # the platform has said all, as far as it is waited for
        self._begin(shutdown_limit(deadline, now), now)

    def again(self, deadline: float, now: Moment) -> None:
        """Begin again, at another SHUTDOWN or SIGTERM: of several deadlines the earliest counts."""
        self._begin(min(shutdown_limit(deadline, now), self._leave_at), now)

    def _begin(self, leave_at: float, now: Moment) -> None:
        self._began = now.mono
        self._leave_at = leave_at
        self._until = drain_limit(leave_at, now)  # draining ends even if batches keep coming
        self.received(now.mono)

    def received(self, now: float) -> None:
        """Note that a batch came: the platform is not quiet yet."""
        self._quiet_at = now + QUIET_SECONDS

    def advance(self, now: float) -> None:
        """Let time pass."""
        if now >= min(self._quiet_at, self._until, self._leave_at):
            self.is_over = True

    def abandon_at(self, started: float) -> float:
        """Return when an attempt that started at `started` and was not answered should be made again."""
        return max(started, self._began) + max(self._leave_at - self._began, 0.0) * ATTEMPT_SHARE

    def is_late(self, now: float) -> bool:
        """Return whether to leave whatever waits: what is begun now would be cut off at once."""
        return now >= self._leave_at

    @property
    def wake_at(self) -> float:
        """When time alone changes something."""
        return self._leave_at if self.is_over else min(self._quiet_at, self._until, self._leave_at)


def shutdown_limit(deadline: float, now: Moment) -> float:
    """Return the moment to leave: the deadline less a margin; a deadline is clamped to 0-2 s from now."""
    return now.mono + min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET) - SHUTDOWN_MARGIN


def drain_limit(leave_at: float, now: Moment) -> float:
    """Return the moment at which draining ends even if batches keep coming."""
    return now.mono + (leave_at - now.mono) * DRAIN_SHARE


def exit_with(counters: Counters, outbox: Outbox, waiting: OpenChunk, replay: Replay | None) -> Exit:
    """Return the last action; count what ends with this process, of closed chunks, the open one and a replay."""
    kept = bool(counters.reason)  # a reset keeps /tmp: the next process ships what is journalled
    lost, size, perhaps = outbox.left_behind(kept=kept)
    lost += waiting.unjournalled_records if kept else waiting.records
    size += waiting.unjournalled_bytes if kept else waiting.raw_bytes
    unread, perhaps_too = replay.left() if replay else (0, {})
    counters.receive(unread)
    if not kept:
        lost += unread
        perhaps |= perhaps_too
    left = waiting.records + outbox.records + unread - lost
    counters.lose(lost, size)
    counts = counters.as_dict(left)
    if perhaps:
        counts["perhapsStored"] = perhaps
    if lost and (refused := outbox.refused()):
        counts["refused"] = dict(list(refused.items())[:REFUSED_NAMED])
    if lost:
        counts["why"] = "the journal does not hold it" if kept else outbox.circuit.trouble
    return Exit(lost, counts)
