"""Play a function's asynchronous invocations on a virtual clock: hours take milliseconds. Pure."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.queue import Decision, Queue, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaptive_batching.sandbox.asynchronous.configuration import Configuration
    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Event

#: The concurrency of an AWS account, in which a function runs.
ACCOUNT = 1000


@dataclass(frozen=True)
class Outcome:
    """How a run goes: its duration in seconds, and whether it ends in an error. `broken`: the sandbox fails instead."""

    duration: float
    error: bool = False
    broken: bool = False


@dataclass(frozen=True)
class Moment:
    """What was decided about an event at a time. Of a run `duration` is known, in seconds."""

    at: float
    decision: Decision
    duration: float | None = None


@dataclass
class History:
    """Everything that was decided and measured, in the order of time. `received` counts the accepted events."""

    moments: list[Moment] = field(default_factory=list)
    data: list[Datum] = field(default_factory=list)
    received: int = 0


@dataclass(frozen=True)
class Play:
    """What happens: at which times events arrive, how each run goes, and which configuration holds from when on.

    `room` is the number of environments. `stretch` is that of the queue.
    """

    arrivals: Sequence[float]
    outcome: Callable[[Event], Outcome]
    changes: Sequence[tuple[float, Configuration]]
    room: int = ACCOUNT
    stretch: Callable[[float], float] = lambda wait: wait

    def until_quiet(self) -> History:
        """Let time pass until nothing waits or runs."""
        return _Player(self).play()


class _Player:
    """At one moment, ends of runs come first, then changes, then arrivals: what is free is free for what is due."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._queue = Queue(stretch=play.stretch)
        self._history = History()
        self._ends: list[tuple[float, int, Run, Outcome, float, int]] = []
        self._started = 0

    def play(self) -> History:
        inputs: list[tuple[float, int, Configuration | None]] = [
            *((at, 0, configuration) for at, configuration in self._play.changes),
            *((at, 1, None) for at in self._play.arrivals),
        ]
        inputs.sort(key=lambda one: one[:2])
        while inputs or self._ends or self._queue.queued:
            wake = self._queue.wake_at()
            now = min(
                math.inf if wake is None else wake,
                inputs[0][0] if inputs else math.inf,
                self._ends[0][0] if self._ends else math.inf,
            )
            while self._ends and self._ends[0][0] <= now:
                self._end(now)
            while inputs and inputs[0][0] <= now:
                configuration = inputs.pop(0)[2]
                if configuration is None:
                    self._accept(now)
                else:
                    self._queue.configure(configuration)
            for decision in self._queue.poll(now, len(self._ends), self._play.room - len(self._ends)):
                self._decide(decision, now)
        return self._history

    def _accept(self, now: float) -> None:
        self._queue.accept(name(self._history.received), b"{}", "", now)
        self._history.received += 1
        self._history.data += metrics.received(now)

    def _decide(self, decision: Decision, now: float) -> None:
        outcome = None
        if isinstance(decision, Run):
            outcome = self._play.outcome(decision.event)
            self._started += 1
            end = (now + outcome.duration, self._started, decision, outcome, now, len(self._ends) + 1)
            heapq.heappush(self._ends, end)
        self._note(decision, now, outcome)

    def _end(self, now: float) -> None:
        _, _, run, outcome, start, concurrent = heapq.heappop(self._ends)
        if outcome.broken:
            self._note(self._queue.failed(run.event.request_id, now), now)
            return
        self._history.data += metrics.ended(start, outcome.duration, concurrent, error=outcome.error, asynchronous=True)
        self._note(self._queue.answered(run.event.request_id, now, error=outcome.error), now)

    def _note(self, decision: Decision, now: float, outcome: Outcome | None = None) -> None:
        self._history.moments.append(Moment(now, decision, outcome.duration if outcome else None))
        self._history.data += metrics.decided(decision, now)


def name(number: int) -> str:
    """Return the name of an event: A to Z, then 27, 28 and so on."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)  # noqa: PLR2004 - the letters
