"""The environments of one function: reuse, scale-out up to a concurrency limit, and spin-down of idle environments."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.fleet import CONCURRENCY
from adaptive_batching.sandbox.fleet.changes import Code
from adaptive_batching.sandbox.function import MANAGED
from adaptive_batching.sandbox.lifecycle.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.results import Result
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.protocol.invocation import Invocation


#: Seconds between two rounds of killing.
_KILL_AGAIN = 0.05


class ThrottledError(Exception):
    """Every environment is busy and the concurrency limit is reached."""


@dataclass
class _Idle:
    environment: Environment
    since: float  # monotonic seconds


class Fleet:
    """Runs invocations in at most `concurrency` environments. Thread-safe.

    An environment that is idle for `idle` seconds is shut down; None keeps it. `all` holds every environment that was
    ever created. `dropped` counts events that were still queued at the shutdown. With `reload`, an environment whose
    code has changed serves no further invocation. `report` is called with the result of each invocation, without its
    payload, and `notice` with a sentence when changed code is loaded.
    """

    def __init__(
        self,
        function: Function,
        options: Options,
        concurrency: int = CONCURRENCY,
        idle: float | None = None,
        *,
        reload: bool = False,
        report: Callable[[Result], None] = lambda _result: None,
        notice: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._code = Code((function.folder, *function.layers), follow=reload)
        self._report, self._notice = report, notice
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
        self._events: deque[tuple[bytes, str]] = deque()
        self.all: list[Environment] = []
        self.dropped = 0
        self._threads = [threading.Thread(target=self._work_off, name="event-queue", daemon=True)]
        if idle is not None:
            self._threads.append(threading.Thread(target=self._spin_down, name="spin-down", daemon=True))
        for thread in self._threads:
            thread.start()

    def begin(self, payload: bytes, client_context: str | None = None, request_id: str | None = None) -> Invocation:
        """Start an invocation in an idle environment, or in a new one. Raises ThrottledError or SandboxError."""
        environment = self._acquire()
        try:
            return environment.begin(
                payload,
                client_context=client_context,
                request_id=request_id,
                after=lambda result: self._ended(environment, result),
            )
        except BaseException:
            self._release(environment)
            raise

    def enqueue(self, payload: bytes) -> str:
        """Queue an event and return its request id. It runs when an environment is free; its result is dropped."""
        request_id = str(uuid.uuid4())
        with self._changed:
            self._events.append((payload, request_id))
            self._changed.notify_all()
        return request_id

    @property
    def busy(self) -> int:
        """The number of invocations that are running, those whose environment is being created included."""
        with self._changed:
            return self._count - len(self._idle)

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
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self._idle) == self._count)
        for thread in (*self._threads, *self._ending):
            thread.join()
        self.dropped = len(self._events)
        _at_once([environment.shutdown for environment in {one.environment for one in self._idle}])
        self._idle, self._count = [], 0
        self._over.set()

    def _acquire(self) -> Environment:
        self._retire_changed()
        with self._changed:
            self._changed.wait_for(lambda: not self._starting)  # only on Managed Instances
            if self._idle:
                return self._idle.pop().environment
            if self._count >= self._limit() or self._closed:
                raise ThrottledError
            self._count += self._slots
            self._starting = self._slots > 1
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

    def _ended(self, environment: Environment, result: Result) -> None:
        self._release(environment)
        self._report(result)

    def _retire_changed(self) -> None:
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

    def _work_off(self) -> None:
        """Start the queued events in order, each as soon as there is room."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or (self._events and self._has_room()))
                if self._closed:
                    return
                event = self._events.popleft()
            try:
                self.begin(event[0], request_id=event[1])
            except ThrottledError:  # another invocation took the room; the event stays first
                with self._changed:
                    self._events.appendleft(event)
            except Exception:  # noqa: BLE001 - printed, and the queue goes on with the next event
                traceback.print_exc()

    def _has_room(self) -> bool:
        return bool(self._idle) or self._count < self._limit()

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


def _at_once(calls: list[Callable[[], None]]) -> None:
    """Make the calls in parallel: a shutdown takes up to two seconds."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
