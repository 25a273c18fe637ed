"""The core of the simulated world under observation: every action is checked against what the world knows.

Time is a number that the world moves; all follows from a seed. What happens to it: simulation.py.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from extension import events, settings
from extension.core.outbox.delivery import FIRST_ATTEMPT_AFTER_RECOVERY
from extension.core.recovery import Rebuilt
from tests.fakes.network import inside
from tests.unit.extension.build import at, told
from tests.unit.extension.simulation.simulated_ending import Ending
from tests.unit.extension.simulation.simulated_process import Process, Tmp
from tests.unit.extension.simulation.simulated_store import NEVER, Attempt, Store, check, plain, tokens

if TYPE_CHECKING:
    from extension.core.outbox import Delivery

ROUNDING = 0.001  # s
PROBE = 30.0  # s: the least between two attempts while the circuit is open
MOST_WAITING = 32 * 1024 * 1024
EXCLUDED = {"": "", "half": r"^\[INFO\].*<\d*[02468]>", "all": r"<\d+>"}  # of the function's lines, by their numbers


class Killed(Exception):  # noqa: N818 - an event
    """SIGKILL of the process."""


class Observed:
    """One environment, and the process that lives in it at this moment."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        pick, chance = self.random.choice, self.random.random
        self.big = seed % 250 == 0
        self.managed = chance() < 0.1
        self.snapshot = not self.managed and chance() < 0.15
        self.odd = chance() < 0.4  # cut records and garbage: how many records a body holds is not known beforehand
        collides = chance() < 0.1
        self.kills = pick([0, 0, 1, 3])
        self.resets = pick([0, 0, 0, 2])
        self.damages = pick([0, 0, 1, 2])
        self.fragile = chance() < 0.2  # something in the journal ends each process that reads it again
        self.store = Store(self.random, collides=collides)
        self.flaky_tmp = chance() < 0.2 and self.store.is_conditional
        self.adaptive = seed % 3 == 0
        self.busy = seed % 6 == 3  # adaptive, where invocations have come in quick succession for long
        self.excluding = pick(["", "", "half", "half" if self.odd else "all"])
        self.is_fickle = bool(self.excluding) and chance() < 0.3  # a new process may have other filters
        self.settings = self._settings(seed)
        self.settings.memory_mb = 10240 if self.busy else 128  # so much that a hold costs more than an object
        if self.big:
            self.store.failure_rate = 0.5 if seed % 500 else 1.0
        self._numbers = count(1)
        self._draws = count(1)
        self.tmp = Tmp("0123456789ab", limit=pick([0, 0, 900, 6000]))
        self.mono = self.wall = self.clock = 0.0
        self._seen = (0.0, 0.0)
        self.invocations = pick([0, 1, 3]) if self.big else pick([0, 1, 2, 5, 30])
        self.requests = 0
        self.running: list[str] = []  # where several requests may run at once
        self.dropped = False  # records were, a start or an end perhaps among them
        self.whose: dict[int, str | None] = {}  # record -> its request, where several may run
        self.bodies: dict[str, tuple[object, object]] = {}  # key -> bytes and metadata, over all processes
        self.first: dict[str, bytes] = {}  # key -> bytes at the first attempt, over all processes
        self.sent: set[int] = set()
        self.volatile: set[int] = set()  # in memory alone
        self.waiting: set[int] = set()  # received by this process, neither known to be stored nor lost
        self.lost: set[int] = set()  # reported as lost
        self.perhaps: set[int] = set()  # of them, those that were said to be stored perhaps
        self.gone: set[int] = set()  # were in the memory of a killed process
        self.function_lines: set[int] = set()  # whole ones, to which filters apply
        self.removed: set[int] = set()  # of them, those that a filter keeps from being shipped
        self.again: list[bytes] = []  # whose 200 a kill has cut
        self.piece = b""  # the second half of a record that was cut
        self.over = False
        self.happened: Counter[str] = Counter()
        self._new_process()

    def _settings(self, seed: int) -> settings.Settings:
        pick = self.random.choice
        thresholds = {
            "SHIP_RATE_BYTES": pick([1, 500, 4096, 100_000]),
            "SHIP_RATE_INVOKES": pick([1, 1, 2, 10]),
            "SHIP_RATE_MILLISECONDS": pick([1, 50, 1000, 10_000]),
        }
        mode = {"MODE": "adaptive", "MAX_DELAY_MILLISECONDS": (1000, 20_000)[seed % 2]}
        if self.adaptive and seed % 4:
            thresholds = {"SHIP_RATE_INVOKES": thresholds["SHIP_RATE_INVOKES"]} if seed % 5 == 0 else {}
        return told(
            **thresholds,
            **(mode if self.adaptive else {}),
            MAX_HOLD_MILLISECONDS=pick([1, 100, 500]),
            COMPRESSION=pick(["none", "gzip"]),
            EXCLUDE=EXCLUDED[self.excluding],
            CONDITIONAL_WRITE=pick(["on", "on", "off"]) if self.store.collision_rate == 0 else "on",
        )

    def _new_process(self) -> None:
        self.process = Process(
            self.settings,
            self.tmp,
            lambda: str(next(self._draws)),
            self.random.random,
            self.may_die_in_a_replay,
            managed=self.managed,
            snapshot=self.snapshot,
        )
        self.core = self.process.core
        inside.seasoned(self.core, [0.1] * 400 * self.busy)
        self.happened["ThresholdLowered"] += len(self.process.said)
        self.core.conditional(wanted=self.settings.conditional)
        self.in_flight: Attempt | None = None
        self.held_of: dict[str, set[int]] = {}  # key -> records of the chunk that this process has under it
        self.answered = self.abandoned = 0  # numbers of attempts
        self.ending = Ending()
        self.held = ""
        self.hold_end = 0.0
        self.waits = False  # for the end of the handler
        self.deaf = False  # an invocation was held for telemetry that did not come
        self.silent_end = 0.0  # 0: not silent
        self.hold_limit = 0.0  # past it nobody is held for this invocation
        self.invoked = self.exited = self.open = self.leaving = False
        self.failures = 0  # in a row that nothing excuses
        self.trouble_at = 0.0  # on the core's clock: the last answer, or when the circuit opened
        self.wakes_in_a_row = 0
        self.held_back: list[events.LogsReceived] = []  # until what the last process left is read again
        self.slow = self.random.random() < 0.3  # so much so that other things happen first

    def read_again(self) -> None:
        """A new process reads what is in no chunk once more, with filters that may be others now."""
        if self.is_fickle:
            self.excluding = self.random.choice(["", "half", self.excluding])
            self.settings.filters = (EXCLUDED[self.excluding], "", "", "", "") if self.excluding else ()
        for first, last in self.tmp.left()[1]:
            for _, _, body in self.tmp.range(first, last):
                again = self.removed.intersection(tokens(body))
                self.removed -= again
                self.waiting |= again

    def filter(self, body: bytes) -> None:
        """The core has read this body."""
        if self.excluding:
            read = self.function_lines.intersection(tokens(body))
            removed = {one for one in read if self.excluding == "all" or one % 2 == 0}
            self.removed |= removed
            self.waiting -= removed
            self.happened["filtered"] += len(removed)

    def may_die_in_a_replay(self) -> None:
        if self.kills and self.random.random() < (0.7 if self.fragile else 0.05):
            raise Killed

    @property
    def behind(self) -> bool:
        """Something that the last process left is still to be read."""
        return not self.process.replay.is_over and not self.exited

    def slice(self) -> None:
        """Read one more body of the last process, and carry out what the core says of it."""
        self.ending.is_replaying = True
        item = self.process.replay.step()
        kills, self.kills = self.kills, 0  # not in the middle of this
        actions: list[events.Action] = []
        if isinstance(item, events.LogsReceived):
            self.clock, self._seen = self._clock(), (self.mono, self.wall)
            actions = self.core.handle(item, self.now())
            self.filter(item.body)
        elif item:
            self.happened[type(item).__name__] += 1
            actions = self.core.recover(item)
            if isinstance(item, Rebuilt):  # what is missing in it waits for the store's word
                self.remember()
                self.waiting |= self.held_of[item.chunk.key]
        self.remember()
        for action in actions:
            self.happened[type(action).__name__] += 1
            self.act(action)
        self.kills = kills
        self.conserve()

    def catch_up(self) -> None:
        """Read all that the last process left, and then what has come since."""
        while self.behind:
            self.slice()
        self.let_in()

    def let_in(self) -> None:
        """Take in what was held back, once nothing older is left."""
        while self.held_back and not self.behind and not self.exited:
            self.take_in(self.held_back.pop(0))

    def take_in(self, event: events.LogsReceived) -> None:
        """A batch reaches the core."""
        self.silent_end = 0.0
        if b"runtimeDone" in event.body:
            self.deaf = False
        if self.held and self.waits and self.adaptive:
            self.hold_end = self.hold_limit  # the end may be waited for until then
        self.feed(event)

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
            if self.behind and (not self.slow or self.random.random() < 0.2):
                self.slice()
                self.let_in()
                continue
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

    def answer(self) -> None:
        attempt, self.in_flight = self.in_flight, None
        assert attempt is not None
        self.answered = attempt.number
        event = self.store.answer(attempt)
        self.happened["stored" if isinstance(event, events.Uploaded) else event.kind] += 1
        if not attempt.collides:  # who dies with such an answer unread takes that object for its own
            self.may_die()  # between the PUT and its answer
        self.happened["stored after the patience"] += attempt.stalls and isinstance(event, events.Uploaded)
        self.trouble_at = self._clock()
        if isinstance(event, events.Uploaded) or (event.kind == "exists" and not attempt.collides):
            self.failures = 0
        elif event.kind not in ("exists", "unconditional", "abandoned", "configuration") and not attempt.disturbed:
            self.failures += 1
        self.feed(event)
        if isinstance(event, events.Uploaded) and self.abandoned != attempt.number:
            self.ending.latency = self.clock - attempt.began
        if self.failures >= 3 and not self.exited:
            check(self.core.circuit.is_open, "three failures in a row open the circuit")

    def _clock(self) -> float:
        """The larger of what both clocks say has passed, summed up."""
        mono, wall = self._seen
        return self.clock + max(self.mono - mono, self.wall - wall, 0.0)

    def feed(self, event: events.Event | None) -> None:
        check(not self.exited, "Exit comes last")
        self.clock, self._seen = self._clock(), (self.mono, self.wall)
        self.remember()
        actions = self.core.handle(event, self.now())
        if isinstance(event, events.LogsReceived):
            self.filter(event.body)
        for action in actions:
            check(not self.exited, "Exit comes last")
            self.happened[type(action).__name__] += 1
            if not isinstance(action, events.KeyChanged):  # the same: the journal is told at once
                self.may_die()
            self.act(action)
        self.conserve()
        if self.in_flight:
            self.ending.observe(self.in_flight, self.clock)
        if self.held and self.silent_end:
            check(self.mono <= self.silent_end + ROUNDING, "where no telemetry comes nobody is held for it for long")
        if self.held:
            check(not self.open, "nobody is held while the circuit is open")
            check(self.mono <= self.hold_end + ROUNDING, "nobody is held longer than the budget")

    def conserve(self) -> None:
        counters, waiting = self.core.counters, 0 if self.exited else self.core.waiting_records
        if not self.exited:
            filtered = counters.removed.filtered if counters.removed else 0
            total = counters.shipped + filtered + waiting + counters.lost
            check(counters.received == total, "received = shipped + filtered + waiting + lost")
            if not self.odd and not self.behind and not self.held_back:
                check(waiting == len(self.waiting), f"{len(self.waiting)} records wait, not {waiting}")
        if self.big:
            held = sum(one.chunk.size for one in self.core.waiting) + self.core.open_chunk.raw_bytes
            check(held <= MOST_WAITING + 2 * self.core.open_chunk.limit, "what waits is bounded in bytes")

    def act(self, action: events.Action) -> None:
        if isinstance(action, events.Upload):
            self.upload(action)
        elif isinstance(action, events.Abandon):
            self.abandon(action.attempt)
        elif isinstance(action, events.Release):
            self.release(action)
        elif isinstance(action, events.Forget | events.Discard):
            self.forget(action)
        elif isinstance(action, events.KeyChanged):
            assert isinstance(action.chunk.body, bytes)
            self.first.setdefault(action.chunk.key, action.chunk.body)
            self.process.seal(action.chunk)
        elif isinstance(action, events.Quarantine | events.PassOver):
            self.leave_out(action)
        elif isinstance(action, events.Say):
            self.say(action)
        elif isinstance(action, events.Exit):
            self.exit(action)

    def release(self, action: events.Release) -> None:
        check(self.held == action.request_id, "a Release for each INVOKE, exactly one")
        check(self.mono <= self.hold_end + ROUNDING, "nobody is held longer than the budget")
        self.held = ""
        if self.waits and self.silent_end and self.mono >= self.silent_end - ROUNDING:
            self.deaf = True
            self.happened["held in silence"] += 1
        self.silent_end = 0.0
        if self.in_flight:
            self.in_flight.disturbed = True

    def abandon(self, attempt: int) -> None:
        """Its connection is closed; its answer may just have come."""
        check(attempt == (self.in_flight.number if self.in_flight else self.answered), "what is in flight is abandoned")
        self.abandoned = attempt
        if not self.in_flight:
            return
        self.happened["abandoned for want of time"] += self.ending.abandon(self.in_flight, self.clock)
        self.in_flight.abandoned = self.in_flight.disturbed = True
        self.in_flight.answer_at = self.mono + self.random.uniform(0.0, 0.05)

    def upload(self, action: events.Upload) -> None:
        chunk = action.chunk
        delivery = next(one for one in self.core.waiting if one.chunk is chunk)
        older = self.core.waiting[: self.core.waiting.index(delivery)]
        check(all(one.attempts for one in older), "the oldest of the chunks that were not tried yet goes first")
        self.happened["upload of what was set aside"] += delivery.is_set_aside
        check(self.in_flight is None, "one upload in flight")
        check(chunk.records > 0, "no upload without records")
        self.happened[f"{chunk.metadata['reason']} upload"] += 1
        self.happened["careful upload"] += delivery.must_not_overwrite
        self.happened["shared upload"] += delivery.maybe_stored and delivery.attempts == 1
        self.happened["upload with a record given up"] += bool(chunk.seal.partial_at)
        again = chunk.key in self.bodies and delivery.attempts == FIRST_ATTEMPT_AFTER_RECOVERY
        self.happened["upload again by another process"] += again
        untried = delivery.attempts == 1  # refusals of other objects say nothing about it
        if self.open and not self.leaving and not untried:
            check(self.clock - self.trouble_at >= PROBE - ROUNDING, "an open circuit is probed after 30 s, not sooner")
        assert isinstance(chunk.body, bytes)
        self.first.setdefault(chunk.key, chunk.body)
        if not (delivery.must_not_overwrite and self.flaky_tmp):  # records that were in memory alone are missing
            same = self.bodies.setdefault(chunk.key, (chunk.body, chunk.metadata))
            check(same == (chunk.body, chunk.metadata), "a chunk has the same key and the same bytes for ever")
        if action.must_seal:
            self.process.seal(chunk)
        self.may_die()  # between the seal and the PUT
        self.in_flight = self.store.begin(action, delivery, self.mono)
        self.in_flight.began = self.clock
        if self.in_flight.stalls:
            for_ever = self.in_flight.answer_at == NEVER
            self.happened["stalled for ever" if for_ever else "stalled beyond the patience"] += 1
            self.ending.stalls += self.leaving

    def remember(self) -> None:
        """What is in the closed chunks: when one is stored or lost, its key is all that is said of it."""
        for delivery in self.core.waiting:
            if delivery.chunk.key not in self.held_of:
                self.held_of[delivery.chunk.key] = self.held_by(delivery)

    def held_by(self, delivery: Delivery) -> set[int]:
        """The records of a chunk, those among them that an earlier process knew and this one could not read again."""
        chunk = delivery.chunk
        assert isinstance(chunk.body, bytes)
        held = set(tokens(plain(chunk.body)))
        return held | self.closed_first(chunk.key) if delivery.unrecovered else held

    def closed_first(self, key: str) -> set[int]:
        """The records of the chunk that had this key first, whatever process closed it."""
        return set(tokens(plain(self.first.get(key, b""))))

    def forget(self, action: events.Forget | events.Discard) -> None:
        key = action.seal.key
        held = self.held_of.get(key, set()) or self.closed_first(key)
        if isinstance(action, events.Forget):
            check(key in self.store.objects, "what is forgotten is stored")
            self.lost |= held - set(tokens(plain(self.store.objects[key])))  # what could not be read again
        else:
            self.lost |= held
        self.process.forget(action.seal, held | self.removed)
        self.waiting -= held

    def quarantine(self, action: events.Quarantine) -> None:
        """Entries that ended the process twice: their records are lost, those of their chunk in memory alone too."""
        seal = self.tmp.seals.get(action.first)
        held = self.closed_first(seal.key) if seal and seal.entries == (action.first, action.last) else set()
        held |= {token for _, _, body in self.tmp.range(action.first, action.last) for token in tokens(body)}
        self.lost |= held
        self.waiting -= held
        self.tmp.forget(action.first, action.last)

    def leave_out(self, action: events.Quarantine | events.PassOver) -> None:
        """Entries that will be in no chunk: poison, or what filters have left nothing of."""
        if isinstance(action, events.Quarantine):
            self.quarantine(action)
            return
        for _, _, body in self.tmp.range(action.first, action.last):
            check(self.odd or self.removed.issuperset(tokens(body)), "what is passed over was filtered")
        self.tmp.forget(action.first, action.last)
        self.tmp.state = action.state

    def say(self, action: events.Say) -> None:
        if "circuit opened" in action.message:
            check(not self.open, "that the circuit opened is said once")
            self.open, self.trouble_at = True, self.clock
            self.happened["circuit opened"] += 1
        self.open = self.open and "circuit closed" not in action.message
        self.note_perhaps(action.fields)

    def note_perhaps(self, fields: dict[str, object]) -> None:
        perhaps = fields.get("perhapsStored", {})
        assert isinstance(perhaps, dict)
        for key in perhaps:
            self.perhaps |= self.held_of.get(key, set()) | self.closed_first(key)

    def exit(self, action: events.Exit) -> None:
        for event in self.held_back:
            action.leaves(event.placeholder())
        in_the_middle = not self.process.replay.is_over
        self.ending.is_replaying = self.ending.is_replaying or in_the_middle
        self.happened["left in a replay"] += in_the_middle
        if in_the_middle and not self.core.counters.reason:  # what the seals name counts: memory alone had some of it
            for seal in self.tmp.left()[0]:
                self.waiting |= set() if seal.key in self.held_of else self.closed_first(seal.key)
        self.exited = True
        counts = action.counts
        total = sum(int(str(counts.get(name, 0))) for name in ("shipped", "filtered", "waiting", "lost"))
        check(counts["received"] == total, "the last line adds up")
        given_up = set(self.waiting)
        if self.core.counters.reason:
            kept = [self.held_by(one) for one in self.core.waiting if one.seal_written and one.chunk.seal.entries]
            given_up = (self.waiting & self.volatile).difference(*kept)
        self.remember()
        self.note_perhaps(counts)
        if not self.odd:
            check(action.lost_records == len(given_up), f"{len(given_up)} are lost, not {action.lost_records}")
        check(action.lost_records > 0 or not given_up, "what is lost is said")
        self.lost |= given_up
        self.left_behind()

    def left_behind(self) -> None:
        """Where the store is well, nothing but what it refuses."""
        if self.big or not self.ending.should_leave_nothing(self.store):
            return
        refused = [self.held_by(one) for one in self.core.waiting if self.store.refuses(one.chunk.key)]
        left = self.waiting.difference(*refused)
        check(not left, "one stalled attempt, or what is refused, keeps nothing else from being stored")
        self.happened["left to a store that is well"] += 1
        self.happened["left with one attempt stalled"] += self.ending.stalls
        self.happened["left with refused objects alone"] += bool(refused)
        self.happened["left after an odd deadline"] += self.ending.is_deadline_odd
