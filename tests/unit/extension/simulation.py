"""Random lifecycles of the pure core, and the invariants that each must keep (architecture.md).

A small world around the core: a platform that invokes, logs, freezes, thaws and shuts down; a store that answers late,
fails, or does not answer. Time is a number that the world moves. Everything follows from one seed.
"""

from __future__ import annotations

import random

from extension import events
from extension.errors import StoreError
from tests.unit.extension.build import at, core, function_line, logs, platform

FAILURES = (
    StoreError.TRANSPORT,
    StoreError.SERVER,
    StoreError.THROTTLED,
    StoreError.CONFIGURATION,
    StoreError.CREDENTIALS,
)


class Violation(AssertionError):  # noqa: N818 - an invariant that does not hold
    """An invariant does not hold."""


class World:
    """One environment's life, from its first event to its exit."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        self.subscribed = self.random.random() > 0.05
        self.core = core(
            subscribed=self.subscribed,
            SHIP_RATE_BYTES=pick([1, 500, 4096, 100_000]),
            SHIP_RATE_INVOKES=pick([1, 1, 2, 10]),
            SHIP_RATE_MILLISECONDS=pick([1, 50, 1000, 10_000]),
            MAX_HOLD_MILLISECONDS=pick([1, 100, 500]),
            COMPRESSION=pick(["none", "gzip"]),
        )
        self.mono = 0.0
        self.wall = 0.0
        self.failure_rate = pick([0.0, 0.0, 0.3, 1.0])
        self.silence_rate = pick([0.0, 0.0, 0.2, 1.0])  # answers that come only after seconds
        self.sent = 0
        self.stored: dict[str, bytes] = {}
        self.bodies: dict[str, bytes | str] = {}
        self.in_flight: tuple[int, float, object] | None = None  # attempt, when it is answered, chunk
        self.abandoned = False
        self.held = ""
        self.released: list[str] = []
        self.hold_limit = 0.0
        self.exited = False
        self.stored_records = 0
        self.wakes_in_a_row = 0

    def run(self) -> None:
        """Live once."""
        for number in range(self.random.choice([0, 1, 2, 5, 30])):
            self.invocation(f"request-{number}")
        self.shutdown()
        self.check(self.exited, "Exit came")
        self.check(self.core.accounts.received == self.sent, f"received {self.core.accounts.received} of {self.sent}")
        self.check(
            self.core.accounts.received == self.core.accounts.shipped + self.core.accounts.lost,
            "received = shipped + lost",
        )
        self.check(self.stored_records >= self.core.accounts.shipped, "what is counted as shipped is stored")

    def check(self, holds: object, invariant: str) -> None:
        if not holds:
            raise Violation(invariant)

    def now(self) -> events.Moment:
        return at(self.mono, self.wall)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the core whenever it asked to be, and answering uploads when they are due."""
        end = self.mono + seconds
        while not self.exited:
            wake_at = self.core.wake_at()
            wake = wake_at - 1000.0 if wake_at is not None else None
            answer = self.in_flight[1] if self.in_flight else None
            moment = min(m for m in (wake, answer, end) if m is not None)
            step = max(moment - self.mono, 0.0)
            self.mono += step
            self.wall += step
            self.wakes_in_a_row = self.wakes_in_a_row + 1 if step == 0 else 0
            self.check(self.wakes_in_a_row < 20, "no spin: waking at wake_at() makes progress")
            if answer is not None and answer <= self.mono:
                self.answer()
            elif wake is not None and wake <= self.mono:
                self.feed(None)
            else:
                return

    def answer(self) -> None:
        attempt, _, chunk = self.in_flight or (0, 0.0, None)
        self.in_flight = None
        if self.abandoned:
            self.abandoned = False
            if self.random.random() < 0.5:
                self.store(chunk)  # it had been stored all the same
            self.feed(events.UploadFailed(attempt, StoreError.ABANDONED, "closed"))
        elif self.random.random() < self.failure_rate:
            kind = self.random.choice(FAILURES)
            if kind == StoreError.TRANSPORT and self.random.random() < 0.5:
                self.store(chunk)  # stored, but the answer was lost
            self.feed(events.UploadFailed(attempt, kind, "scripted"))
        else:
            self.store(chunk)
            self.feed(events.Uploaded(attempt))

    def store(self, chunk: object) -> None:
        if chunk.key not in self.stored:  # type: ignore[attr-defined]
            self.stored_records += chunk.records  # type: ignore[attr-defined]
        self.stored[chunk.key] = chunk.body  # type: ignore[attr-defined]

    def feed(self, event: events.Event | None) -> None:
        self.check(not self.exited, "Exit comes last")
        for action in self.core.handle(event, self.now()):
            self.check(not self.exited, "Exit comes last")
            self.act(action)
        self.check(
            self.core.accounts.received
            == self.core.accounts.shipped + self.core.accounts.lost + (0 if self.exited else self.core.waiting_records),
            "conservation",
        )

    def act(self, action: events.Action) -> None:
        if isinstance(action, events.Upload):
            self.check(self.in_flight is None, "one upload in flight")
            self.check(action.chunk.records > 0, "no upload without records")
            same = self.bodies.setdefault(action.chunk.key, action.chunk.body)
            self.check(same == action.chunk.body, "a retried chunk has the same key and the same bytes")
            silent = self.random.random() < self.silence_rate
            self.in_flight = (
                action.attempt,
                self.mono + (self.random.uniform(0.6, 5.0) if silent else self.random.uniform(0.001, 0.3)),
                action.chunk,
            )
        elif isinstance(action, events.Abandon):
            self.check(
                self.in_flight is not None and self.in_flight[0] == action.attempt,
                "only what is in flight is abandoned",
            )
            self.abandoned = True
            self.in_flight = (
                action.attempt,
                self.mono + self.random.uniform(0.0, 0.05),
                self.in_flight[2] if self.in_flight else None,
            )
        elif isinstance(action, events.Release):
            self.check(self.held == action.request_id, "a Release for each INVOKE, exactly one")
            self.check(self.mono <= self.hold_limit + 0.001, "released when the hold budget is spent")
            self.held = ""
            self.released.append(action.request_id)
        elif isinstance(action, events.Exit):
            self.exited = True

    def invocation(self, request_id: str) -> None:
        """One INVOKE: logs before and after the handler's end; perhaps a done that never comes, perhaps a freeze."""
        chance = self.random.random
        if chance() < 0.2:
            self.log(request_id)  # what was left over from before
        if chance() < 0.1 and self.subscribed:
            self.feed(
                logs(platform("start", request_id), platform("runtimeDone", request_id))
            )  # sooner than the INVOKE
            self.sent += 2
        timeout = self.random.choice([0.1, 3.0, 30.0])
        self.held = request_id
        self.hold_limit = self.mono + max(timeout - 0.25, 0.0)
        self.feed(events.Invoke(request_id, self.now().wall + timeout))
        duration = self.random.choice([0.0, 0.01, 0.5, 4.0])
        for _ in range(self.random.choice([0, 1, 3])):
            self.pass_time(duration / 3)
            self.log(request_id)
        if self.subscribed and chance() < 0.9:
            self.sent += 1
            self.feed(logs(platform("runtimeDone", request_id)))
        limit = self.mono + 40.0
        while self.held and self.mono < limit:
            self.pass_time(0.05)
        self.check(not self.held, "each INVOKE is released")
        if chance() < 0.5:  # a freeze: timers of ours do not run; the monotonic clock may stand still
            frozen = self.random.choice([0.1, 2.0, 600.0])
            self.wall += frozen
            if chance() < 0.5:
                self.mono += frozen
                if self.in_flight:
                    self.in_flight = (self.in_flight[0], max(self.in_flight[1], self.mono), self.in_flight[2])
        else:
            self.pass_time(self.random.choice([0.0, 0.01, 1.0, 15.0]))

    def log(self, request_id: str) -> None:
        if not self.subscribed:
            return
        lines = [function_line("x" * self.random.choice([1, 100, 5000])) for _ in range(self.random.choice([1, 3, 20]))]
        if self.random.random() < 0.1:
            lines.append(platform("logsDropped", request_id, droppedRecords=3, droppedBytes=10, reason="slow"))
        self.sent += len(lines)
        self.feed(logs(*lines))

    def shutdown(self) -> None:
        """SHUTDOWN (or SIGTERM) at any moment, with late batches behind it."""
        budget = self.random.choice([-5.0, 0.0, 0.3, 1.4, 2.0, 900.0])
        started = self.mono
        self.feed(events.Shutdown(self.random.choice(["spindown", "timeout", "failure"]), self.now().wall + budget))
        for _ in range(self.random.choice([0, 0, 1, 5])):
            self.pass_time(self.random.choice([0.0, 0.05, 0.14]))
            if not self.exited:
                self.log("last")
        self.pass_time(10.0)
        self.check(self.mono - started <= 2.0, "SHUTDOWN ends inside its budget")
        self.check(self.exited, "SHUTDOWN ends")
