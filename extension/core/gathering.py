"""What has come and is in no closed chunk yet: read into the open chunk, and closed when it is due.

Pure. The chunk's seal has to make it again from the bodies in the journal, so the reader's state before its first
record is kept here. A record that was cut waits for its rest for a while, and the chunk with it.
"""

from __future__ import annotations

from extension import events
from extension.core import adaptive, batcher, thresholds
from extension.core.adaptive import Adaptive
from extension.core.counters import Freshness
from extension.core.hold import BUFFERING_MS
from extension.core.outbox import Delivery
from extension.records.reader import SEALED_IDS, TAIL_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.core.counters import Counters
    from extension.records.chunk import ReaderState
    from extension.records.reader import Reader, Received
    from extension.settings import Settings


class Gathering:
    """See the module. `managed`: on Managed Instances, where no INVOKE comes."""

    __slots__ = ("_before", "_counters", "_managed", "_settled", "batcher", "partial_until", "policy", "reader")

    def __init__(
        self, settings: Settings, batches: batcher.Batcher, reader: Reader, counters: Counters, *, managed: bool
    ) -> None:
        self.batcher = batches
        self.reader = reader
        self._counters = counters
        self._managed = managed
        self._before = reader.state()  # before the first record of the open chunk
        self.partial_until = 0.0  # an unfinished record is shipped as it is then
        self.policy: Adaptive | None = None  # of mode `adaptive`
        self._settled = 0.0  # from here on an INVOKE has brought the last batch of the invocation before
        if settings.adaptive and managed:
            batches.thresholds.lower_age(Adaptive(settings.max_delay, settings.memory_mb).patience)
        elif settings.adaptive:
            self.policy = Adaptive(settings.max_delay, settings.memory_mb)
        if settings.adaptive:
            counters.freshness = Freshness(settings.max_delay)

    def resume(self, state: ReaderState) -> None:
        """Go on where an earlier process of this environment ended."""
        self.reader.restore(state)
        self._before = state

    def thawed(self, now: float) -> None:
        """Give the rest of a record that was cut the time that it has after any batch."""
        self.partial_until = max(self.partial_until, now + TAIL_SECONDS)

    def invoked(self, event: events.Invoke, now: float) -> str:
        """Take note of an INVOKE; return what mode `adaptive` wants to do with the invocation, else RELEASE."""
        self.reader.saw(event.request_id, event.arn, event.timeout)
        self._before = self._before.knowing(event.request_id, SEALED_IDS)
        self.batcher.invoked()
        self._settled = now + BUFFERING_MS / 1000
        decision = self.policy.invoked(now) if self.policy else adaptive.RELEASE
        if self._counters.freshness:
            self._counters.freshness.invoked(now)
        return decision

    def push(self, received: Received, now: events.Moment, serial: int | None) -> None:
        """Add what a batch was read as; `serial` is its number in the journal, None if it is not there."""
        self._count(received)
        self.partial_until = now.mono + TAIL_SECONDS
        if self._managed:
            for _ in received.started:
                self.batcher.invoked()
                if self._counters.freshness:
                    self._counters.freshness.invoked(now.mono)
        self.batcher.push(received, now, serial)

    def _count(self, received: Received) -> None:
        self._counters.receive(received.records, unparsed=received.unparsed, dropped=received.dropped)
        self._counters.remove(received.filtered, received.redacted)

    def close_partial(self, now: events.Moment) -> None:
        """Close a record whose rest did not come: what there is of it is shipped."""
        received = self.reader.close_partial()
        self._count(received)
        self.batcher.push_partial(received, now)

    @property
    def is_full(self) -> bool:
        """Whether no further batch should join the open chunk, with room for the rest of a record that is cut."""
        if self.reader.unfinished:
            return self.batcher.raw_bytes >= 2 * self.batcher.limit
        return self.batcher.is_full

    @property
    def is_filtered_out(self) -> bool:
        """Whether much of the journal is taken by entries of which filters have left nothing."""
        return self.batcher.is_bulky and not self.batcher.records and not self.reader.unfinished

    def pass_over(self) -> list[events.Action]:
        """Let the journal forget what filters have left nothing of: no object will ever end its waiting there."""
        self._before = self.reader.state()
        entries = self.batcher.pass_over()
        return [events.PassOver(*entries, self._before)] if entries else []

    def due(self, now: events.Moment, *, count_invokes: bool = True) -> str:
        """Return which threshold is crossed, if one is, or that the policy's moment has come."""
        if self.reader.unfinished:
            return ""
        reason = self.batcher.due(now, count_invokes=count_invokes)
        if reason or self.policy is None:
            return reason
        due_at = self.due_at
        return batcher.AGE if due_at is not None and now.mono >= due_at - thresholds.ROUNDING else ""

    @property
    def due_at(self) -> float | None:
        """When age alone makes the open chunk due. By the policy: from an INVOKE on, after its first batch."""
        if self.reader.unfinished:
            return None
        due_at, policy = self.batcher.due_at, self.policy
        if due_at is None or policy is None or policy.due_at is None:
            return due_at
        return min(due_at, max(policy.due_at, self._settled))

    def close(
        self, reason: str, now: events.Moment, *, in_closed: int, running: bool, maybe_stored: bool = False
    ) -> Delivery:
        """Close the open chunk; what is news about losses goes with it, and at the end what it all came to.

        `in_closed` are the records that wait in other chunks. `running`: the handler has not ended.
        """
        if self.reader.unfinished:
            self.close_partial(now)
        line = ""
        if self._counters.changed_since_report or reason == batcher.SHUTDOWN:
            waiting = self.batcher.records + in_closed
            line = self.reader.own_line(
                lambda environment, number: self._counters.report(waiting, environment, number, now.wall)
            )
        after = self.reader.state()
        before, self._before = self._before.at_the_start(after), after
        first = self.batcher.open.first
        delivery = Delivery(self.batcher.take(reason, before, after, line), maybe_stored=maybe_stored)
        delivery.waited = self.nothing_waits(now.mono, running=running)
        if self._managed and first:
            delivery.waited.append((first.mono, 0))  # what is logged outside of any invocation has an age too
        return delivery

    def nothing_waits(self, now: float, *, running: bool) -> list[tuple[float, int]]:
        """Tell the policy that all which has come is in closed chunks; return who waited for the last of them."""
        if not self._counters.freshness:
            return []
        if self.policy:
            self.policy.closed(now, running=running)
        return self._counters.freshness.closed(now, running=running)
