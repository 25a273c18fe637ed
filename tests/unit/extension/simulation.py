"""Random lives of one execution environment, and the invariants that each must keep (docs/reliability.md).

A small world around the core: a platform that invokes, logs, cuts records, sends twice, freezes, thaws, resets and
shuts down; a kill of the process at any moment, between two actions too; clocks that stand still or jump. Store, /tmp
and process: simulated_store.py, simulated_process.py. Time is a number that the world moves; all follows from a seed.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import count

from extension import events, settings
from tests.unit.extension.build import at, function_line, platform, told
from tests.unit.extension.simulated_process import Process, Tmp
from tests.unit.extension.simulated_store import Attempt, Store, Violation, check, plain, tokens

__all__ = ["Violation", "World"]

ROUNDING = 0.001  # s
TICKS = 2**22  # of a second: the journal's resolution of arrivals
PROBE = 30.0  # s: the least between two attempts while the circuit is open
MARGIN, PATIENCE = 0.25, 10.0  # s before the deadline; that the end of the first handler is waited for
BIG = 5 * 1024 * 1024  # bytes of a record in the few worlds in which waiting bytes reach their bound
LEFT_OVER = 2  # the attempt of a chunk that an earlier process left
MOST_WAITING = 32 * 1024 * 1024


class Killed(Exception):  # noqa: N818 - an event
    """SIGKILL of the process."""


class World:
    """One environment's life, from its first event to its last exit."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        pick, chance = self.random.choice, self.random.random
        self.big = seed % 400 == 0
        self.managed = chance() < 0.1
        self.subscribed = chance() > 0.05
        self.snapshot = not self.managed and chance() < 0.15
        self.odd = chance() < 0.4  # cut records and garbage: how many records a body holds is not known beforehand
        collides = chance() < 0.1
        self.kills = 0 if collides else pick([0, 0, 1, 3])
        self.resets = 0 if collides else pick([0, 0, 0, 2])
        self.store = Store(self.random, collides=collides)
        self.flaky_tmp = chance() < 0.2 and self.store.is_conditional
        self.settings = self._settings()
        if self.big:
            self.store.failure_rate = 1.0
        self._numbers = count(1)
        self._draws = count(1)
        self.tmp = Tmp("0123456789ab")
        self.mono = self.wall = self.clock = 0.0
        self._seen = (0.0, 0.0)
        self.invocations = pick([0, 1, 3]) if self.big else pick([0, 1, 2, 5, 30])
        self.requests = 0
        self.bodies: dict[str, tuple[object, object]] = {}  # key -> bytes and metadata, over all processes
        self.sent: set[int] = set()
        self.volatile: set[int] = set()  # in memory alone
        self.waiting: set[int] = set()  # received by this process, neither known to be stored nor lost
        self.lost: set[int] = set()  # reported as lost
        self.gone: set[int] = set()  # were in the memory of a killed process
        self.again: list[bytes] = []  # whose 200 a kill has cut
        self.piece = b""  # the second half of a record that was cut
        self.over = False
        self.happened: Counter[str] = Counter()
        self._new_process()

    def _settings(self) -> settings.Settings:
        pick = self.random.choice
        return told(
            SHIP_RATE_BYTES=pick([1, 500, 4096, 100_000]),
            SHIP_RATE_INVOKES=pick([1, 1, 2, 10]),
            SHIP_RATE_MILLISECONDS=pick([1, 50, 1000, 10_000]),
            MAX_HOLD_MILLISECONDS=pick([1, 100, 500]),
            COMPRESSION=pick(["none", "gzip"]),
            CONDITIONAL_WRITE=pick(["on", "on", "off"]) if self.store.collision_rate == 0 else "on",
        )

    def _new_process(self) -> None:
        self.process = Process(
            self.settings,
            self.tmp,
            lambda: str(next(self._draws)),
            self.random.random,
            subscribed=self.subscribed,
            managed=self.managed,
            snapshot=self.snapshot,
        )
        self.core = self.process.core
        self.core.conditional(wanted=self.settings.conditional)
        self.in_flight: Attempt | None = None
        self.answered = 0
        self.held = ""
        self.hold_end = 0.0
        self.waits = False  # for the end of the handler
        self.invoked = self.exited = self.open = self.leaving = False
        self.failures = 0  # in a row that nothing excuses
        self.trouble_at = 0.0  # on the core's clock: the last answer, or when the circuit opened
        self.wakes_in_a_row = 0

    def run(self) -> None:
        """Live once, however many processes that takes."""
        for event in self.process.left_over():
            self.feed(event)
        while not self.over:
            try:
                self.live()
            except Killed:
                self.happened["killed"] += 1
                self.kills -= 1
                self.gone |= self.waiting & self.volatile
                if self.in_flight:
                    self.store.vanish(self.in_flight)
                self.restart()
        self.settle()

    def live(self) -> None:
        """From here to the end of the environment, unless the process is killed."""
        again, self.again = self.again, []
        for body in again:
            self.post(body)
        if not self.invoked and self.random.random() < 0.5:
            self.log("init")
            self.pass_time(self.random.choice([0.0, 1.0, 4 * 3600.0]))  # provisioned concurrency waits for hours
        while self.invocations:
            self.invocations -= 1
            self.requests += 1
            if self.managed:
                self.managed_invocation(f"request-{self.requests}")
            else:
                self.invocation(f"request-{self.requests}")
            if self.resets and self.random.random() < 0.2:
                self.resets -= 1
                self.happened["reset"] += 1
                self.shutdown(self.random.choice(["timeout", "failure"]))
                self.restart()
        self.shutdown(self.random.choice(["spindown", "spindown", "sigterm"]))
        self.over = True

    def restart(self) -> None:
        """A new process in the same environment."""
        self.waiting -= self.gone | (self.waiting & self.volatile)
        before = self.waiting
        self.waiting = set()
        self._new_process()
        if self.random.random() < 0.3:
            self.store.mend()
        left = list(self.process.left_over())
        self.waiting = before
        try:
            for event in left:
                self.process.core.handle(event, self.now())
        finally:
            self._seen = (self.mono, self.wall)
        self.conserve()

    def settle(self) -> None:
        """What became of every record."""
        check(self.exited, "Exit came")
        stored = self.store.stored()
        check(max(stored.values(), default=1) == 1, "no record is stored twice")
        check(max(self.store.sequences().values(), default=1) == 1, "no sequence number is used twice")
        missing = self.sent - set(stored)
        check(missing <= self.lost | self.gone, f"what is not stored was reported: {sorted(missing)[:5]}")

    # time

    def now(self) -> events.Moment:
        return at(self.mono, self.wall)

    def may_die(self) -> None:
        if self.kills and self.random.random() < 0.01:
            raise Killed

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the core whenever it asked to be, and answering uploads when they are due."""
        end = self.mono + seconds
        while not self.exited:
            self.may_die()
            wake_at = self.core.wake_at()
            wake = wake_at - 1000.0 if wake_at is not None else None
            answer = self.in_flight.answer_at if self.in_flight else None
            moment = min(m for m in (wake, answer, end) if m is not None)
            step = max(moment - self.mono, 0.0)
            self.mono = max(self.mono, moment)
            self.wall += step
            self.wakes_in_a_row = self.wakes_in_a_row + 1 if step == 0 else 0
            check(self.wakes_in_a_row < 20, "no spin: waking at wake_at() makes progress")
            if answer is not None and answer <= self.mono:
                self.answer()
            elif wake is not None and wake <= self.mono:
                self.feed(None)
            else:
                return

    def freeze(self) -> None:
        """Nothing of ours runs; the monotonic clock may stand still, and who wakes up first is not known."""
        frozen = self.random.choice([0.1, 2.0, 600.0, 7200.0])
        self.wall += frozen
        if self.random.random() < 0.5:
            self.mono += frozen
        if self.in_flight:
            self.in_flight.disturbed = True
            self.in_flight.answer_at = max(self.in_flight.answer_at, self.mono)
        if self.random.random() < 0.3:
            self.feed(None)
        if self.random.random() < 0.3:
            self.log("thaw")

    # the store's answers

    def answer(self) -> None:
        attempt, self.in_flight = self.in_flight, None
        assert attempt is not None
        self.answered = attempt.number
        event = self.store.answer(attempt)
        self.happened["stored" if isinstance(event, events.Uploaded) else event.kind] += 1
        self.may_die()  # between the PUT and its answer
        self.trouble_at = self._clock()
        if isinstance(event, events.Uploaded) or (event.kind == "exists" and not attempt.collides):
            self.failures = 0
        elif event.kind not in ("exists", "unconditional", "abandoned") and not attempt.disturbed:
            self.failures += 1
        self.feed(event)
        if self.failures >= 3 and not self.exited:
            check(self.core._circuit.is_open, "three failures in a row open the circuit")

    def _clock(self) -> float:
        """The larger of what both clocks say has passed, summed up."""
        mono, wall = self._seen
        return self.clock + max(self.mono - mono, self.wall - wall, 0.0)

    # the core

    def feed(self, event: events.Event | None) -> None:
        check(not self.exited, "Exit comes last")
        self.clock, self._seen = self._clock(), (self.mono, self.wall)
        for action in self.core.handle(event, self.now()):
            check(not self.exited, "Exit comes last")
            self.happened[type(action).__name__] += 1
            self.may_die()
            self.act(action)
        self.conserve()
        if self.held:
            check(not self.open, "nobody is held while the circuit is open")
            check(self.mono <= self.hold_end + ROUNDING, "nobody is held longer than the budget")

    def conserve(self) -> None:
        accounts, waiting = self.core.accounts, 0 if self.exited else self.core.waiting_records
        if not self.exited:
            check(
                accounts.received == accounts.shipped + waiting + accounts.lost, "received = shipped + waiting + lost"
            )
            if not self.odd:
                check(waiting == len(self.waiting), f"{len(self.waiting)} records wait, not {waiting}")
        if self.big:
            held = sum(chunk.size for chunk in self.core._outbox._waiting) + self.core._batcher.raw_bytes
            check(held <= MOST_WAITING + 2 * self.core._batcher.limit, "what waits is bounded in bytes")

    def act(self, action: events.Action) -> None:
        if isinstance(action, events.Upload):
            self.upload(action)
        elif isinstance(action, events.Abandon):
            self.abandon(action.attempt)
        elif isinstance(action, events.Release):
            check(self.held == action.request_id, "a Release for each INVOKE, exactly one")
            check(self.mono <= self.hold_end + ROUNDING, "nobody is held longer than the budget")
            self.held = ""
            if self.in_flight:
                self.in_flight.disturbed = True
        elif isinstance(action, events.Forget | events.Drop):
            self.forget(action)
        elif isinstance(action, events.Say):
            if "no invocation waits for it any more" in action.message:
                check(not self.open, "that the circuit opened is said once")
                self.open, self.trouble_at = True, self.clock
                self.happened["circuit opened"] += 1
            self.open = self.open and "takes objects again" not in action.message
        elif isinstance(action, events.Exit):
            self.exit(action)

    def abandon(self, attempt: int) -> None:
        """Its connection is closed; its answer may just have come."""
        check(attempt == (self.in_flight.number if self.in_flight else self.answered), "what is in flight is abandoned")
        if self.in_flight:
            self.in_flight.abandoned = self.in_flight.disturbed = True
            self.in_flight.answer_at = self.mono + self.random.uniform(0.0, 0.05)

    def upload(self, action: events.Upload) -> None:
        chunk = action.chunk
        check(self.in_flight is None, "one upload in flight")
        check(chunk.records > 0, "no upload without records")
        self.happened[f"{chunk.metadata['reason']} upload"] += 1
        self.happened["careful upload"] += chunk.careful
        self.happened["shared upload"] += chunk.shared
        self.happened["upload with a record given up"] += bool(chunk.seal and chunk.seal.cuts)
        self.happened["upload again by another process"] += chunk.key in self.bodies and chunk.attempts == LEFT_OVER
        if self.open and not self.leaving:
            check(self.clock - self.trouble_at >= PROBE - ROUNDING, "an open circuit is probed after 30 s, not sooner")
        if not (chunk.careful and self.flaky_tmp):  # records that were in memory alone are missing
            same = self.bodies.setdefault(chunk.key, (chunk.body, chunk.metadata))
            check(same == (chunk.body, chunk.metadata), "a chunk has the same key and the same bytes for ever")
        self.process.seal(chunk)
        self.may_die()  # between the seal and the PUT
        self.in_flight = self.store.begin(action, self.mono)

    def forget(self, action: events.Forget | events.Drop) -> None:
        assert isinstance(action.chunk.body, bytes)
        held = set(tokens(plain(action.chunk.body)))
        if isinstance(action, events.Forget):
            check(action.chunk.key in self.store.objects, "what is forgotten is stored")
        self.process.forget(action)
        self.waiting -= held
        self.lost |= self.process.lost

    def exit(self, action: events.Exit) -> None:
        self.exited = True
        figures = action.figures
        total = sum(int(str(figures[name])) for name in ("shipped", "waiting", "lost"))
        check(figures["received"] == total, "the last line adds up")
        given_up = self.waiting & self.volatile if self.core.accounts.reason else self.waiting
        if not self.odd:
            check(action.lost_records == len(given_up), f"{len(given_up)} are lost, not {action.lost_records}")
        check(action.lost_records > 0 or not given_up, "what is lost is said")
        self.lost |= given_up

    # the platform

    def post(self, body: bytes) -> None:
        """One POST, as the keeper takes it."""
        if not self.subscribed or self.exited:
            return
        if self.flaky_tmp and self.random.random() < 0.2:
            self.tmp.works = not self.tmp.works
        if self.process.echoes.is_echo(body):
            self.happened["echo"] += 1
            return
        wall = int(self.now().wall * TICKS) / TICKS
        serial = self.tmp.append(body, wall)
        numbers = set(tokens(body))
        self.sent |= numbers
        self.waiting |= numbers
        self.gone -= numbers
        self.volatile = self.volatile - numbers if serial else self.volatile | numbers
        try:
            self.may_die()  # journalled, and the 200 is cut
        except Killed:
            self.again.append(body)
            raise
        self.feed(events.LogsReceived(body, serial, wall))
        if self.random.random() < 0.05:
            self.post(body)  # a freeze has cut our 200

    def number(self) -> str:
        return f"<{next(self._numbers)}>"

    def envelopes(self, request_id: str) -> list[bytes]:
        pick = self.random.choice
        if self.big:
            return [json.dumps(function_line(self.number() + "x" * BIG)).encode()]
        size = pick([1, 100, 5000])
        lines = [f"[INFO]\tt\t{request_id}\t{self.number()}" + "x" * size for _ in range(pick([1, 3, 20]))]
        found = [json.dumps(function_line(line)).encode() for line in lines]
        if self.random.random() < 0.1:
            dropped = platform("logsDropped", "", droppedRecords=3, reason=self.number())
            found.append(json.dumps(dropped).encode())
        return found

    def log(self, request_id: str) -> None:
        """One POST of records; now and then something that cannot be read, or a batch that a full queue gave up."""
        chance = self.random.random
        found = self.envelopes(request_id)
        if self.piece:
            found.insert(0, self.piece)
            self.piece = b""
        if self.odd and not self.big and chance() < 0.3:
            value = json.dumps({"message": self.number() + "y" * 300}).encode()
            cut = self.random.randrange(value.index(b">") + 1, len(value))
            head = b'{"time":"2026-11-20T09:15:02.150Z","type":"function","record":'
            found.append(head + value[:cut] + b"}")
            self.piece = head + value[cut:] + b"}"
            if chance() < 0.3:
                found.append(self.piece)
            if chance() < 0.5:
                self.piece = b""
        if any(b"logsDropped" in one for one in found) and self.waits:
            self.handler_done()
        self.post(b"[" + b",".join(found) + b"]")
        if self.odd and chance() < 0.1 and not self.exited:
            self.post(self.number().encode() + b" is no JSON")
        if self.subscribed and chance() < 0.02 and not self.exited:
            self.feed(events.Shed(2, 500))
            self.happened["shed"] += 1

    def done(self, request_id: str, *more: str) -> None:
        """What the platform says at the end of a handler."""
        kinds = (*more, "runtimeDone")
        found = [platform(kind, request_id, note=self.number()) for kind in kinds]
        if self.held == request_id and self.waits:
            self.handler_done()
        self.post(json.dumps(found).encode())

    def handler_done(self) -> None:
        """MAX_HOLD counts from here."""
        self.waits = False
        self.hold_end = min(self.mono + self.settings.hold_seconds, self.hold_limit)

    def invoke(self, request_id: str, timeout: float, *, done: bool) -> None:
        self.held = request_id
        self.hold_limit = self.mono + max(timeout - MARGIN, 0.0)
        seconds = 0.0 if self.open else self.settings.hold_seconds
        first = not self.invoked and not self.open
        if self.subscribed and not self.open and (first or self.settings.ship_invokes == 1):
            self.waits = not done
            seconds = PATIENCE if self.waits else seconds
        self.hold_end = min(self.mono + seconds, self.hold_limit)
        self.invoked = True
        self.feed(events.Invoke(request_id, self.now().wall + timeout, "arn:aws:lambda:eu-west-1:1:function:f"))

    def invocation(self, request_id: str) -> None:
        """One invocation, whose end may overtake its INVOKE; then a freeze, or some time."""
        chance = self.random.random
        if chance() < 0.2:
            self.log("report")
        early = chance() < 0.1 and self.subscribed
        if early:
            self.done(request_id, "start")
        timeout, duration = self.random.choice([(0.1, 0.005), (3.0, 0.0), (3.0, 0.5), (30.0, 4.0), (900.0, 899.0)])
        self.invoke(request_id, timeout, done=early)
        if self.snapshot:
            check(self.process.restores == 1, "a restored environment has an id of its own")
        for _ in range(self.random.choice([0, 1, 3])):
            self.pass_time(duration / 3)
            self.log(request_id)
        if not early and chance() < 0.9:
            self.done(request_id)
        limit = self.mono + 40.0
        while self.held and self.mono < limit:
            self.pass_time(0.05)
        check(not self.held, "each INVOKE is released")
        if chance() < 0.05:
            self.wall += self.random.uniform(-3600.0, 3600.0)  # somebody sets the clock
            if self.in_flight:
                self.in_flight.disturbed = True
        if chance() < 0.5:
            self.freeze()
        else:
            self.pass_time(self.random.choice([0.0, 0.01, 1.0, 15.0, 400.0]))

    def managed_invocation(self, request_id: str) -> None:
        """Managed Instances: no INVOKE, no freeze."""
        start = platform("start", request_id, note=self.number())
        self.post(json.dumps([start]).encode())
        self.log(request_id)
        self.pass_time(self.random.choice([0.0, 0.1, 5.0, 400.0]))

    def shutdown(self, reason: str) -> None:
        """SHUTDOWN (or SIGTERM) at any moment, with late batches behind it."""
        budget = self.random.choice([-5.0, 0.0, 0.3, 1.4, 2.0, 900.0])
        started = self.mono
        self.leaving = True
        self.feed(events.Shutdown(reason, self.now().wall + budget))
        if reason == "sigterm" and not self.exited:
            self.feed(events.Shutdown("spindown", self.now().wall + budget))
        for _ in range(self.random.choice([0, 0, 1, 5])):
            self.pass_time(self.random.choice([0.0, 0.05, 0.14]))
            if not self.exited:
                self.log("last")
        self.pass_time(10.0)
        check(self.exited, "SHUTDOWN ends")
        allowed = max(min(budget, 2.0) - 0.1, 0.0)
        check(self.mono - started <= allowed + ROUNDING, "SHUTDOWN ends inside its budget")
