"""Works off a function's asynchronous invocations: the threads around the pure queue."""

from __future__ import annotations

import threading
import traceback
import uuid
from typing import TYPE_CHECKING, Protocol

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.queue import Queue, Run
from adaptive_batching.sandbox.asynchronous.records import Answered
from adaptive_batching.sandbox.protocol.invocation import new_trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.asynchronous.configuration import Configuration
    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision, Event
    from adaptive_batching.sandbox.fleet.clock import Clock
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.protocol.invocation import Invocation

    #: Is told, with a lock held, of each decision about an event, at a time, and of what was measured. A decision is
    #: None where data concern no event, or more than one.
    Watch = Callable[[float, Decision | None, list[Datum]], None]


class Places(Protocol):
    """What the queue asks of the environments of its function. `begin_in` and `retire` are called without the lock."""

    @property
    def busy(self) -> int:
        """The number of invocations that run."""

    @property
    def room(self) -> int:
        """How many more this machine can run."""

    def claim(self) -> Environment | None:
        """Take a place: an idle environment, or None for one that is to be made."""

    def begin_in(self, claimed: Environment | None, event: Event) -> Invocation:
        """Start an event in the place that was taken. Raises SandboxError."""

    def retire(self) -> None:
        """Shut idle environments down whose code has changed."""


class EventQueue:
    """The queue of one function, and the thread that works it off. Thread-safe. `changed` is the lock of `places`."""

    def __init__(
        self, places: Places, changed: threading.Condition, queue: Queue, clock: Clock, watch: Watch, *, sampled: bool
    ) -> None:
        self._places, self._changed = places, changed
        self._queue, self._clock, self._watch = queue, clock, watch
        self._sampled = sampled
        self._closed = False
        self._runs: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._work, name="event-queue", daemon=True)
        self._thread.start()

    @property
    def configuration(self) -> Configuration:
        """What holds now."""
        return self._queue.configuration

    @property
    def waiting(self) -> int:
        """The number of events that wait."""
        with self._changed:
            return self._queue.queued

    @property
    def unfinished(self) -> int:
        """The number of events that wait or run."""
        with self._changed:
            return self._queue.queued + self._queue.running

    def accept(self, payload: bytes) -> str:
        """Add an event and return its request id."""
        request_id = str(uuid.uuid4())
        with self._changed:
            now = self._clock.now()
            self._queue.accept(request_id, payload, new_trace(sampled=self._sampled), now)
            self._watch(now, None, metrics.received(now))
            self._changed.notify_all()
        return request_id

    def configure(self, configuration: Configuration) -> None:
        """Change what holds, also for the events that are queued."""
        with self._changed:
            self._queue.configure(configuration)
            self._changed.notify_all()

    def close(self) -> int:
        """Start no further run, wait for those that run, and return the number of events that are still queued."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        for thread in list(self._runs):
            thread.join()
        return self._queue.queued

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._closed or self._is_due()):
                    wake = self._queue.wake_at()
                    self._changed.wait(None if wake is None else max(0.0, self._clock.real(wake - self._clock.now())))
                if self._closed:
                    return
            self._places.retire()
            with self._changed:
                if not self._closed:
                    self._poll()

    def _is_due(self) -> bool:
        wake = self._queue.wake_at()
        return (wake is not None and wake <= self._clock.now()) or (self._queue.ready and self._places.room > 0)

    def _poll(self) -> None:
        now = self._clock.now()
        for decision in self._queue.poll(now, self._places.busy, self._places.room):
            self._watch(now, decision, metrics.decided(decision, now))
            if isinstance(decision, Run):
                thread = threading.Thread(target=self._run, args=(decision.event, self._places.claim()), daemon=True)
                self._runs.add(thread)
                thread.start()

    def _run(self, event: Event, claimed: Environment | None) -> None:
        try:
            answered = self._answer(event, claimed)
        except Exception:  # noqa: BLE001 - printed, and the event is tried again, as Lambda does when it fails itself
            traceback.print_exc()
            answered = None
        with self._changed:
            now = self._clock.now()
            if answered is None:
                decision: Decision = self._queue.failed(event.request_id, now)
            else:
                error = answered.function_error is not None
                now = answered.started + answered.duration  # extensions may have gone on; the answer was there
                decision = self._queue.answered(event.request_id, now, error=error, response=answered)
            self._watch(now, decision, metrics.decided(decision, now))
            self._runs.discard(threading.current_thread())
            self._changed.notify_all()

    def _answer(self, event: Event, claimed: Environment | None) -> Answered | None:
        """Run an event and return its answer, None if the sandbox itself failed."""
        invocation = self._places.begin_in(claimed, event)
        invocation.done.wait()
        if invocation.broken or invocation.reply is None:
            return None
        started = self._clock.at(invocation.started_at)
        duration = invocation.reply.at - invocation.started_at
        return Answered(
            invocation.reply.payload, invocation.reply.function_error, started, duration * self._clock.scale
        )
