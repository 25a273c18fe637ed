"""The lifecycle as a state machine: events in, actions out.

Pure: no clock, no thread, no I/O; an incident can be replayed as a list of events. The shell feeds `handle` with every
event and calls it with None when `wake_at()` has come.

Inside, time is the core's own clock: it progresses by the larger of what the monotonic and the wall clock say passed,
and never goes back, since in a freeze either may stand still. A wake-up more than a second late on it is a thaw.
"""

from extension import events
from extension.core import batcher, policy
from extension.core.circuit import Circuit
from extension.core.counters import Accounts
from extension.core.hold import STORE, WAIT_DONE, Hold
from extension.core.outbox import WAITING_BYTES, Outbox
from extension.records import reader as telemetry


class Shipper:
    """See the module. `subscribed`: a log API answered; `managed`: on Managed Instances, which never freeze."""

    def __init__(
        self,
        settings: "Settings",
        batches: batcher.Batcher,
        reader: telemetry.Reader,
        *,
        subscribed: bool = True,
        managed: bool = False,
        chance: "Callable[[], float]" = lambda: 1.0,
        restored: "Callable[[], None] | None" = None,
    ) -> None:
        self._settings = settings
        self._batcher = batches
        self._reader = reader
        self._subscribed = subscribed
        self._managed = managed
        self._restored = restored  # SnapStart: called at the first INVOKE, after the restore
        self.accounts = Accounts()
        self.is_reading = False  # if handle() raised: whether a batch was unread then
        self._circuit = Circuit(chance)
        self._outbox = Outbox(self._circuit, self.accounts, batches.rekey)
        self._state = reader.state()  # before the first record of the open chunk
        self._last: "events.Moment | None" = None
        self._time = 0.0  # s on the core's clock
        self._planned: "float | None" = None
        self._request = ""  # of the last INVOKE
        self._limit = 0.0  # past it this invocation is not held
        self._done: "dict[str, None]" = {}
        self._hold: "Hold | None" = None
        self._tail_until = 0.0  # an unfinished record is given up then
        self._leave_at: "float | None" = None  # set by SHUTDOWN
        self._drain_until = 0.0
        self._quiet_at = 0.0
        self._drained = False
        self._exited = False

    @property
    def waiting_records(self) -> int:
        """Records received and neither stored nor lost."""
        return self._batcher.records + self._outbox.records

    @property
    def _most_waiting(self) -> int:
        """Bytes of closed chunks; the one in flight and one behind it always fit, each a POST above the limit."""
        return max(WAITING_BYTES, 3 * self._batcher.limit)

    def recover(self, chunk: "Chunk", missing: int = 0) -> "list[events.Action]":
        """A chunk that an earlier process of this environment closed and perhaps stored; it goes first.

        `missing` of its records could not be read any more: it must not overwrite the whole chunk, if that was stored,
        and until the store has answered it is not known whether they are lost.
        """
        self.accounts.received += chunk.records + missing
        chunk.missing, chunk.careful = missing, missing > 0
        chunk.attempts = 1  # at least one may have succeeded
        chunk.doubtful = True
        chunk.sealed = True
        return self._outbox.add(chunk, self._most_waiting)

    def resume(self, state: "events.ReaderState | None") -> None:
        """Go on where an earlier process of this environment ended."""
        if state:
            self._reader.restore(state)
            self._state = state

    def conditional(self, *, wanted: bool) -> None:
        """Whether to ask the store not to overwrite."""
        self._outbox.conditional = wanted

    def handle(self, event: "events.Event | None", now: "events.Moment") -> "list[events.Action]":
        """Take one event, or None when it is merely time; return what is to be done, in order."""
        actions: "list[events.Action]" = []
        if self._exited:
            return actions
        passed = policy.elapsed(self._last, now) if self._last else 0.0
        if self._planned is not None and self._time + passed > max(self._planned, self._time) + policy.THAW_SECONDS:
            actions += self._outbox.thaw()
            self._tail_until = max(self._tail_until, self._time + passed + telemetry.TAIL_SECONDS)
        self._time += passed
        if self._planned is not None and 0 < self._planned - self._time < policy.ROUNDING:
            self._time = self._planned  # woken for it: rounding must not make it a moment too soon for ever
        self._last = now
        moment = events.Moment(self._time, now.wall)
        if isinstance(event, events.LogsReceived):
            self.is_reading = True
            received = self._reader.read(event.body, event.wall or now.wall)
            self.is_reading = False
            self._on_received(received, moment, event.serial, actions)
        elif isinstance(event, events.Invoke):
            self._on_invoke(event, moment, actions)
        elif isinstance(event, events.Shutdown):
            self._on_shutdown(event, moment, actions)
        elif isinstance(event, events.Shed):
            self.accounts.received += event.count
            self.accounts.lost += event.count
            self.accounts.lost_bytes += event.size
        elif event is not None:
            self._on_answer(event, actions)
        self._advance(moment, actions)
        self._planned = self._wake_time()
        return actions

    def wake_at(self) -> "float | None":
        """The monotonic moment at which `handle(None, …)` wants to be called; None: only an event changes anything."""
        return None if self._planned is None or not self._last else self._last.mono + self._planned - self._time

    def _wake_time(self) -> "float | None":
        if self._exited:
            return None
        moments: "list[float | None]" = [self._hold.wake_at if self._hold else None]
        if self._outbox.attempt:
            moments.append(self._time + policy.HEARTBEAT)
        elif self._may_upload():
            due_at = None if self._reader.unfinished else self._batcher.due_at
            moments.append(self._outbox.ready_at() if len(self._outbox) else due_at)
        if self._reader.unfinished:
            moments.append(self._tail_until)
        if self._leave_at is not None:
            moments.append(self._leave_at)
            if not self._drained:
                moments.append(min(self._quiet_at, self._drain_until))
        return min((moment for moment in moments if moment is not None), default=None)

    # events

    def _on_received(
        self, received: telemetry.Received, now: "events.Moment", serial: int, actions: "list[events.Action]"
    ) -> None:
        self.accounts.received += received.records
        self.accounts.unparsed += received.unparsed
        self.accounts.dropped += received.dropped
        self._quiet_at = now.mono + policy.QUIET_SECONDS
        self._tail_until = now.mono + telemetry.TAIL_SECONDS
        for request_id in received.done:
            self._done[request_id] = None
        while len(self._done) > telemetry.REMEMBERED:
            del self._done[next(iter(self._done))]
        if self._managed:
            for _ in received.started:
                self._batcher.invoked()
        self._batcher.push(received, now, serial)
        if received.dropped and self._hold and self._hold.mode == WAIT_DONE:
            self._settle(self._hold)
        limit = self._batcher.limit * (1 + self._reader.unfinished)  # room for the rest of a record that is cut
        if self._batcher.raw_bytes >= limit and (len(self._outbox) or not self._may_upload()):
            self._close(batcher.BACKLOG, now, actions)

    def _give_up(self, now: "events.Moment") -> None:
        """The rest of a record did not come: what there is of it is shipped."""
        received = self._reader.give_up()
        self.accounts.received += received.records
        self.accounts.unparsed += received.unparsed
        self._batcher.give_up(received, now)

    def _on_invoke(self, event: "events.Invoke", now: "events.Moment", actions: "list[events.Action]") -> None:
        first = not self._request
        if first and self._restored:
            if self._batcher.records:  # what the snapshot's environment logged keeps that environment's id
                self._close(batcher.RESTORE, now, actions)
            self._restored()
        self._request = event.request_id
        self._reader.saw(event.request_id, event.arn)
        self._batcher.invoked()
        self._outbox.next_event()
        self._limit = policy.hold_limit(event, now)
        if self._subscribed and not self._circuit.is_open and (first or self._settings.ship_invokes == 1):
            until = min(now.mono + policy.DONE_PATIENCE, self._limit)
            self._hold = Hold(WAIT_DONE, now.mono, until, self._outbox.attempt)
            self._hold.flush = batcher.FIRST if first else batcher.INVOKES
        else:
            seconds = 0.0 if self._circuit.is_open else self._settings.hold_seconds
            self._hold = Hold(STORE, now.mono, min(now.mono + seconds, self._limit), self._outbox.attempt)

    def _on_shutdown(self, event: "events.Shutdown", now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._hold:  # SIGTERM in the middle of an invocation
            self._release(self._hold, actions)
        if event.reason in ("timeout", "failure"):
            self.accounts.reason, self.accounts.request = event.reason, self._request
        self._outbox.next_event()
        self._circuit.leave(now.mono)
        leave_at = policy.shutdown_limit(event.deadline, now)
        self._leave_at = leave_at if self._leave_at is None else min(leave_at, self._leave_at)
        self._drain_until = policy.drain_limit(self._leave_at, now)
        self._quiet_at = now.mono + (policy.QUIET_SECONDS if self._subscribed else 0.0)

    def _on_answer(self, event: "events.Uploaded | events.UploadFailed", actions: "list[events.Action]") -> None:
        held = bool(self._hold or self._leave_at is not None)
        actions += self._outbox.answered(event, self._time, held=held)
        if self._hold and isinstance(event, events.UploadFailed) and self._outbox.ready(self._time):
            self._hold.attempt = 0  # the attempt that takes its place ends the hold

    # decisions

    def _advance(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        hold = self._hold
        if hold:
            if hold.mode == WAIT_DONE and self._request in self._done:
                self._settle(hold)
            hold.advance(now.mono)
        if self._leave_at is not None and now.mono >= min(self._quiet_at, self._drain_until, self._leave_at):
            self._drained = True
        if self._reader.unfinished and (self._drained or now.mono >= self._tail_until):
            self._give_up(now)
        self._ship(now, actions)
        if hold and (self._circuit.is_open or hold.is_over(now.mono, self._outbox.attempt)):
            self._release(hold, actions)
        self._leave(now, actions)

    def _settle(self, hold: Hold) -> None:
        """The handler is done: MAX_HOLD counts from here."""
        hold.done(self._time, min(self._time + self._settings.hold_seconds, self._limit))

    def _may_upload(self) -> bool:
        """Whether the environment is sure to go on: it is held, or its handler has not ended, or it never freezes."""
        running = self._request and self._request not in self._done
        return bool(self._hold or running or self._managed or self._leave_at is not None)

    def _is_late(self, now: "events.Moment") -> bool:
        """Whether to leave whatever waits: what is begun now would be cut off at once."""
        return self._leave_at is not None and now.mono >= self._leave_at

    def _ship(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        """Start an upload if there is something to upload, nothing is in flight and the environment runs."""
        if not self._may_upload() or self._is_late(now):
            return
        hold, flushed = self._hold, False
        if not len(self._outbox):
            reason = self._worth_shipping(now)
            if reason:
                self._close(reason, now, actions)
                flushed = hold is not None and reason == hold.flush
        if not self._outbox.ready(now.mono):
            return
        upload = self._outbox.start()
        if hold and flushed:
            hold.flush, hold.attempt = "", upload.attempt
        elif hold:
            hold.attempt = hold.attempt or upload.attempt
        actions.append(upload)

    def _worth_shipping(self, now: "events.Moment") -> str:
        """The reason to close the open chunk now, or nothing."""
        if not self._batcher.records:
            return ""
        if self._drained:
            return batcher.SHUTDOWN
        if self._hold and self._hold.flush:
            # What this invocation logs comes within the hold: what was left over from before waits for it.
            if self._hold.wants_flush(now.mono):
                return self._hold.flush
            return "" if self._reader.unfinished else self._batcher.due(now, count_invokes=False)
        return "" if self._reader.unfinished else self._batcher.due(now)

    def _close(self, reason: str, now: "events.Moment", actions: "list[events.Action]") -> None:
        """Close the open chunk; what is news about losses goes with it, and at the end what it all came to."""
        tail = ""
        if self._reader.unfinished:
            self._give_up(now)
        state = self._reader.state()
        seal_state = events.ReaderState(self._state.request_id, state.seen, self._state.sequence, state.arn)
        if self.accounts.has_news or reason == batcher.SHUTDOWN:
            tail = self._reader.own_line(
                lambda environment, number: self.accounts.report(self.waiting_records, environment, number, now.wall)
            )
        chunk = self._batcher.take(reason, seal_state, tail)
        chunk.shared = self._restored is not None and not self._request and reason != batcher.RESTORE
        chunk.doubtful = chunk.shared  # another copy of the snapshot may have stored it
        self._state = self._reader.state()
        chunk.after = self._state
        actions += self._outbox.add(chunk, self._most_waiting)

    def _release(self, hold: Hold, actions: "list[events.Action]") -> None:
        held = self._time - hold.since
        self.accounts.held_seconds += held
        if self._outbox.attempt and hold.mode == STORE and self._circuit.held_in_vain(held, self._time):
            actions.append(self._outbox.says_open())
        self._hold = None
        self._outbox.unknown = bool(self._outbox.attempt)
        actions.append(events.Release(self._request))

    def _leave(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._leave_at is None:
            return
        finished = self._drained and not self.waiting_records
        if finished or self._is_late(now):
            kept = bool(self.accounts.reason)  # a reset keeps /tmp: the next process ships what is journalled
            lost, size, perhaps = self._outbox.left_behind(kept=kept)
            lost += self._batcher.loose if kept else self._batcher.records
            size += self._batcher.loose_bytes if kept else self._batcher.raw_bytes
            left = self.waiting_records - lost
            self.accounts.lost += lost
            self.accounts.lost_bytes += size
            self._exited = True
            figures = self.accounts.figures(left)
            if perhaps:
                figures["perhapsStored"] = perhaps
            if lost:
                figures["why"] = "the journal does not hold it" if kept else self._circuit.trouble
            actions.append(events.Exit(lost, figures))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.records.objects import Chunk
    from extension.settings import Settings
