"""The queue of a function's asynchronous invocations, as a state machine. Pure: no clock, no thread, no I/O.

`now` is in seconds of Lambda's time, from any beginning. The caller carries the decisions out, says how runs end, and
polls again at `wake_at()`, after each end of a run, and after a change of the configuration.

Source: "How Lambda handles errors and retries with asynchronous invocation" in the Lambda developer guide. That a retry
which would be due too late is dropped at once was recorded on AWS. Not modelled: slower polling of long queues, and
events that are delivered twice.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after the first and after the second error, until the event is due again.
RETRY_WAITS = (60.0, 120.0)
#: Seconds that a throttled event waits at first. Each further wait is twice as long, up to the longest one.
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
#: What an attempt without an answer gets: 429 for a throttle, 500 for a failure of the sandbox.
THROTTLED, BROKEN = 429, 500
RETRIES_EXHAUSTED, AGE_EXCEEDED, ZERO = "RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"


@dataclass(frozen=True)
class Event:
    """One event. `received` is a time. Request id and trace are the same in every attempt.

    `errors` and `runs` count its runs; a failure of the sandbox is neither. `refused` is the HTTP status of the last
    attempt if it did not lead to an answer: THROTTLED, BROKEN, or 0. `response` is what the last run answered: the
    caller's own, None before.
    """

    request_id: str
    payload: bytes
    trace: str
    received: float
    number: int
    wait: float = FIRST_WAIT
    errors: int = 0
    runs: int = 0
    refused: int = 0
    response: object = None


@dataclass(frozen=True)
class Run:
    """Run the event now. `age` is in seconds."""

    event: Event
    age: float


@dataclass(frozen=True)
class Throttled:
    """The attempt was throttled. The event is due again in `again` seconds."""

    event: Event
    age: float
    again: float


@dataclass(frozen=True)
class Retried:
    """The run ended in an error, or the sandbox failed. The event is due again in `again` seconds."""

    event: Event
    again: float


@dataclass(frozen=True)
class Succeeded:
    """The event is done."""

    event: Event


@dataclass(frozen=True)
class Dropped:
    """The event will not run again. `reason` is one of Lambda's conditions."""

    event: Event
    reason: str


Decision = Run | Throttled | Retried | Succeeded | Dropped


class Queue:
    """The events of one function that wait or run. `stretch` changes each wait, in seconds: it is for jitter."""

    def __init__(
        self, configuration: Configuration | None = None, stretch: Callable[[float], float] = lambda wait: wait
    ) -> None:
        self._configuration = configuration or Configuration()
        self._stretch = stretch
        self._later: list[tuple[float, int, Event]] = []  # a heap, by the time at which each is due
        self._ready: deque[Event] = deque()  # due, and without a place on this machine
        self._running: dict[str, Event] = {}
        self._numbers = 0
        self._asked = False  # since the last poll nothing has changed: what is ready waits for a place

    @property
    def configuration(self) -> Configuration:
        """What holds now, also for the events that are queued."""
        return self._configuration

    @property
    def queued(self) -> int:
        """The number of events that wait."""
        return len(self._later) + len(self._ready)

    @property
    def ready(self) -> bool:
        """Whether an event is due, and waits for a place on this machine."""
        return bool(self._ready)

    @property
    def running(self) -> int:
        """The number of events that run."""
        return len(self._running)

    def configure(self, configuration: Configuration) -> None:
        """Change the configuration. Poll afterwards."""
        self._configuration = configuration
        self._asked = False

    def accept(self, request_id: str, payload: bytes, trace: str, now: float) -> Event:
        """Add an event, which is due at once. Poll afterwards."""
        event = Event(request_id, payload, trace, now, self._numbers)
        self._numbers += 1
        self._add(event, now)
        return event

    def poll(self, now: float, busy: int, room: int) -> list[Decision]:
        """Look at the events that are due, in the order in which they became so.

        `busy` is the number of the function's invocations that run, synchronous ones included: what reserved
        concurrency counts. `room` is how many more this machine can run. Without room an event waits unthrottled.
        """
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        self._asked = True
        decisions: list[Decision] = []
        started = 0
        while self._ready:
            decision = self._look(self._ready[0], now, busy + started, room - started)
            if decision is None:
                break
            self._ready.popleft()
            decisions.append(decision)
            started += isinstance(decision, Run)
        return decisions

    def answered(self, request_id: str, now: float, *, error: bool, response: object = None) -> Decision:
        """Take note that a run has ended, with an error of the function or without."""
        found = self._running.pop(request_id)
        event = replace(found, runs=found.runs + 1, errors=found.errors + error, wait=FIRST_WAIT, response=response)
        if not error:
            return Succeeded(event)
        if event.errors > self._configuration.retries:
            return Dropped(event, RETRIES_EXHAUSTED)
        again = self._stretch(RETRY_WAITS[event.errors - 1])
        if now + again >= self._expiry(event):
            return Dropped(event, AGE_EXCEEDED)
        self._add(event, now + again)
        return Retried(event, again)

    def failed(self, request_id: str, now: float) -> Retried:
        """Take note that the sandbox failed, not the function. It costs no retry."""
        event, again = self._back(self._running.pop(request_id), now, BROKEN)
        return Retried(event, again)

    def wake_at(self) -> float | None:
        """Return the next time at which `poll` decides something, None if only another input can change that.

        What waits for a place on this machine is looked at again when it expires.
        """
        times = [self._later[0][0]] if self._later else []
        if self._ready:
            times.append(self._expiry(self._ready[0]) if self._asked else self._ready[0].received)
        return min(times, default=None)

    def _look(self, event: Event, now: float, busy: int, room: int) -> Decision | None:
        age = now - event.received
        reserved = self._configuration.reserved
        if reserved == 0:
            return Dropped(event, ZERO)
        if now >= self._expiry(event):
            return Dropped(event, AGE_EXCEEDED)
        if reserved is not None and busy >= reserved:
            later, again = self._back(event, now, THROTTLED)
            return Throttled(later, age, again)
        if room <= 0:
            return None
        running = replace(event, refused=0)
        self._running[event.request_id] = running
        return Run(running, age)

    def _expiry(self, event: Event) -> float:
        return event.received + self._configuration.max_age

    def _back(self, event: Event, now: float, refused: int) -> tuple[Event, float]:
        again = self._stretch(event.wait)
        later = replace(event, wait=min(2 * event.wait, LONGEST_WAIT), refused=refused)
        self._add(later, now + again)
        return later, again

    def _add(self, event: Event, due: float) -> None:
        heapq.heappush(self._later, (due, event.number, event))
