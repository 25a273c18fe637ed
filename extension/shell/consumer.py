"""One consumer on the main thread, fed by one inbox, which carries out what the core decides.

The listener, the poller and the uploader are helper threads. The consumer never does I/O that can block and never
waits longer than the core's `wake_at()`.
"""

from __future__ import annotations

import gc
import time

from extension import events
from extension.core.recovery import Poison, Rebuilt, Unreadable
from extension.errors import ReadError, described
from extension.inbox import EVERYTHING
from extension.messages import say
from extension.records.objects import VERSION
from extension.shell import next_event
from extension.shell.executor import Executor
from extension.shell.poller import Disconnected, Polled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.settings import Settings
    from extension.shell.poller import Poller
    from extension.startup import Started

SHOWN = 200  # bytes of an odd event in a message
# New objects less freed ones until the collector looks for cycles. With Python's 700 an invocation that ships took some
# 5 % more CPU; what is not collected meanwhile is bounded by this number.
COLLECT_AT = 10_000
SLICE = object()  # item: the next slice of what an earlier process left is due


class Consumer:
    """The loop. Constructing it puts everything of one environment together."""

    def __init__(self, settings: Settings, started: Started, environ: Mapping[str, str], poller: Poller) -> None:
        self._poller = poller
        self._inbox = started.inbox
        self._intake = started.intake
        self._listener = started.listener
        self.executor = Executor(settings, started, environ)
        self._shipper = self.executor.shipper
        self._replay = self.executor.replay
        self._faults = 0  # in a row
        self._told: set[str] = set()  # what was odd about events, said once
        self.leaving = False  # SHUTDOWN or SIGTERM has come
        self.pending: list[object] = []  # from the inbox and not consumed yet

    @property
    def waiting_records(self) -> int:
        """Records received that are neither stored nor lost."""
        return self._shipper.waiting_records

    def run(self) -> int:
        """Consume until the core says Exit; return the process's exit code. Raises after two faults in a row."""
        gc.freeze()  # what is there by now stays, and need not be looked at
        gc.set_threshold(COLLECT_AT)
        while True:
            wake_at = self._shipper.wake_at()
            if self._replay.is_over:
                self.pending = self._inbox.take(None if wake_at is None else wake_at - time.monotonic()) or [None]
            else:  # events first; new batches wait for those of the earlier process
                late = wake_at is not None and wake_at <= time.monotonic()
                self.pending = [*(self._inbox.pick(_is_event) or [None] * late), SLICE]
            self._count()
            code = self.consume_pending()
            if code is not None:
                return code

    def consume_pending(self) -> int | None:
        """Take one pending item after the other; return the exit code when one was the last.

        What Lambda's API or the store says does not wait behind batches, which take up to 35 ms for each MB.
        """
        looked = False  # once for each batch, however many events there are
        while self.pending:
            if not looked and not _is_event(self.pending[0]):
                self.pending[:0] = self._inbox.pick(_is_event)
                looked = True
            looked = looked and _is_event(self.pending[0])
            code = self._attempt(self.pending.pop(0))
            if code is not None:
                return code
        return None

    def _attempt(self, item: object) -> int | None:
        """Take one item, survive a fault in that; return the exit code when it was the last."""
        try:
            code = self._consume(item)
        except Exception as error:  # noqa: BLE001 - one fault must not end the shipping
            self._survive(error, item)
            return 0 if self.leaving and not self.pending and self._replay.is_over else None
        if item and item is not SLICE and not isinstance(item, events.BatchDropped):
            self._faults = 0
        return code

    def _consume(self, item: object) -> int | None:
        if isinstance(item, Disconnected):
            say("error", "lost connection to the Extensions API", {"why": item.why})
            return 1
        if item is SLICE:
            read = self._replay.step()
            self.pending[:0] = [read] if read else []
            return None
        if isinstance(item, (Rebuilt, Unreadable, Poison)):
            return self._carry_out(self._shipper.recover(item))
        event: object = item
        if isinstance(item, Polled):
            event = self._read_event(item)
            if event is None:
                self._poller.release()
                return None
        elif isinstance(item, events.UnreadBatch):
            event = self._read_again(item)
        self.leaving = self.leaving or isinstance(event, events.Shutdown)
        return self._carry_out(self._handled(event))

    def _handled(self, event: object) -> list[events.Action]:
        gc.disable()  # looking for cycles in a record of a million lists takes longer than reading it
        try:
            moment = events.Moment(time.monotonic(), time.time())
            return self._shipper.handle(event, moment)  # type: ignore[arg-type]  # the inbox holds events
        finally:
            gc.enable()

    def _carry_out(self, actions: list[events.Action]) -> int | None:
        """Do what the core says; return the exit code when it says Exit."""
        for number, action in enumerate(actions):
            try:
                if isinstance(action, events.Exit):
                    for item in (*self.pending, *self._inbox.take(0, EVERYTHING)):
                        if batch := events.unread(item):
                            action.leaves(batch)
                    counts = {"version": VERSION, **action.counts}
                    say("error" if action.lost_records else "info", "environment shutting down", counts)
                    if action.counts["waiting"]:
                        self.executor.persist()
                    return 0
                if isinstance(action, events.Release):
                    self._poller.release()
                else:
                    self.executor.carry_out(action)
            except Exception:
                if any(isinstance(one, events.Release) for one in actions[number:]):
                    self._poller.release()
                raise
        return None

    def _read_event(self, item: Polled) -> events.Invoke | events.Shutdown | None:
        """Return what `event/next` answered; None: the next is asked for at once. That is no fault of the shipping."""
        event, problem = next_event.read(item.body, item.arrived)
        if problem and problem not in self._told:
            self._told.add(problem)
            say("warning", problem, {"began": item.body[:SHOWN].decode("utf-8", "replace")})
        return event

    def _read_again(self, item: events.UnreadBatch) -> events.Event:
        """Read a batch for which the queue had no room from the journal, if that has it."""
        for body in self.executor.bodies(item.serial, item.serial) if item.serial else ():
            return body
        say(
            "error",
            "queue full: one batch dropped, its records are lost",
            {"records": item.records, "bytes": item.size},
        )
        return events.BatchDropped(item.records, item.size)

    def _survive(self, error: Exception, item: object) -> None:
        """Fail open: say it, let the function go on; a second fault in a row is one too many."""
        self._faults += 1
        self._shipper.counters.errors += 1
        unread = events.unread(item) if isinstance(error, ReadError) else None
        if self._faults > 1:
            self.pending[:0] = [unread] if unread else []  # counted by whoever takes over
            raise error
        why = described(error)
        if unread:  # reading it again would be the same fault
            text = "internal error: one batch dropped, shipping continues"
            say("error", text, {"records": unread.records, "bytes": unread.size, "why": why})
            self.pending.insert(0, events.BatchDropped(unread.records, unread.size))
            if unread.serial:
                self.executor.quarantine(unread.serial, unread.serial)
        else:
            say("error", "internal error: shipping continues", {"why": why})
        if isinstance(item, Polled):
            self._poller.release()

    def _count(self) -> None:
        """Bring what the helper threads have counted into the counters."""
        counters = self._shipper.counters
        counters.duplicate_bodies = self._intake.duplicates
        counters.refused = self._listener.refused if self._listener else 0


def _is_event(item: object) -> bool:
    return not isinstance(item, (events.LogsReceived, events.UnreadBatch))
