"""The lifecycle as a state machine: events in, actions out.

Pure: no clock, no thread, no I/O; an incident can be replayed as a list of events. The shell feeds `handle` with every
event and calls it with None when `wake_at()` has come. Inside, time is the core's own (`core.clock`).
"""

from __future__ import annotations

from extension import events
from extension.core import adaptive, batcher, clock, hold, recovery, thresholds
from extension.core.adaptive import Adaptive
from extension.core.clock import Clock
from extension.core.counters import Counters, Freshness, Removed
from extension.core.drain import Drain
from extension.core.hold import STORE, WAIT_DONE, Hold
from extension.core.outbox import Delivery, Outbox
from extension.core.outbox.circuit import Circuit
from extension.core.outbox.outbox import WAITING_BYTES
from extension.errors import ReadError
from extension.records.reader import REMEMBERED, SEALED_IDS, TAIL_SECONDS

REFUSED_NAMED = 10  # keys with the store's words that the last line tells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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
        self._settings = settings
        self._batcher = batches
        self._reader = reader
        self._managed = managed
        self._restored = restored  # SnapStart: called at the first INVOKE, after the restore
        self.counters = Counters()
        self.counters.removed = Removed() if settings.filters else None
        self._circuit = Circuit(chance)
        self._outbox = Outbox(self._circuit, self.counters, batches.rekey)
        self._clock = Clock()
        self._before = reader.state()  # before the first record of the open chunk
        self._request = ""  # of the last INVOKE
        self._done: dict[str, None] = {}  # requests whose handler has ended
        self._limit = 0.0  # past it this invocation is not held
        self._hold: Hold | None = None
        self._policy: Adaptive | None = None
        self._settled = 0.0  # from here on an INVOKE has brought the last batch of the invocation before
        if settings.adaptive and managed:
            batches.thresholds.lower_age(Adaptive(settings.max_delay, settings.memory_mb).patience)
        elif settings.adaptive:
            self._policy = Adaptive(settings.max_delay, settings.memory_mb)
        if settings.adaptive:
            self.counters.freshness = Freshness(settings.max_delay)
        self._is_impatient = False  # the end of a handler was waited for in vain: 10 s at most until one has come
        self._is_deaf = False  # a hold ended without any telemetry; none waits for it again until some has come
        self._partial_until = 0.0  # an unfinished record is shipped as it is then
        self._drain: Drain | None = None  # set by SHUTDOWN
        self._replay: Replay | None = None
        self._exited = False

    # for the shell, and for those who watch

    @property
    def waiting_records(self) -> int:
        """Records received and neither stored nor lost."""
        return self._batcher.records + self._outbox.records

    @property
    def waiting(self) -> tuple[Delivery, ...]:
        """The closed chunks that are not stored yet, the oldest first."""
        return tuple(self._outbox)

    @property
    def open_chunk(self) -> batcher.Batcher:
        """What is not closed yet."""
        return self._batcher

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
        return self._reader

    @property
    def _most_waiting(self) -> int:
        """Bytes of closed chunks; the one in flight and one behind it always fit, each a POST above the limit."""
        return max(WAITING_BYTES, 3 * self._batcher.limit)

    def recover(self, verdict: recovery.Verdict) -> list[events.Action]:
        """Take a verdict on what an earlier process of this environment left; return what is to be done, in order."""
        if isinstance(verdict, recovery.Rebuilt):
            self.counters.receive(verdict.chunk.records + verdict.unrecovered)
            return self._outbox.add(Delivery.recovered(verdict.chunk, verdict.unrecovered), self._most_waiting)
        if isinstance(verdict, recovery.ThresholdLowered):
            self._batcher.thresholds.lower(verdict.used)
        self.counters.receive(verdict.lost)
        self.counters.lose(verdict.lost)
        return verdict.actions()

    def resume(self, state: ReaderState | None, replay: Replay | None = None) -> None:
        """Go on where an earlier process of this environment ended; what it left is read again in this `replay`."""
        self._replay = replay
        if state:
            self._reader.restore(state)
            self._before = state

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
        self._batcher.most_in_memory = chunk
        self._outbox.in_memory = waiting

    def limit_journalled(self, most: int) -> None:
        """Say how many bytes of the journal the bodies of one chunk may take where filters leave little of them."""
        self._batcher.most_journalled = most

    def handle(self, event: events.Event | None, now: events.Moment) -> list[events.Action]:
        """Take one event, or None when it is merely time; return what is to be done, in order.

        Raises ReadError for a batch that could not be read: nothing of it was counted.
        """
        actions: list[events.Action] = []
        if self._exited:
            return actions
        if self._clock.advance(now):
            actions += self._outbox.abandon()
            self._partial_until = max(self._partial_until, self._clock.time + TAIL_SECONDS)
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
            self._expect_no_end()
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
        moments: list[float | None] = [self._hold.wake_at if self._hold else None]
        if self._outbox.attempt:
            moments.append(self._clock.time + clock.HEARTBEAT)
        elif self._may_upload():
            due_at = None if self._reader.unfinished else self._due_at
            moments.append(self._outbox.ready_at())
            moments.append(None if self._outbox.pending else due_at)
        if self._reader.unfinished and not self._is_behind:
            moments.append(self._partial_until)
        if self._drain:
            moments += [self._drain.wake_at, self._outbox.abandon_at(self._drain)]
        return min((moment for moment in moments if moment is not None), default=None)

    # events

    def _read(self, event: events.LogsReceived, now: events.Moment) -> Received:
        try:
            return self._reader.read(event.body, event.wall or now.wall)
        except Exception as error:
            raise ReadError("a batch could not be read") from error

    def _on_received(
        self, received: Received, now: events.Moment, event: events.LogsReceived, actions: list[events.Action]
    ) -> None:
        self._count(received)
        if self._drain:
            self._drain.received(now.mono)
        self._partial_until = now.mono + TAIL_SECONDS
        if not event.replayed:  # or else it says nothing about what runs now
            self._hear(received)
        if self._managed:
            for _ in received.started:
                self._batcher.invoked()
                if self.counters.freshness:
                    self.counters.freshness.invoked(now.mono)
        self._batcher.push(received, now, event.serial)
        if self._batcher.is_bulky and not self._batcher.records and not self._reader.unfinished:
            self._pass_over(actions)
        is_full = self._batcher.is_full  # with room for the rest of a record that is cut
        if self._reader.unfinished:
            is_full = self._batcher.raw_bytes >= 2 * self._batcher.limit
        if is_full and (self._outbox.pending or not self._may_upload()):
            self._close(batcher.BACKLOG, now, actions)

    def _count(self, received: Received) -> None:
        self.counters.receive(received.records, unparsed=received.unparsed, dropped=received.dropped)
        self.counters.remove(received.filtered, received.redacted)

    def _pass_over(self, actions: list[events.Action]) -> None:
        """Let the journal forget what filters have left nothing of: no object will ever end its waiting there.

        Not while it holds entries of another chunk without its seal: they are read again from the state before them.
        """
        if not all(delivery.seal_written for delivery in self._outbox):
            return
        self._before = self._reader.state()
        if entries := self._batcher.pass_over():
            actions.append(events.PassOver(*entries, self._before))

    def _hear(self, received: Received) -> None:
        """Take note of what a batch of this process says about requests, and that one came at all."""
        self._is_deaf = self._is_deaf and not received.done
        self._is_impatient = self._is_impatient and not received.done
        for request_id in received.done:
            self._done[request_id] = None
        while len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]
        if self._hold:
            self._hold.heard()
        if received.dropped or (received.unparsed and self._policy):
            self._expect_no_end()

    def _expect_no_end(self) -> None:
        """Wait for the end of the handler no longer: it may be among records that were dropped or cannot be read."""
        if self._hold and self._hold.mode == WAIT_DONE:
            self._settle(self._hold)

    def _close_partial(self, now: events.Moment) -> None:
        """Close a record whose rest did not come: what there is of it is shipped."""
        received = self._reader.close_partial()
        self._count(received)
        self._batcher.push_partial(received, now)

    def _on_invoke(self, event: events.Invoke, now: events.Moment, actions: list[events.Action]) -> None:
        first = not self._request
        if first and self._restored:
            if self._batcher.records:  # what the snapshot's environment logged keeps that environment's id
                self._close(batcher.RESTORE, now, actions)
            self._restored()
            if self._policy:
                self._policy.forget()
        self._request = event.request_id
        self._reader.saw(event.request_id, event.arn, event.timeout)
        self._before = self._before.knowing(event.request_id, SEALED_IDS)
        self._batcher.invoked()
        self._outbox.next_event()
        self._limit = hold.hold_limit(event, now)
        self._settled = now.mono + hold.BUFFERING_MS / 1000
        decision = self._policy.invoked(now.mono) if self._policy else adaptive.RELEASE
        if self.counters.freshness:
            self.counters.freshness.invoked(now.mono)
        is_waited_for = first or self._settings.ship_invokes == 1 or decision == adaptive.HOLD
        if is_waited_for and not self._circuit.is_open and not self._is_deaf:
            until = min(now.mono + hold.DONE_TIMEOUT, self._limit)
            self._hold = Hold(WAIT_DONE, now.mono, until, self._outbox.attempt)
            self._hold.silent_until = now.mono + hold.silence(self._settings.hold_seconds)
            self._hold.flush = batcher.FIRST if first else batcher.GAP if self._policy else batcher.INVOKES
            if self._policy and not self._is_impatient:
                self._hold.patient_until = self._limit
        else:
            seconds = 0.0 if self._circuit.is_open else self._settings.hold_seconds
            self._hold = Hold(STORE, now.mono, min(now.mono + seconds, self._limit), self._outbox.attempt)
            if decision == adaptive.BESIDE and not self._circuit.is_open:
                self._hold.flush = batcher.BESIDE
                self._hold.settle(now.mono)

    def _on_shutdown(self, event: events.Shutdown, now: events.Moment, actions: list[events.Action]) -> None:
        if self._hold:  # SIGTERM in the middle of an invocation
            self._release(self._hold, actions)
        if event.reason in ("timeout", "failure"):
            self.counters.end(event.reason, self._request)
        self._outbox.next_event()
        self._circuit.leave(now.mono)
        if self._drain:
            self._drain.again(event.deadline, now)
        else:
            self._drain = Drain(event.deadline, now)

    def _on_answer(self, event: events.Uploaded | events.UploadFailed, actions: list[events.Action]) -> None:
        actions += self._outbox.answered(event, self._clock.time, held=bool(self._hold or self._drain))
        if self._hold and isinstance(event, events.UploadFailed) and self._outbox.ready(self._clock.time):
            self._hold.attempt = None  # the attempt that takes its place ends the hold

    # decisions

    def _advance(self, now: events.Moment, actions: list[events.Action]) -> None:
        current = self._hold
        if current:
            if current.mode == WAIT_DONE and self._request in self._done:
                self._settle(current)
            current.advance(now.mono)
        if self._drain:
            if self._is_behind:
                self._drain.received(now.mono)  # more is to come, from the journal
            self._drain.advance(now.mono)
            actions += self._outbox.abandon_late(now.mono, self._drain)
        given_up = now.mono >= self._partial_until and not self._is_behind
        if self._reader.unfinished and (self._is_drained() or given_up):
            self._close_partial(now)
        self._ship(now, actions)
        if current and (self._circuit.is_open or current.is_over(now.mono, self._outbox.attempt)):
            self._release(current, actions)
        self._leave(now, actions)

    def _is_drained(self) -> bool:
        return self._drain is not None and self._drain.is_over

    def _settle(self, current: Hold) -> None:
        """Note that the handler is done: MAX_HOLD counts from here."""
        now = self._clock.time
        current.done(now, min(now + self._settings.hold_seconds, self._limit))

    def _may_upload(self) -> bool:
        """Return whether the environment runs on for sure: held, its handler not over, or never frozen."""
        running = self._request and self._request not in self._done
        return bool(self._hold or running or self._managed or self._drain)

    def _ship(self, now: events.Moment, actions: list[events.Action]) -> None:
        """Start an upload if there is something to upload, nothing is in flight and the environment runs."""
        if not self._may_upload() or (self._drain and self._drain.is_late(now.mono)):
            return
        current, flushed = self._hold, False
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
        if not self._batcher.records:
            return ""
        if self._is_drained():
            return batcher.SHUTDOWN
        if self._hold and self._hold.flush:
            # What this invocation logs comes within the hold: what was left over from before waits for it.
            if self._hold.wants_flush(now.mono):
                return self._hold.flush
            return "" if self._reader.unfinished else self._due(now, count_invokes=False)
        return "" if self._reader.unfinished else self._due(now)

    def _due(self, now: events.Moment, *, count_invokes: bool = True) -> str:
        """Return which threshold is crossed, if one is, or that the policy's moment has come."""
        reason = self._batcher.due(now, count_invokes=count_invokes)
        if reason or self._policy is None:
            return reason
        due_at = self._due_at
        return batcher.AGE if due_at is not None and now.mono >= due_at - thresholds.ROUNDING else ""

    @property
    def _due_at(self) -> float | None:
        """When age alone makes the open chunk due. By the policy: from an INVOKE on, after its first batch."""
        due_at, policy = self._batcher.due_at, self._policy
        if due_at is None or policy is None or policy.due_at is None:
            return due_at
        return min(due_at, max(policy.due_at, self._settled))

    def _close(self, reason: str, now: events.Moment, actions: list[events.Action]) -> None:
        """Close the open chunk; what is news about losses goes with it, and at the end what it all came to."""
        if self._reader.unfinished:
            self._close_partial(now)
        line = ""
        if self.counters.changed_since_report or reason == batcher.SHUTDOWN:
            line = self._reader.own_line(
                lambda environment, number: self.counters.report(self.waiting_records, environment, number, now.wall)
            )
        after = self._reader.state()
        before, self._before = self._before.at_the_start(after), after
        first = self._batcher.open.first
        chunk = self._batcher.take(reason, before, after, line)
        from_snapshot = self._restored is not None and not self._request and reason != batcher.RESTORE
        # Each copy that is restored from a snapshot stores what was closed before under the same key.
        delivery = Delivery(chunk, maybe_stored=from_snapshot)
        delivery.waited = self._nothing_waits(now.mono)
        if self._managed and first:
            delivery.waited.append((first.mono, 0))  # what is logged outside of any invocation has an age too
        actions += self._outbox.add(delivery, self._most_waiting)

    def _nothing_waits(self, now: float) -> list[tuple[float, int]]:
        """Tell the policy that all which has come is in closed chunks; return who waited for the last of them."""
        if not self.counters.freshness:
            return []
        running = bool(self._request) and self._request not in self._done
        if self._policy:
            self._policy.closed(now, running=running)
        return self.counters.freshness.closed(now, running=running)

    def _release(self, current: Hold, actions: list[events.Action]) -> None:
        held = self._clock.time - current.since
        self.counters.hold(held)
        is_silent = current.has_heard_nothing(self._clock.time)
        self._is_deaf = self._is_deaf or is_silent
        if self._policy and current.mode == WAIT_DONE and not self._circuit.is_open and not self._drain:
            self._is_impatient = self._is_impatient or not is_silent
        if not self._batcher.records and self._request in self._done:
            self._nothing_waits(self._clock.time)
        if self._outbox.attempt and current.mode == STORE and self._circuit.held_in_vain(held, self._clock.time):
            actions.append(self._circuit.says_open(self._outbox.records))
        self._hold = None
        self._outbox.released()
        actions.append(events.Release(self._request))

    def _leave(self, now: events.Moment, actions: list[events.Action]) -> None:
        if not self._drain:
            return
        finished = self._drain.is_over and not self.waiting_records and not self._is_behind
        if finished or self._drain.is_late(now.mono):
            kept = bool(self.counters.reason)  # a reset keeps /tmp: the next process ships what is journalled
            lost, size, perhaps = self._outbox.left_behind(kept=kept)
            waiting = self._batcher.open
            lost += waiting.unjournalled_records if kept else waiting.records
            size += waiting.unjournalled_bytes if kept else waiting.raw_bytes
            unread, perhaps_too = self._replay.left() if self._replay else (0, {})
            self.counters.receive(unread)
            if not kept:
                lost += unread
                perhaps |= perhaps_too
            left = self.waiting_records + unread - lost
            self.counters.lose(lost, size)
            self._exited = True
            counts = self.counters.as_dict(left)
            if perhaps:
                counts["perhapsStored"] = perhaps
            if lost and (refused := self._outbox.refused()):
                counts["refused"] = dict(list(refused.items())[:REFUSED_NAMED])
            if lost:
                counts["why"] = "the journal does not hold it" if kept else self._circuit.trouble
            actions.append(events.Exit(lost, counts))
