"""The environments of one function: reuse, scale-out up to a concurrency limit, and spin-down of idle environments."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import configured
from adaptive_batching.sandbox.asynchronous.queue import Queue
from adaptive_batching.sandbox.fleet import CONCURRENCY
from adaptive_batching.sandbox.fleet.changes import Code
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.fleet.event_queue import EventQueue
from adaptive_batching.sandbox.fleet.settings import Changeable
from adaptive_batching.sandbox.function import MANAGED
from adaptive_batching.sandbox.lifecycle.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from adaptive_batching.sandbox.asynchronous.queue import Event
    from adaptive_batching.sandbox.fleet.event_queue import Watch
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.results import Result
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.protocol.invocation import Invocation


#: Seconds between two rounds of killing.
_KILL_AGAIN = 0.05


#: Why an invocation is throttled: the function's reserved concurrency, or the number of this machine's environments.
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
MACHINE = "ConcurrentInvocationLimitExceeded"


class ThrottledError(Exception):
    """The concurrency limit is reached. `reason` is RESERVED or MACHINE."""

    def __init__(self, reason: str = MACHINE) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Told:
    """Who is told of what.

    `report` of the result of each invocation; `notice`, with a sentence, of changed code that is loaded; `watch` of
    what the event queue decides and of what is measured.
    """

    report: Callable[[Result], None] = lambda _result: None
    notice: Callable[[str], None] = lambda _text: None
    watch: Watch = lambda _at, _decision, _data: None


@dataclass
class _Idle:
    environment: Environment
    since: float  # monotonic seconds


class Fleet:
    """Runs invocations in at most `concurrency` environments. Thread-safe.

    An environment that is idle for `idle` seconds is shut down; None keeps it. `all` holds every environment that was
    ever created. `events` is the queue of the asynchronous invocations, `clock` its clock; `dropped` counts what was
    still in it at the shutdown. `settings` are those that Lambda's API changes. With `reload`, an environment of code
    that has changed serves no further invocation.
    """

    def __init__(
        self,
        function: Function,
        options: Options,
        concurrency: int = CONCURRENCY,
        idle: float | None = None,
        *,
        reload: bool = False,
        told: Told | None = None,
        clock: Clock | None = None,
    ) -> None:
        told = told or Told()
        self._code = Code((function.folder, *function.layers), follow=reload)
        self._report, self._notice, self._watch = told.report, told.notice, told.watch
        self._versions: dict[Environment, int] = {}
        self._ending: list[threading.Thread] = []
        self.function = function
        self._options = options
        self._concurrency = concurrency
        self._idle_limit = idle
        self._changed = threading.Condition()
        self._idle: list[_Idle] = []
        self._count = 0
        self._closed = self._starting = False
        self._over = threading.Event()
        # Concurrent requests of one environment. Each is counted as one slot in `_idle` and in `_count`.
        self._slots = function.concurrency if function.initialization_type == MANAGED else 1
        self.all: list[Environment] = []
        self.dropped = 0
        self._clock = clock or Clock()
        self._threads = []
        if idle is not None:
            self._threads.append(threading.Thread(target=self._spin_down, name="spin-down", daemon=True))
        for thread in self._threads:
            thread.start()
        queue = Queue(configured(function), self._clock.stretch)
        self.events = EventQueue(self, self._changed, queue, self._clock, self._watch, sampled=function.xray)
        self.settings = Changeable(function, self.events.configure)

    def begin(
        self,
        payload: bytes,
        client_context: str | None = None,
        request_id: str | None = None,
        trace: str | None = None,
    ) -> Invocation:
        """Start an invocation in an idle environment, or in a new one. Raises ThrottledError or SandboxError."""
        self.retire()
        with self._changed:
            self._changed.wait_for(lambda: not self._starting)  # only on Managed Instances
            try:
                claimed = self.claim()
            except ThrottledError:
                now = self._clock.now()
                self._watch(now, None, metrics.throttled(now))
                raise
        return self._begin(claimed, payload, client_context=client_context, request_id=request_id, trace=trace)

    def begin_in(self, claimed: Environment | None, event: Event) -> Invocation:
        """Start an event in the place that `claim` returned. Raises SandboxError."""
        return self._begin(claimed, event.payload, request_id=event.request_id, trace=event.trace, asynchronous=True)

    def claim(self) -> Environment | None:
        """Take a place: an idle environment, or None for one that is to be made. Raises ThrottledError."""
        with self._changed:
            reserved = self.events.configuration.reserved
            if reserved is not None and self.busy >= reserved:
                raise ThrottledError(RESERVED)
            if self._closed and not self._idle:
                raise ThrottledError
            if self._idle:
                return self._idle.pop().environment
            if self._count >= self._limit():
                raise ThrottledError
            self._count += self._slots
            self._starting = self._slots > 1
            return None

    def _begin(
        self,
        claimed: Environment | None,
        payload: bytes,
        *,
        client_context: str | None = None,
        request_id: str | None = None,
        trace: str | None = None,
        asynchronous: bool = False,
    ) -> Invocation:
        concurrent = self.busy
        environment = claimed or self._made()
        started = self._clock.now()

        def ended(result: Result) -> None:
            self._release(environment)
            self._measure(result, started, concurrent, asynchronous=asynchronous)
            self._report(result)

        try:
            return environment.begin(
                payload, trace=trace, client_context=client_context, request_id=request_id, after=ended
            )
        except BaseException:
            self._release(environment)
            raise

    @property
    def busy(self) -> int:
        """The number of invocations that are running, those whose environment is being created included."""
        with self._changed:
            return self._count - len(self._idle)

    @property
    def room(self) -> int:
        """How many more invocations can begin now. On Managed Instances the first one makes room for the others."""
        with self._changed:
            if self._slots > 1:
                return len(self._idle) if self._count else 1
            return self._limit() - self.busy

    def kill(self) -> None:
        """Let every running invocation end in an error, until the fleet is shut down, by killing all processes."""
        threading.Thread(target=self._keep_killing, name="kill", daemon=True).start()

    def _keep_killing(self) -> None:
        while True:  # an invocation whose Init was killed begins another one
            for environment in list(self.all):
                environment.kill()
            if self._over.wait(_KILL_AGAIN):
                return

    def shutdown(self) -> None:
        """Wait for the running invocations, then shut every environment down. Events in the queue are dropped."""
        self.dropped = self.events.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self._idle) == self._count)
        for thread in (*self._threads, *self._ending):
            thread.join()
        at_once([environment.shutdown for environment in {one.environment for one in self._idle}])
        self._idle, self._count = [], 0
        self._over.set()

    def _made(self) -> Environment:
        """Make an environment for the place that was taken. Raises SandboxError."""
        try:
            version = self._code.version()
            environment = Environment(self.function, self._options)
            self._versions[environment] = version
            self.all.append(environment)
            environment.start()
        except BaseException:
            with self._changed:
                self._count -= self._slots
                self._starting = False
                self._changed.notify_all()
            raise
        with self._changed:
            self._starting = False
            self._idle += [_Idle(environment, time.monotonic()) for _ in range(self._slots - 1)]
            self._changed.notify_all()
        return environment

    def _measure(self, result: Result, started: float, concurrent: int, *, asynchronous: bool) -> None:
        """Tell the watch of a run. What the sandbox itself failed at is none."""
        milliseconds = result.report.get("metrics", {}).get("durationMs")
        if milliseconds is not None:
            error, duration = result.function_error is not None, milliseconds / 1000 * self._clock.scale
            data = metrics.ended(started, duration, concurrent, error=error, asynchronous=asynchronous)
            with self._changed:
                self._watch(started, None, data)

    def retire(self) -> None:
        """Shut down, beside what runs, the idle environments whose code has changed."""
        current = self._code.version()
        with self._changed:
            stale = [one for one in self._idle if self._versions[one.environment] != current]
            if self._slots > 1 and len(self._idle) < self._count:  # some requests of the one environment are running
                return
            self._idle = [one for one in self._idle if one not in stale]
            self._count -= len(stale)
            retired = {one.environment for one in stale}
            threads = [threading.Thread(target=one.shutdown, name="retire", daemon=True) for one in retired]
            for thread in threads:  # before `shutdown` can see them: it joins them
                thread.start()
            self._ending += threads
        if threads:
            self._notice(f"the code of {self.function.name} has changed; the next invocation runs in a new environment")

    def _limit(self) -> int:
        return self._slots if self._slots > 1 else self._concurrency

    def _release(self, environment: Environment) -> None:
        with self._changed:
            self._idle.append(_Idle(environment, time.monotonic()))
            self._changed.notify_all()

    def _spin_down(self) -> None:
        while True:
            with self._changed:
                while not (self._closed or self._overdue()):
                    self._changed.wait(self._next_overdue())  # again after each change, which may change the time
                if self._closed:
                    return
                overdue = self._overdue()
                self._idle = [one for one in self._idle if one not in overdue]
                self._count -= len(overdue)
            for environment in {one.environment for one in overdue}:
                environment.shutdown()

    def _overdue(self) -> list[_Idle]:
        limit = self._idle_limit or 0.0
        if self._slots > 1 and len(self._idle) < self._count:
            return []
        return [one for one in self._idle if time.monotonic() - one.since >= limit]

    def _next_overdue(self) -> float | None:
        limit = self._idle_limit or 0.0
        if self._slots > 1 and len(self._idle) < self._count:
            return None
        return min((max(0.0, one.since + limit - time.monotonic()) for one in self._idle), default=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def at_once(calls: list[Callable[[], None]]) -> None:
    """Make the calls in parallel: a shutdown takes up to two seconds."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
