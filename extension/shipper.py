"""The lifecycle as a state machine: events in, actions out.

Pure: no clock, no thread, no I/O; an incident can be replayed as a list of events. The shell feeds `handle` with every
event and calls it with None when `wake_at()` has come. What the state means:

* `_waiting`: closed chunks that are not stored yet, oldest first. The first is the one in flight, if `_attempt` is set.
* `_hold`: the current invocation is held open (`event/next` is not called); None once it is released.
* `_unknown`: the upload in flight was in flight at a Release; if no answer comes, that says nothing about the store.
* `_thawed`: the environment was frozen during the upload in flight; its connection has been closed.
* `_gate`: such an upload has ended badly; another attempt waits for the next event.
"""

from extension import batcher, events, policy, telemetry
from extension.errors import StoreError
from extension.policy import SETTLE, STORE, WAIT_DONE, Hold


class Shipper:
    """See the module. `subscribed`: a log API answered; `managed`: on Managed Instances, which never freeze."""

    def __init__(
        self,
        settings: "Settings",
        batches: batcher.Batcher,
        reader: telemetry.Reader,
        origin: "Origin",
        *,
        subscribed: bool = True,
        managed: bool = False,
    ) -> None:
        self._settings = settings
        self._batcher = batches
        self._reader = reader
        self._origin = origin
        self._subscribed = subscribed
        self._managed = managed
        self._last: "events.Moment | None" = None
        self._planned: "float | None" = None
        self._request = ""  # of the last INVOKE
        self._limit = 0.0  # monotonic; past it this invocation is not held
        self._done: "dict[str, None]" = {}
        self._hold: "Hold | None" = None
        self._waiting: "list[Chunk]" = []
        self._attempt = 0  # number of the attempt in flight, 0 if none
        self._attempts = 0
        self._unknown = False
        self._thawed = False
        self._gate = False
        self._failures = 0
        self._held_in_vain = 0.0  # s since the last success
        self._retry_at = 0.0
        self._leave_at: "float | None" = None  # monotonic; set by SHUTDOWN
        self._drain_until = 0.0
        self._quiet_at = 0.0
        self._drained = False
        self._exited = False
        self.received = self.shipped = self.lost = 0  # records
        self.lost_bytes = 0

    @property
    def waiting_records(self) -> int:
        """Records received and neither stored nor lost."""
        return self._batcher.records + sum(chunk.records for chunk in self._waiting)

    def handle(self, event: "events.Event | None", now: "events.Moment") -> "list[events.Action]":
        """Take one event, or None when it is merely time; return what is to be done, in order."""
        actions: "list[events.Action]" = []
        if self._exited:
            return actions
        if self._attempt and self._last and not self._thawed and policy.late(self._planned, self._last, now):
            self._thawed = True
            actions.append(events.Abandon(self._attempt))
        self._last = now
        if isinstance(event, events.LogsReceived):
            self._on_logs(event, now, actions)
        elif isinstance(event, events.Invoke):
            self._on_invoke(event, now)
        elif isinstance(event, events.Shutdown):
            self._on_shutdown(event, now, actions)
        elif event is not None:
            self._on_answer(event, now, actions)
        self._advance(now, actions)
        self._planned = self.wake_at()
        return actions

    def wake_at(self) -> "float | None":
        """The monotonic moment at which `handle(None, …)` wants to be called; None: only an event changes anything."""
        if self._exited or self._last is None:
            return None
        moments: "list[float]" = []
        if self._hold:
            moments.append(self._hold.settle_at if self._hold.mode == SETTLE else self._hold.until)
        if self._attempt:
            moments.append(self._last.mono + policy.HEARTBEAT)
        elif self._may_upload():
            due_at = self._batcher.due_at(self._last)
            if self._waiting:
                moments.extend([] if self._gate else [self._retry_at])
            elif due_at is not None:
                moments.append(due_at)
        if self._leave_at is not None:
            moments.append(self._leave_at)
            if not self._drained:
                moments.append(min(self._quiet_at, self._drain_until))
        return min(moments, default=None)

    # events

    def _on_logs(self, event: "events.LogsReceived", now: "events.Moment", actions: "list[events.Action]") -> None:
        received = self._reader.read(event.body, now.wall)
        self.received += received.records
        self._origin.arn = self._origin.arn or received.arn
        self._quiet_at = now.mono + policy.QUIET_SECONDS
        for request_id in received.done:
            self._done[request_id] = None
        while len(self._done) > telemetry.REMEMBERED:
            del self._done[next(iter(self._done))]
        if self._managed:
            for _ in received.started:
                self._batcher.invoked()
        self._batcher.push(received, now)
        if received.dropped and self._hold and self._hold.mode == WAIT_DONE:
            self._settle(self._hold, now)
        if self._batcher.raw_bytes >= self._batcher.limit and (self._waiting or not self._may_upload()):
            self._waiting.append(self._batcher.take(batcher.BACKLOG))
            self._shed(actions)

    def _on_invoke(self, event: "events.Invoke", now: "events.Moment") -> None:
        first = not self._request
        self._request = event.request_id
        self._origin.arn = self._origin.arn or event.arn
        self._reader.saw(event.request_id)
        self._batcher.invoked()
        self._gate = False
        self._limit = policy.hold_limit(event, now)
        in_vain = self._failures >= policy.FAILURES_IN_VAIN or self._held_in_vain >= policy.SECONDS_IN_VAIN
        if self._subscribed and not in_vain and (first or self._settings.ship_invokes == 1):
            self._hold = Hold(WAIT_DONE, now.mono, min(now.mono + policy.DONE_PATIENCE, self._limit))
            self._hold.flush = batcher.FIRST if first else batcher.INVOKES
        else:
            seconds = 0.0 if in_vain else self._settings.hold_seconds
            self._hold = Hold(STORE, now.mono, min(now.mono + seconds, self._limit))
        self._hold.attempt = self._attempt

    def _on_shutdown(self, event: "events.Shutdown", now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._hold:  # SIGTERM in the middle of an invocation
            self._release(self._hold, now, actions)
        self._gate = False
        self._retry_at = now.mono
        leave_at = policy.shutdown_limit(event.deadline, now)
        self._leave_at = leave_at if self._leave_at is None else min(leave_at, self._leave_at)
        self._drain_until = policy.drain_limit(self._leave_at, now)
        self._quiet_at = now.mono + (policy.QUIET_SECONDS if self._subscribed else 0.0)

    def _on_answer(
        self, event: "events.Uploaded | events.UploadFailed", now: "events.Moment", actions: "list[events.Action]"
    ) -> None:
        if event.attempt != self._attempt:
            return
        unknown, thawed = self._unknown, self._thawed
        self._attempt, self._unknown, self._thawed = 0, False, False
        if isinstance(event, events.Uploaded):
            self.shipped += self._waiting.pop(0).records
            if self._failures:
                actions.append(events.Say("info", "the store takes objects again", {"failed_attempts": self._failures}))
            self._failures, self._held_in_vain, self._retry_at, self._batcher.stretch = 0, 0.0, now.mono, 1
            return
        if thawed or event.kind == StoreError.ABANDONED:
            self._retry_at = now.mono
            if self._hold:
                self._hold.attempt = 0  # the attempt that takes its place ends the hold
            return
        if unknown and event.kind == StoreError.TRANSPORT:
            self._gate = self._hold is None and self._leave_at is None
        else:
            self._failures += 1
            if self._failures == 1:
                fields: "dict[str, object]" = {"why": event.detail}
                actions.append(
                    events.Say("warning", "an object could not be stored; it is kept and tried again", fields)
                )
        if event.kind == StoreError.THROTTLED:
            self._batcher.stretch = min(self._batcher.stretch * 2, policy.STRETCH_MOST)
        wait = policy.SHUTDOWN_RETRY if self._leave_at is not None else policy.backoff(self._failures)
        self._retry_at = now.mono + wait

    # decisions

    def _advance(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        hold = self._hold
        if hold and hold.mode == WAIT_DONE and self._request in self._done:
            self._settle(hold, now)
        if hold and hold.mode == SETTLE and now.mono >= hold.settle_at:
            hold.mode = STORE
        if self._leave_at is not None and now.mono >= min(self._quiet_at, self._drain_until, self._leave_at):
            self._drained = True
        self._ship(now, actions)
        if hold and (now.mono >= hold.until or hold.is_answered(self._attempt)):
            self._release(hold, now, actions)
        self._leave(now, actions)

    def _settle(self, hold: Hold, now: "events.Moment") -> None:
        """The handler is done: gather what trails behind for one buffering period; MAX_HOLD counts from here."""
        hold.mode = SETTLE
        hold.until = min(now.mono + self._settings.hold_seconds, self._limit)
        hold.settle_at = min(now.mono + policy.BUFFERING_MS / 1000, hold.until)

    def _may_upload(self) -> bool:
        """Whether the environment is sure to go on: it is held, or its handler has not ended, or it never freezes."""
        running = self._request and self._request not in self._done
        return bool(self._hold or running or self._managed or self._leave_at is not None)

    def _ship(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._attempt or not self._may_upload():
            return
        hold, flushed = self._hold, False
        if not self._waiting:
            reason = self._worth_shipping(now)
            if not reason:
                return
            self._waiting.append(self._batcher.take(reason))
            if hold and reason == hold.flush:
                hold.flush, flushed = "", True
        elif self._gate or now.mono < self._retry_at:
            return
        self._attempts += 1
        self._attempt = self._attempts
        if hold and (not hold.attempt or flushed):
            hold.attempt = self._attempt
        actions.append(events.Upload(self._attempt, self._waiting[0]))

    def _worth_shipping(self, now: "events.Moment") -> str:
        hold = self._hold
        if not self._batcher.records:
            return ""
        if self._drained:
            return batcher.SHUTDOWN
        if hold and hold.flush:
            # What this invocation logs comes within the hold: what was left over from before waits for it.
            if hold.mode == STORE or now.mono >= hold.until:
                return hold.flush
            return self._batcher.due(now, count_invokes=False)
        return self._batcher.due(now)

    def _release(self, hold: Hold, now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._attempt and hold.mode == STORE:
            self._held_in_vain += now.mono - hold.since
        self._hold = None
        self._unknown = bool(self._attempt)
        actions.append(events.Release(self._request))

    def _leave(self, now: "events.Moment", actions: "list[events.Action]") -> None:
        if self._leave_at is None:
            return
        finished = self._drained and not self._attempt and not self.waiting_records
        if finished or now.mono >= self._leave_at:
            lost = self.waiting_records
            self.lost += lost
            left = self._batcher.raw_bytes + sum(chunk.raw_bytes for chunk in self._waiting)
            self.lost_bytes += left
            self._exited = True
            actions.append(events.Exit(self.lost, self.lost_bytes))

    def _shed(self, actions: "list[events.Action]") -> None:
        """What waits for an attempt is bounded: the oldest chunk that is not in flight goes, whole, and is counted."""
        most = max(policy.WAITING_BYTES, 2 * self._batcher.limit)
        while sum(len(chunk.body) for chunk in self._waiting) > most and len(self._waiting) > 1 + bool(self._attempt):
            chunk = self._waiting.pop(1 if self._attempt else 0)
            self.lost += chunk.records
            self.lost_bytes += chunk.raw_bytes
            fields: "dict[str, object]" = {"records": chunk.records, "bytes": chunk.raw_bytes, "key": chunk.key}
            actions.append(events.Say("error", "too much waits for the store: the oldest records are lost", fields))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.objects import Chunk, Origin
    from extension.settings import Settings
