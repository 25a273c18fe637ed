"""Random lives of one execution environment, and the invariants that each must keep (docs/reliability.md).

A small world around the core: a platform that invokes, logs or delivers nothing, cuts records, sends twice, freezes,
thaws, resets and shuts down, with deadlines that may be odd; a kill of the process at any moment, between two actions
too; clocks that stand still or jump. The rest of the world: simulated_core.py, simulated_process.py (with /tmp),
simulated_store.py, simulated_events.py, simulated_ending.py. Time is a number that the world moves; all follows from a
seed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extension import events
from extension.core.adaptive import HOLD
from tests.fakes.network.inside import next_decision
from tests.unit.extension.build import function_line, platform
from tests.unit.extension.simulation.simulated_core import Killed, Observed
from tests.unit.extension.simulation.simulated_ending import SECONDS
from tests.unit.extension.simulation.simulated_events import Told
from tests.unit.extension.simulation.simulated_store import NEVER, Violation, check, tokens

if TYPE_CHECKING:
    from tests.unit.extension.simulation.simulated_store import Attempt

__all__ = ["Violation", "World"]

ROUNDING = 0.001  # s
TICKS = 2**22  # of a second: the journal's resolution of arrivals
SILENCE = 1.0  # s without any telemetry that the end of a handler is waited for
LONGEST = 900.0  # s that an invocation may take
MARGIN, PATIENCE = 0.25, 10.0  # s before the deadline; that the end of the first handler is waited for
BIG = 5 * 1024 * 1024  # bytes of a record in the few worlds in which waiting bytes reach their bound


class World(Observed):
    """One environment's life, from its first event to its last exit."""

    def run(self) -> None:
        """Live once, however many processes that takes."""
        self.recover()
        while not self.over:
            try:
                self.live()
            except Killed:
                self.die()
                self.restart()
        self.settle()

    def die(self) -> None:
        """The process was killed."""
        self.happened["killed"] += 1
        self.kills -= 1
        self.gone |= self.waiting & self.volatile
        if self.in_flight:
            self.store.vanish(self.in_flight)

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
        """A new process in the same environment; it may be killed while it reads again what the last one left."""
        while True:
            self.waiting -= self.gone | (self.waiting & self.volatile)
            self.read_again()
            self._new_process()
            if self.random.random() < 0.3:
                self.store.mend()
            seals, _ = self.tmp.left()
            if seals and self.damages and self.random.random() < 0.3:
                self.damages -= 1
                self.tmp.damage(self.random.choice(seals))
            try:
                self.recover()
            except Killed:
                self.happened["killed in a replay"] += 1
                self.die()
                continue
            break
        self._seen = (self.mono, self.wall)
        self.conserve()

    def recover(self) -> None:
        """Read again what the last process left: all of it at first, or some now and the rest beside what happens."""
        most = self.random.choice([0, 1, 3, 10_000])
        while self.behind and most:
            self.slice()
            most -= 1
        self.happened["behind"] += self.behind

    def settle(self) -> None:
        """What became of every record."""
        check(self.exited, "Exit came")
        stored = self.store.stored()
        check(max(stored.values(), default=1) == 1, "no record is stored twice")
        check(max(self.store.sequences().values(), default=1) == 1, "no sequence number is used twice")
        missing = self.sent - set(stored)
        untold = missing - self.lost - self.gone - self.removed
        check(not untold, f"what is not stored was reported: {sorted(untold)[:5]}")
        if not self.odd and not self.is_fickle:
            shipped = self.removed.intersection(stored)
            check(not shipped, f"what a filter removes is not stored: {sorted(shipped)[:5]}")
        whole = not self.flaky_tmp and not self.happened["Poison"] + self.happened["Unreadable"]
        if self.managed and whole:  # every start and every end was read, by some process
            got = self.store.requests()
            wrong = {one: (got[one], whose) for one, whose in self.whose.items() if one in got and got[one] != whose}
            check(not wrong, f"a record has the request that it names, or the only one that runs: {wrong}")
            self.happened["request known"] += sum(map(bool, self.whose.values()))
            self.happened["request not known"] += list(self.whose.values()).count(None)
        both = self.lost & set(stored)
        check(both <= self.perhaps, f"what is stored was not reported as lost for certain: {sorted(both)[:5]}")

    def freeze(self) -> None:
        """Nothing of ours runs; the monotonic clock may stand still, and who wakes up first is not known."""
        frozen = self.random.choice([0.1, 2.0, 600.0, 7200.0])
        self.wall += frozen
        if self.random.random() < 0.5:
            self.mono += frozen
        if self.in_flight:
            self.in_flight.disturbed = self.in_flight.frozen = True
            self.in_flight.answer_at = max(self.in_flight.answer_at, self.mono)
        if self.random.random() < 0.3:
            self.feed(None)
        if self.random.random() < 0.3:
            self.log("thaw")

    def post(self, body: bytes) -> None:
        """One POST, as the keeper takes it."""
        if self.exited:
            return
        if self.flaky_tmp and self.random.random() < 0.2:
            self.tmp.works = not self.tmp.works
        if self.process.duplicates.seen(body):
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
        self.held_back.append(events.LogsReceived(body, serial, wall))
        self.let_in()
        if self.random.random() < 0.05:
            self.post(body)  # a freeze has cut our 200

    def number(self) -> str:
        return f"<{next(self._numbers)}>"

    def envelopes(self, request_id: str) -> list[bytes]:
        pick = self.random.choice
        if self.big:
            number = self.number()
            self.function_lines.update(tokens(number.encode()))
            return [json.dumps(function_line(f"[INFO]{number}" + "x" * BIG)).encode()]
        size = pick([1, 100, 5000])
        numbers = [self.number() for _ in range(pick([1, 3, 20]))]
        lines = [f"[INFO]\tt\t{request_id}\t{number}" + "x" * size for number in numbers]
        named = request_id if request_id.startswith("request-") else self.only()
        self.whose.update((token, named) for number in numbers for token in tokens(number.encode()))
        self.function_lines.update(token for number in numbers for token in tokens(number.encode()))
        found = [json.dumps(function_line(line)).encode() for line in lines]
        if self.random.random() < 0.1:
            dropped = platform("logsDropped", "", droppedRecords=3, reason=self.number())
            found.append(json.dumps(dropped).encode())
            self.dropped = True
        return found

    def only(self) -> str | None:
        """The one request that runs where several may; none where there are more."""
        return self.running[0] if len(self.running) == 1 and not self.dropped else None

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
            self.catch_up()
        if any(b"logsDropped" in one for one in found) and self.waits:
            self.handler_done()
        self.post(b"[" + b",".join(found) + b"]")
        if self.odd and chance() < 0.1 and not self.exited:
            self.post(self.number().encode() + b" is no JSON")
        if chance() < 0.02 and not self.exited:
            self.feed(events.BatchDropped(2, 500))
            self.happened["shed"] += 1

    def done(self, request_id: str, *more: str) -> None:
        """What the platform says at the end of a handler."""
        kinds = (*more, "runtimeDone")
        found = [platform(kind, request_id, note=self.number()) for kind in kinds]
        if self.held == request_id and self.waits:
            self.catch_up()
        if self.held == request_id and self.waits:
            self.handler_done()
        self.post(json.dumps(found).encode())

    def handler_done(self) -> None:
        """MAX_HOLD counts from here."""
        self.waits = False
        self.hold_end = min(self.mono + self.settings.hold_seconds, self.hold_limit)

    def invoke(self, request_id: str, timeout: float, *, done: bool) -> None:
        if done:
            self.catch_up()  # the core knows it
        self.held = request_id
        deadline = Told(self.random, self.now().wall, timeout, odd_rate=0.1)
        self.happened[f"INVOKE, deadline {deadline.name}"] += 1
        left = 0.0 if deadline.seconds is None else deadline.seconds
        self.hold_limit = self.mono + max(min(left, LONGEST) - MARGIN, 0.0)
        seconds = 0.0 if self.open else self.settings.hold_seconds
        first = not self.invoked and not self.open
        self.silent_end = 0.0
        by_rounding = [next_decision(self.core, self._clock() + error) for error in (0.0, ROUNDING)]
        is_waited_for = first or self.settings.ship_invokes == 1 or HOLD in by_rounding
        if not self.open and not self.deaf and is_waited_for:
            self.waits = not done
            seconds = PATIENCE if self.waits else seconds
            if self.waits:  # as long as no batch comes it ends sooner
                self.silent_end = self.mono + min(max(self.settings.hold_seconds, 0.25), SILENCE)
        self.hold_end = min(self.mono + seconds, self.hold_limit)
        self.invoked = True
        self.feed(deadline.invoke(request_id, "arn:aws:lambda:eu-west-1:1:function:f"))

    def invocation(self, request_id: str) -> None:
        """One invocation, whose end may overtake its INVOKE; then a freeze, or some time."""
        chance = self.random.random
        if chance() < 0.2:
            self.log("report")
        early = chance() < 0.1
        silent = chance() < 0.15  # Lambda delivers nothing for this one
        if early:
            self.done(request_id, "start")
        timeout, duration = self.random.choice([(0.1, 0.005), (3.0, 0.0), (3.0, 0.5), (30.0, 4.0), (900.0, 899.0)])
        self.invoke(request_id, timeout, done=early)
        if self.snapshot:
            check(self.process.restores == 1, "a restored environment has an id of its own")
        self.handle(request_id, duration, silent=silent)
        if not early and not silent and chance() < 0.9:
            self.done(request_id)
        limit = self.mono + 40.0
        while self.held and self.mono < limit:
            self.pass_time(0.05)
        if self.adaptive and self.held:  # the end of the handler has not come
            self.pass_time(max(self.hold_limit - self.mono, 0.0) + 1.0)
        check(not self.held, "each INVOKE is released")
        if chance() < 0.05:
            self.wall += self.random.uniform(-3600.0, 3600.0)  # somebody sets the clock
            if self.in_flight:
                self.in_flight.disturbed = self.in_flight.frozen = True
        if chance() < 0.5:
            self.freeze()
        else:
            self.pass_time(self.random.choice([0.0, 0.01, 1.0, 15.0, 400.0]))

    def handle(self, request_id: str, duration: float, *, silent: bool) -> None:
        """The handler runs, and logs unless Lambda delivers nothing of it."""
        for _ in range(self.random.choice([0, 1, 3])):
            self.pass_time(duration / 3)
            if not silent:
                self.log(request_id)

    def managed_invocation(self, request_id: str) -> None:
        """Managed Instances: no INVOKE, no freeze, several requests at once, whose lines interleave."""
        pick, chance = self.random.choice, self.random.random
        start = platform("start", request_id, note=self.number())
        self.running.append(request_id)
        self.post(json.dumps([start]).encode())
        for _ in range(pick([1, 1, 3])):
            self.log(pick([*self.running, f"request-{self.requests}", "none"]))
            self.pass_time(pick([0.0, 0.1, 5.0]))
        while self.running and chance() < 0.6:
            ended = self.running.pop(self.random.randrange(len(self.running)))
            self.post(json.dumps([platform("report", ended, note=self.number())]).encode())
            self.log(pick([ended, "none"]))
        self.pass_time(pick([0.0, 0.1, 5.0, 400.0]))

    def shutdown(self, reason: str) -> None:
        """SHUTDOWN (or SIGTERM) at any moment, with late batches behind it."""
        chance = self.random.random
        seconds = self.random.choice([0.15, 0.3, 1.4, 2.0, 9.0])
        deadline = Told(self.random, self.now().wall, seconds, odd_rate=0.4)
        self.happened[f"SHUTDOWN, deadline {deadline.name}"] += 1
        self.leaving = True
        self.ending.begin(self._clock(), seconds, is_odd=deadline.name != "as usual")
        if chance() < 0.6:
            self.store.serve(self.random.choice([None, 0, 1, 2]))
            if self.in_flight and not self.in_flight.abandoned:
                self.one_is_on_its_way(self.in_flight)
        started = self.mono
        if reason == "sigterm":
            self.feed(events.Shutdown(reason, self.now().wall + SECONDS))
            reason = "spindown"
        if not self.exited:
            self.feed(deadline.shutdown(reason))
        for _ in range(self.random.choice([0, 0, 1, 5])):
            self.pass_time(self.random.choice([0.0, 0.05, 0.14]))
            if not self.exited:
                self.log("last")
        self.pass_time(10.0)
        check(self.exited, "SHUTDOWN ends")
        check(self.mono - started <= self.ending.allowed + ROUNDING, "SHUTDOWN ends inside its budget")

    def one_is_on_its_way(self, attempt: Attempt) -> None:
        """What is in flight when SHUTDOWN comes is answered at once, or is the one attempt that stalls."""
        if self.random.random() < 0.5:
            attempt.answer_at = self.mono + 0.01
        else:
            attempt.stalls, attempt.answer_at = True, NEVER
            self.ending.stalls, self.store.stalls_in = 1, None
