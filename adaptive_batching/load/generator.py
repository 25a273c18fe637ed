"""Sends what a schedule says, when it says so: threads, and no waiting for answers.

The main thread hands each arrival out at its moment. A thread takes it, and there are as many threads as arrivals in
flight, up to a number of places. An arrival for which no place becomes free waits for one, for as long as an answer may
take; then it is not sent at all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adaptive_batching.load.core.figures import Measured, Sent
from adaptive_batching.load.targets import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adaptive_batching.load.core.schedule import Arrival
    from adaptive_batching.load.core.users import User
    from adaptive_batching.load.targets import Target

#: Seconds between two looks at the clock while nothing is due, so that progress is shown.
_SELDOM = 0.25
_Task = tuple["Arrival", "User"]


@dataclass(frozen=True)
class Limits:
    """How many arrivals may be in flight, and for how many seconds one may wait for a place."""

    places: int
    patience: float


@dataclass(frozen=True)
class Clock:
    """The time, in seconds from any moment, and waiting."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Generator:
    """One run. `run` returns what was measured, also if Ctrl-C ended it."""

    def __init__(
        self, target: Target, limits: Limits, progress: Callable[[int, int], None], clock: Clock | None = None
    ) -> None:
        self._clock = clock or Clock()
        self._target = target
        self._limits = limits
        self._progress = progress
        lock = threading.Lock()
        self._handed_out, self._changed = threading.Condition(lock), threading.Condition(lock)
        self._tasks: deque[_Task] = deque()
        self._threads = 0
        self._idle = 0  # threads that wait for a task
        self._ended = False
        self._flying = 0
        self._done = 0
        self._zero = 0.0
        self._measured = Measured(datetime.now(UTC), places=limits.places)

    def run(self, schedule: Sequence[Arrival], users: Iterable[User]) -> Measured:
        """Send all requests of the schedule, and wait for the answers."""
        measured = self._measured
        self._zero, measured.started = self._clock.now(), datetime.now(UTC)
        try:
            for arrival, user in zip(schedule, users, strict=False):
                self._sleep_until(arrival.due, len(schedule))
                measured.begun += 1
                self._hand_out((arrival, user))
            while self._done < measured.begun:
                with self._changed:
                    self._changed.wait_for(lambda: self._done >= measured.begun, _SELDOM)
                self._progress(self._done, len(schedule))
        except KeyboardInterrupt:
            measured.interrupted = True
        measured.took = self._now()
        with self._changed:  # what is still in flight after Ctrl-C is left alone, and writes into other lists
            self._measured = Measured(measured.started)
            self._ended = True
            self._handed_out.notify_all()
        return measured

    def _now(self) -> float:
        return self._clock.now() - self._zero

    def _sleep_until(self, due: float, total: int) -> None:
        while (left := due - self._now()) > 0:
            self._clock.sleep(min(left, _SELDOM))
            self._progress(self._done, total)

    def _hand_out(self, task: _Task) -> None:
        with self._handed_out:
            self._tasks.append(task)
            if self._idle < len(self._tasks) and self._threads < self._limits.places:
                self._threads += 1
                threading.Thread(target=self._work, name=f"load-{self._threads}", daemon=True).start()
            self._handed_out.notify()

    def _work(self) -> None:
        while task := self._next():
            arrival, user = task
            with self._changed:
                measured = self._measured
                self._flying += 1
                measured.most = max(measured.most, self._flying)
                late = self._now() - arrival.due > self._limits.patience
                if late:
                    measured.unsent.append(arrival.phase)
            try:
                if not late:
                    self._carry_out(arrival, user)
            finally:
                with self._changed:
                    self._flying -= 1
                    self._done += 1
                    self._changed.notify_all()

    def _next(self) -> _Task | None:
        with self._handed_out:
            self._idle += 1
            self._handed_out.wait_for(lambda: self._tasks or self._ended)
            self._idle -= 1
            return None if self._ended else self._tasks.popleft()

    def _carry_out(self, arrival: Arrival, user: User) -> None:
        due, first = arrival.due, True
        for step in user.scenario.flow:
            if step.request is None:
                due += step.think or 0
                self._clock.sleep(max(0.0, due - self._now()))
                continue
            request = outgoing(*step.request, user.variables)
            with self._changed:
                self._measured.waiting[arrival.phase] += 1
            sent = self._now()
            answer = self._target.send(request)
            done = self._now()
            with self._changed:
                self._measured.waiting[arrival.phase] -= 1
                self._measured.sent.append(
                    Sent(
                        arrival.number,
                        arrival.phase,
                        due,
                        sent,
                        done,
                        answer.code,
                        answer.error,
                        first,
                        answer.ids,
                    )
                )
            if answer.error is not None:
                return  # a user who got no answer goes away, as artillery's does
            due, first = done, False
