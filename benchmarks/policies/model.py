"""A model of Lambda: requests go to environments, an environment's rule ships what was logged, and ages are taken.

* A request goes to the most recently used environment that is free; where there is none, a cold start makes one.
* An idle environment is shut down after 5 to 15 minutes. One in ten dies without SHUTDOWN: what waits is lost.
* What is logged is delivered after 25 ms of buffering if the environment runs then, else 25 ms after the next INVOKE.
* An environment that is held, or waits for a PUT that was begun at or beside an INVOKE, takes no request.
* A hold ends 51 ms after the handler (as measured in the sandbox) plus the PUT, 45 ms.

Not modelled: throttling, failures of the store, retries, the time that a cold start takes.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING

from benchmarks.policies.rules import BUFFERING
from extension.core.adaptive import BESIDE, HOLD, RELEASE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.policies.rules import Rule
    from benchmarks.policies.traces import Request

SETTLED = 0.051  # s from the end of the handler to the beginning of the PUT: two buffering periods, and their handling
PUT = 0.045  # s
IDLE = 300.0, 900.0  # s
SILENT = 0.1  # share of the environments that die without SHUTDOWN
SHUTDOWN = 0.15  # s until the last object's PUT begins
PIECE = 1.0  # s: what a long handler logs is spread over moments so far apart
MOST_PIECES = 60


class Outcome:
    """What came of a trace: an entry of `ages` for each invocation, in seconds; -1 where nothing is stored."""

    def __init__(self, requests: int) -> None:
        self.ages = [-1.0] * requests
        self.lost = 0  # invocations of which something was lost
        self.objects: list[int] = []  # bytes of each
        self.held = 0.0  # s
        self.cold = 0
        self.waiting = 0  # bytes that waited in one environment, at most


class Environment:
    """One execution environment: which records its extension has, and which it has yet to be given.

    A record is (number of its invocation, when it was logged).
    """

    __slots__ = (
        "_arrived", "_end", "_first", "_outcome", "_rule", "_silent", "_size", "_unseen", "_unseen_size",
        "expires_at", "free_at", "idle",
    )  # fmt: skip

    def __init__(self, rule: Rule, outcome: Outcome, idle: float, *, silent: bool) -> None:
        self._rule = rule
        self._outcome = outcome
        self.idle = idle
        self._silent = silent
        self._arrived: list[tuple[int, float]] = []
        self._size = 0.0
        self._first = inf  # arrival of the oldest record
        self._unseen: list[tuple[int, float]] = []  # logged too shortly before a freeze
        self._unseen_size = 0.0
        self._end = 0.0  # of the last handler
        self.free_at = 0.0
        self.expires_at = 0.0

    def serve(self, number: int, request: Request) -> None:
        """Run one invocation, from INVOKE to the freeze."""
        now, rule = request.start, self._rule
        if rule.foresees:
            self._hold_in_hindsight(now)
        decision = rule.invoked(now)
        end = until = now + request.duration
        beside_at = now + BUFFERING if decision == BESIDE else inf
        if decision == HOLD and end + BUFFERING > now + rule.done_timeout:
            decision, beside_at = RELEASE, now + rule.done_timeout
        if beside_at < inf:
            until = max(end, beside_at + PUT)
        if self._arrived and rule.is_due(now, int(self._size), self._first):
            self._close(now, running=True)
            until = max(until, now + PUT)
        for when, records, size in self._coming(number, request):
            if beside_at < when:
                self._close(beside_at, running=True)
                beside_at = inf
            self._close_old(min(when, end))
            self._give(records, size, when, seen=when <= until)
            if self._arrived and when <= end and when < beside_at and rule.is_due(when, int(self._size), self._first):
                self._close(when, running=True)
        if beside_at < inf:
            self._close(beside_at, running=True)
        self._close_old(end)
        if decision == HOLD:
            self._close(end + SETTLED, running=False)
            until = end + SETTLED + PUT
        self._outcome.held += until - end
        self._end, self.free_at, self.expires_at = end, until, until + self.idle

    def _coming(self, number: int, request: Request) -> list[tuple[float, list[tuple[int, float]], float]]:
        """Return what is delivered if the environment runs on: when, which records, bytes."""
        count = min(2 + int(request.duration / PIECE), MOST_PIECES)
        step = request.duration / (count - 1)
        logged = [request.start + place * step for place in range(count)]
        coming = [(when + BUFFERING, [(number, when)], request.size / count) for when in logged]
        if self._unseen:
            coming.insert(0, (request.start + BUFFERING, self._unseen, self._unseen_size))
            self._unseen, self._unseen_size = [], 0.0
        return coming

    def _give(self, records: list[tuple[int, float]], size: float, when: float, *, seen: bool) -> None:
        """Give the extension what was logged, or keep it until after the freeze."""
        if not seen:
            self._unseen += records
            self._unseen_size += size
            return
        if not self._arrived:
            self._first = when
        self._arrived += records
        self._size += size

    def expire(self) -> None:
        """Shut it down, or let it die."""
        if self._rule.foresees:
            self._hold_in_hindsight(inf)
        if self._silent:
            self._outcome.lost += len({number for number, _ in self._arrived + self._unseen})
        else:
            self._close(self.expires_at + SHUTDOWN, running=False)

    def _close_old(self, until: float) -> None:
        """Close what grows old enough before `until`."""
        due_at = self._rule.due_at(self._first, self._arrived[0][1]) if self._arrived else inf
        if due_at <= until:
            self._close(max(due_at, self._first), running=True)

    def _hold_in_hindsight(self, following: float) -> None:
        """Hold the invocation that is over, now that it is known when the next one comes: nothing came in between."""
        oldest = (self._arrived or self._unseen or [(0, inf)])[0][1]
        if self._rule.due_at(inf, oldest) < following + BUFFERING and oldest < inf:
            self._close(self._end + SETTLED, running=False)
            self._outcome.held += max(self._end + SETTLED + PUT - self.free_at, 0.0)

    def _close(self, now: float, *, running: bool) -> None:
        """Ship what has arrived; at the end of an invocation also what was logged last."""
        outcome = self._outcome
        outcome.waiting = max(outcome.waiting, int(self._size))
        if not running:
            self._arrived += self._unseen
            self._size += self._unseen_size
            self._unseen, self._unseen_size = [], 0.0
        self._rule.closed(now, running=running)
        if not self._arrived:
            return
        ages, stored = outcome.ages, now + PUT
        for number, logged in self._arrived:
            ages[number] = max(ages[number], stored - logged)
        outcome.objects.append(int(self._size))
        self._arrived, self._size, self._first = [], 0.0, inf


def run(requests: Sequence[Request], new_rule: Callable[[], Rule], seed: int) -> Outcome:
    """Let the requests come to environments that batch by this rule."""
    outcome = Outcome(len(requests))
    source = random.Random(seed)  # noqa: S311 - a model's
    busy: list[tuple[float, int, Environment]] = []
    free: list[Environment] = []  # the most recently used last
    for number, request in enumerate(requests):
        while busy and busy[0][0] <= request.start:
            free.append(heappop(busy)[2])
        while free and free[-1].expires_at <= request.start:
            free.pop().expire()
        if free:
            environment = free.pop()
        else:
            environment = Environment(new_rule(), outcome, source.uniform(*IDLE), silent=source.random() < SILENT)
            outcome.cold += 1
        environment.serve(number, request)
        heappush(busy, (environment.free_at, number, environment))
    for environment in (*free, *(entry[2] for entry in busy)):
        environment.expire()
    return outcome
