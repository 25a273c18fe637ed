"""The lifecycle as a state machine: events in, actions out.

Pure: no clock, no thread, no I/O; an incident can be replayed as a list of events. The shell feeds `handle` with every
event and calls it with None when `wake_at()` has come. Inside, time is the core's own (`core.clock`).
"""

from __future__ import annotations

from extension import events
from extension.core import adaptive, batcher, clock, recovery
from extension.core.clock import Clock
from extension.core.counters import Counters, Removed
from extension.core.drain import Drain, exit_with
from extension.core.gathering import Gathering
from extension.core.hold import STORE
from extension.core.invocations import Invocations
from extension.core.outbox import Delivery, Outbox
from extension.core.outbox.circuit import Circuit
from extension.core.outbox.outbox import WAITING_BYTES
from extension.errors import ReadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.core.hold import Hold
    from extension.core.replay import Replay
    from extension.records.chunk import ReaderState
    from extension.records.reader import Reader, Received
    from extension.settings import Settings


class Shipper:
    """See the module. A log API delivers; `managed`: on Managed Instances, which never freeze."""

    def __init__(
        self,
        settings: Settings,
        batches: batcher.Batcher,
        reader: Reader,
        *,
        managed: bool = False,
        chance: Callable[[], float] = lambda: 1.0,
        restored: Callable[[], None] | None = None,
    ) -> None:
        self._ships_each = settings.ship_invokes == 1
        self._managed = managed
        self._restored = restored  # SnapStart: called at the first INVOKE, after the restore
        self.counters = Counters()
        self.counters.removed = Removed() if settings.filters else None
        self._circuit = Circuit(chance)
        self._clock = Clock()
        self._invocations = Invocations(settings.hold_seconds)
        self._gathering = Gathering(settings, batches, reader, self.counters, managed=managed)
        self._outbox = Outbox(self._circuit, self.counters, batches.rekey)
        self._drain: Drain | None = None  # set by SHUTDOWN
        self._replay: Replay | None = None
        self._exited = False

    # for the shell, and for those who watch

    @property
    def waiting_records(self) -> int:
        """Records received and neither stored nor lost."""
        return self.open_chunk.records + self._outbox.records

    @property
    def waiting(self) -> tuple[Delivery, ...]:
        """The closed chunks that are not stored yet, the oldest first."""
        return tuple(self._outbox)

    @property
    def open_chunk(self) -> batcher.Batcher:
        """What is not closed yet."""
        return self._gathering.batcher

    @property
    def circuit(self) -> Circuit:
        """Whether the store is worth another attempt."""
        return self._circuit

    @property
    def in_flight(self) -> int | None:
        """The number of the attempt that has not been answered yet."""
        return self._outbox.attempt

    @property
    def reader(self) -> Reader:
        """What turns bodies into lines."""
        return self._gathering.reader

    @property
    def _most_waiting(self) -> int:
        """Bytes of closed chunks; the one in flight and one behind it always fit, each a POST above the limit."""
        return max(WAITING_BYTES, 3 * self.open_chunk.limit)

    def recover(self, verdict: recovery.Verdict) -> list[events.Action]:
        """Take a verdict on what an earlier process of this environment left; return what is to be done, in order."""
        if isinstance(verdict, recovery.Rebuilt):
            self.counters.receive(verdict.chunk.records + verdict.unrecovered)
            return self._outbox.add(Delivery.recovered(verdict.chunk, verdict.unrecovered), self._most_waiting)
        if isinstance(verdict, recovery.ThresholdLowered):
            self.open_chunk.thresholds.lower(verdict.used)
        self.counters.receive(verdict.lost)
        self.counters.lose(verdict.lost)
        return verdict.actions()

    def resume(self, state: ReaderState | None, replay: Replay | None = None) -> None:
        """Go on where an earlier process of this environment ended; what it left is read again in this `replay`."""
        self._replay = replay
        if state:
            self._gathering.resume(state)

    @property
    def _is_behind(self) -> bool:
        """Whether there is something in the journal that an earlier process left, and that was not read again yet."""
        return self._replay is not None and not self._replay.is_over

    def seal_written(self, key: str) -> None:
        """Note that the journal holds the seal of the chunk with this key."""
        self._outbox.seal_written(key)

    def conditional(self, *, wanted: bool) -> None:
        """Say whether to ask the store not to overwrite."""
        self._outbox.outcomes.conditional = wanted

    def limit_memory(self, chunk: int, waiting: int) -> None:
        """Say how many bytes of the open chunk, and of closed ones, may be in memory where there are no files."""
        self.open_chunk.most_in_memory = chunk
        self._outbox.in_memory = waiting

    def limit_journalled(self, most: int) -> None:
        """Say how many bytes of the journal the bodies of one chunk may take where filters leave little of them."""
        self.open_chunk.most_journalled = most

    def handle(self, event: events.Event | None, now: events.Moment) -> list[events.Action]:
        """Take one event, or None when it is merely time; return what is to be done, in order.

        Raises ReadError for a batch that could not be read: nothing of it was counted.
        """
        actions: list[events.Action] = []
        if self._exited:
            return actions
        if self._clock.advance(now):
            actions += self._outbox.abandon()
            self._gathering.thawed(self._clock.time)
        moment = events.Moment(self._clock.time, now.wall)
        if isinstance(event, events.LogsReceived):
            self._on_received(self._read(event, now), moment, event, actions)
        elif isinstance(event, events.Invoke):
            self._on_invoke(event, moment, actions)
        elif isinstance(event, events.Shutdown):
            self._on_shutdown(event, moment, actions)
        elif isinstance(event, events.BatchDropped):
            self.counters.receive(event.records)
            self.counters.lose(event.records, event.size)
            self._invocations.expect_no_end(moment.mono)
        elif event is not None:
            self._on_answer(event, actions)
        self._advance(moment, actions)
        self._clock.plan(self._wake_time())
        return actions

    def wake_at(self) -> float | None:
        """Return the monotonic moment for `handle(None, …)`, in seconds; None: only an event changes anything."""
        return self._clock.wake_at()

    def _wake_time(self) -> float | None:
        if self._exited:
            return None
        gathering, hold = self._gathering, self._invocations.hold
        moments: list[float | None] = [hold.wake_at if hold else None]
        if self._outbox.attempt:
            moments.append(self._clock.time + clock.HEARTBEAT)
        elif self._may_upload():
            moments.append(self._outbox.ready_at())
            moments.append(None if self._outbox.pending else gathering.due_at)
        if gathering.reader.unfinished and not self._is_behind:
            moments.append(gathering.partial_until)
        if self._drain:
            moments += [self._drain.wake_at, self._outbox.abandon_at(self._drain)]
        return min((moment for moment in moments if moment is not None), default=None)

    # events

    def _read(self, event: events.LogsReceived, now: events.Moment) -> Received:
        try:
            return self.reader.read(event.body, event.wall or now.wall)
        except Exception as error:
            raise ReadError("a batch could not be read") from error

    def _on_received(
        self, received: Received, now: events.Moment, event: events.LogsReceived, actions: list[events.Action]
    ) -> None:
        if self._drain:
            self._drain.received(now.mono)
        gathering = self._gathering
        if not event.replayed:  # or else it says nothing about what runs now
            self._invocations.heard(received, now.mono, even_unparsed=gathering.policy is not None)
        gathering.push(received, now, event.serial)
        # Not while the journal holds another chunk without its seal: it is read again from the state before it.
        if gathering.is_filtered_out and all(delivery.seal_written for delivery in self._outbox):
            actions += gathering.pass_over()
        if gathering.is_full and (self._outbox.pending or not self._may_upload()):
            self._close(batcher.BACKLOG, now, actions)

    def _on_invoke(self, event: events.Invoke, now: events.Moment, actions: list[events.Action]) -> None:
        invocations, policy = self._invocations, self._gathering.policy
        first = not invocations.request
        if first and self._restored:
            if self.open_chunk.records:  # what the snapshot's environment logged keeps that environment's id
                self._close(batcher.RESTORE, now, actions)
            self._restored()
            if policy:
                policy.forget()
        invocations.begin(event, now)
        decision = self._gathering.invoked(event, now.mono)
        self._outbox.next_event()
        in_flight, reachable = self._outbox.attempt, not self._circuit.is_open
        is_waited_for = first or self._ships_each or decision == adaptive.HOLD
        if is_waited_for and reachable and invocations.can_be_heard:
            flush = batcher.FIRST if first else batcher.GAP if policy else batcher.INVOKES
            invocations.wait_for_end(now.mono, in_flight, flush, patient=policy is not None)
        else:
            invocations.wait_for_store(now.mono, in_flight, reachable=reachable)
            if decision == adaptive.BESIDE and reachable:
                invocations.ship_beside(now.mono, batcher.BESIDE)

    def _on_shutdown(self, event: events.Shutdown, now: events.Moment, actions: list[events.Action]) -> None:
        if self._invocations.hold:  # SIGTERM in the middle of an invocation
            self._release(self._invocations.hold, actions)
        if event.reason in ("timeout", "failure"):
            self.counters.end(event.reason, self._invocations.request)
        self._outbox.next_event()
        self._circuit.leave(now.mono)
        if self._drain:
            self._drain.again(event.deadline, now)
        else:
            self._drain = Drain(event.deadline, now)

    def _on_answer(self, event: events.Uploaded | events.UploadFailed, actions: list[events.Action]) -> None:
        hold = self._invocations.hold
        actions += self._outbox.answered(event, self._clock.time, held=bool(hold or self._drain))
        if hold and isinstance(event, events.UploadFailed) and self._outbox.ready(self._clock.time):
            hold.attempt = None  # the attempt that takes its place ends the hold

    # decisions

    def _advance(self, now: events.Moment, actions: list[events.Action]) -> None:
        current, gathering = self._invocations.hold, self._gathering
        self._invocations.advance(now.mono)
        if self._drain:
            if self._is_behind:
                self._drain.received(now.mono)  # more is to come, from the journal
            self._drain.advance(now.mono)
            actions += self._outbox.abandon_late(now.mono, self._drain)
        given_up = now.mono >= gathering.partial_until and not self._is_behind
        if gathering.reader.unfinished and (self._is_drained() or given_up):
            gathering.close_partial(now)
        self._ship(now, actions)
        if current and (self._circuit.is_open or current.is_over(now.mono, self._outbox.attempt)):
            self._release(current, actions)
        self._leave(now, actions)

    def _is_drained(self) -> bool:
        return self._drain is not None and self._drain.is_over

    def _may_upload(self) -> bool:
        """Return whether the environment runs on for sure: held, its handler not over, or never frozen."""
        invocations = self._invocations
        return bool(invocations.hold or invocations.is_running or self._managed or self._drain)

    def _ship(self, now: events.Moment, actions: list[events.Action]) -> None:
        """Start an upload if there is something to upload, nothing is in flight and the environment runs."""
        if not self._may_upload() or (self._drain and self._drain.is_late(now.mono)):
            return
        current, flushed = self._invocations.hold, False
        if not self._outbox.pending:
            reason = self._worth_shipping(now)
            if reason:
                self._close(reason, now, actions)
                flushed = current is not None and reason == current.flush
        if not self._outbox.ready(now.mono):
            return
        upload = self._outbox.start(now.mono)
        if current and flushed:
            current.flush, current.attempt = "", upload.attempt
        elif current:
            current.attempt = current.attempt or upload.attempt
        actions.append(upload)

    def _worth_shipping(self, now: events.Moment) -> str:
        """Return the reason to close the open chunk now, or nothing."""
        if not self.open_chunk.records:
            return ""
        if self._is_drained():
            return batcher.SHUTDOWN
        hold = self._invocations.hold
        if hold and hold.flush:
            # What this invocation logs comes within the hold: what was left over from before waits for it.
            return hold.flush if hold.wants_flush(now.mono) else self._gathering.due(now, count_invokes=False)
        return self._gathering.due(now)

    def _close(self, reason: str, now: events.Moment, actions: list[events.Action]) -> None:
        from_snapshot = self._restored is not None and not self._invocations.request and reason != batcher.RESTORE
        delivery = self._gathering.close(
            reason,
            now,
            in_closed=self._outbox.records,
            running=self._invocations.is_running,
            maybe_stored=from_snapshot,  # each copy that is restored stores what was closed before under the same key
        )
        actions += self._outbox.add(delivery, self._most_waiting)

    def _release(self, current: Hold, actions: list[events.Action]) -> None:
        now, invocations, circuit = self._clock.time, self._invocations, self._circuit
        held = now - current.since
        self.counters.hold(held)
        in_vain = self._gathering.policy is not None and not circuit.is_open and not self._drain
        invocations.release(current, now, in_vain=in_vain)
        if not self.open_chunk.records and invocations.has_ended:
            self._gathering.nothing_waits(now, running=False)
        if self._outbox.attempt and current.mode == STORE and circuit.held_in_vain(held, now):
            actions.append(circuit.says_open(self._outbox.records))
        self._outbox.released()
        actions.append(events.Release(invocations.request))

    def _leave(self, now: events.Moment, actions: list[events.Action]) -> None:
        if not self._drain:
            return
        finished = self._drain.is_over and not self.waiting_records and not self._is_behind
        if finished or self._drain.is_late(now.mono):
            self._exited = True
            actions.append(exit_with(self.counters, self._outbox, self.open_chunk.open, self._replay))
