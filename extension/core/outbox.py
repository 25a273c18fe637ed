"""Closed chunks on their way to the store: one attempt in flight, the rest waits behind it, oldest first.

Pure. A chunk leaves only when it is stored, or shed as the oldest of too much, whole and counted.

What the store says of one object says nothing about the others. A chunk that is refused for good lets its neighbours
go first; after three refusals it is set aside, and tried again from time to time and at SHUTDOWN. Only where no
neighbour is left to try does a refusal count as a failure of the store.

An attempt that was in flight when an invocation was released may end without an answer: nothing follows from that, and
the next one waits for the next event.
"""

from __future__ import annotations

from extension import events
from extension.core.circuit import UNREACHABLE
from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.core.circuit import Circuit
    from extension.core.counters import Counters
    from extension.core.drain import Drain
    from extension.records.chunk import Chunk

NO_BOUND = 1 << 62
WAITING_BYTES = 32 * 1024 * 1024  # of closed chunks; what is over is shed
OUTCOME_UNKNOWN = (StoreError.TRANSPORT, StoreError.ABANDONED, StoreError.SERVER)  # after these it may be stored
NAMED = 100  # keys that one line tells
FIRST_ATTEMPT_AFTER_RECOVERY = 2  # the first attempt of this process at a chunk that an earlier one left
WHAT = {  # what a failure of a kind says about the store, for people; any other: no answer came
    StoreError.CONFIGURATION: "store refuses what is sent",
    StoreError.EXISTS: "store refuses what is sent",
    StoreError.UNCONDITIONAL: "store refuses what is sent",
    StoreError.CREDENTIALS: "credentials missing or expired",
    StoreError.THROTTLED: "store throttles",
    StoreError.SERVER: "store reports errors of its own",
}
DEFINITE = (StoreError.CONFIGURATION,)  # an answer about this object, which a retry alone does not change
REFUSALS = 3  # of one object, after which it is set aside
SLOWEST_BYTES_PER_SECOND = 4 * 1024 * 1024  # of a body that is being sent and does not stall
SUSPECTS = 3  # objects refused since the last success: from then on it is the store, not the objects
ASIDE_FIRST, ASIDE_MOST = 30.0, 300.0  # s until an object that was set aside is tried again, doubled each time
REFUSED_NAMED = 10  # keys with the store's words that the last line tells


class Delivery:
    """One closed chunk, and what the outbox knows of it."""

    __slots__ = (
        "attempts",
        "chunk",
        "maybe_stored",
        "must_not_overwrite",
        "refusals",
        "retry_at",
        "seal_written",
        "tried",
        "unrecovered",
        "waited",
        "was_hurried",
        "why",
    )

    def __init__(self, chunk: Chunk, *, maybe_stored: bool) -> None:
        self.chunk = chunk
        self.attempts = 0  # an earlier process's count as one
        self.tried = 0  # number of this process's last attempt at it
        self.seal_written = False  # the journal holds its seal
        self.maybe_stored = maybe_stored  # under this key, by an attempt without an answer or by another process
        self.must_not_overwrite = False  # recovered with records missing: the store may have it whole
        self.unrecovered = 0  # records that it had when it was closed first, and that could not be read again
        self.refusals = 0  # definite answers of the store that it does not take this object
        self.retry_at = 0.0  # once it is set aside
        self.waited: list[tuple[float, int]] = []  # who waits for it, as Freshness counts
        self.was_hurried = False  # an attempt was abandoned for want of time at SHUTDOWN
        self.why = ""  # the store's words at the last refusal

    @classmethod
    def recovered(cls, chunk: Chunk, unrecovered: int) -> Delivery:
        """Return the delivery of a chunk that an earlier process of this environment closed and perhaps stored."""
        delivery = cls(chunk, maybe_stored=True)
        delivery.attempts = 1
        delivery.seal_written = True
        delivery.unrecovered = unrecovered
        delivery.must_not_overwrite = unrecovered > 0
        return delivery

    @property
    def is_set_aside(self) -> bool:
        """Whether it was refused so often that it waits for its neighbours and for a later time."""
        return self.refusals >= REFUSALS

    def refuse(self, why: str, now: float) -> None:
        """Note a definite refusal."""
        self.refusals += 1
        self.why = why
        pause = ASIDE_FIRST * (1 << min(max(self.refusals - REFUSALS, 0), 4))
        self.retry_at = now + min(pause, ASIDE_MOST)

    @property
    def records(self) -> int:
        """Its records, those included of which only the store knows whether an earlier process stored them."""
        return self.chunk.records + self.unrecovered


class Attempt:
    """One PUT in flight."""

    __slots__ = ("delivery", "frozen", "number", "released", "started")

    def __init__(self, number: int, delivery: Delivery, started: float) -> None:
        self.number = number
        self.delivery = delivery
        self.started = started
        self.released = False  # an invocation was released meanwhile
        self.frozen = False  # the environment was frozen meanwhile, or time ran out; its connection has been closed


class Outbox:
    """See the module. `rekey` gives a chunk another key where another object has the one it had."""

    def __init__(self, circuit: Circuit, counters: Counters, rekey: Callable[[Chunk], Chunk]) -> None:
        self.circuit = circuit
        self._counters = counters
        self._rekey = rekey
        self.in_memory = NO_BOUND  # bytes of chunks that are not in files
        self._waiting: list[Delivery] = []
        self._current: Attempt | None = None  # in flight
        self._refused_last = False  # the last failure was a definite refusal: the store answers
        self._suspects: set[str] = set()  # keys that were refused since the last success
        self._attempts = 0
        self._latency = 0.0  # s from the start of the last attempt that succeeded to its answer
        self.conditional = True  # ask the store not to overwrite (If-None-Match: *)
        self._waits_for_event = False
        self._collisions = 0  # in a row

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._waiting)

    @property
    def attempt(self) -> int | None:
        """The number of the attempt in flight."""
        return self._current.number if self._current else None

    @property
    def records(self) -> int:
        """Records that wait, or of which it is not known yet whether an earlier process stored them."""
        return sum(delivery.records for delivery in self._waiting)

    @property
    def pending(self) -> int:
        """Closed chunks that others wait for: while there are some, what arrives joins the open chunk."""
        one_by_one = len(self._suspects) < SUSPECTS
        return sum(not (one.refusals if one_by_one else one.is_set_aside) for one in self._waiting)

    def add(self, delivery: Delivery, most: int) -> list[events.Action]:
        """Append a closed chunk; shed the oldest that is not in flight while too many bytes wait.

        That is more than `most`, or in memory more than there is room for; the newest always stays.
        """
        self._waiting.append(delivery)
        actions: list[events.Action] = []
        while shed := self._too_much(most):
            self._waiting.remove(shed)
            chunk = shed.chunk
            self._counters.lose(shed.records, chunk.raw_bytes)
            fields: dict[str, object] = {"records": shed.records, "bytes": chunk.raw_bytes, "key": chunk.key}
            if shed.maybe_stored:
                fields["perhapsStored"] = {chunk.key: shed.records}
            actions.append(
                events.Say("error", "buffer limit reached: the oldest chunk is dropped, its records are lost", fields)
            )
            actions.append(events.Discard(chunk.seal))
        return actions

    def _too_much(self, most: int) -> Delivery | None:
        """Return which chunk has to go, if one has to."""
        may_go = [one for one in self._waiting[:-1] if not self._is_in_flight(one)]
        if sum(one.chunk.size for one in self._waiting) <= most:
            if sum(one.chunk.size for one in self._waiting if isinstance(one.chunk.body, bytes)) <= self.in_memory:
                return None
            may_go = [one for one in may_go if isinstance(one.chunk.body, bytes)]
        return next(iter(may_go), None)

    def _is_in_flight(self, delivery: Delivery) -> bool:
        return self._current is not None and self._current.delivery is delivery

    def left_behind(self, *, kept: bool) -> tuple[int, int, dict[str, int]]:
        """Return what ends with this process: records, bytes, and under which keys how many may be stored after all.

        `kept`: the journal outlives it, and the next process ships, or misses, what is in there.
        """
        records = size = 0
        perhaps: dict[str, int] = {}
        for delivery in self._waiting:
            chunk = delivery.chunk
            lost, lost_bytes = delivery.records, chunk.raw_bytes
            if kept and delivery.seal_written and chunk.seal.entries:
                lost, lost_bytes = 0, 0
            elif kept:
                lost, lost_bytes = chunk.unjournalled_records, chunk.unjournalled_bytes
            records += lost
            size += lost_bytes
            if lost and (delivery.maybe_stored or self._is_in_flight(delivery)):
                name = chunk.key if len(perhaps) < NAMED else "others"
                perhaps[name] = perhaps.get(name, 0) + lost
        return records, size, perhaps

    def refused(self) -> dict[str, str]:
        """Return keys of chunks that the store has refused for good, each with its words at the last refusal."""
        return {one.chunk.key: one.why for one in self._waiting if one.refusals}

    def ready(self, now: float) -> bool:
        """Return whether a waiting chunk should go now."""
        at = self.ready_at()
        return at is not None and now >= at

    def ready_at(self) -> float | None:
        """Return when a waiting chunk wants to go; None if only an event can change anything."""
        if self._current or self._waits_for_event or not self._waiting:
            return None
        return min(self._goes_at(delivery) for delivery in self._waiting)

    def _goes_at(self, delivery: Delivery) -> float:
        """Return when this chunk may go, by what is known of the store and of itself."""
        if self._refused_last and not delivery.attempts and len(self._suspects) < SUSPECTS:
            return 0.0  # all that is known of the store is what it said of other objects
        if delivery.is_set_aside and not self.circuit.leaving:
            return max(self.circuit.retry_at, delivery.retry_at)
        return self.circuit.retry_at

    def abandon_at(self, drain: Drain) -> float | None:
        """Return when the attempt in flight is to be abandoned during SHUTDOWN; None if there is none, or it was.

        A store that is known to be slow gets twice the time that its last answer took, and a large object the time that
        it takes to send. Of each object this is done once: the attempt that follows has all the time that is left.
        """
        current = self._current
        if not current or current.frozen or current.delivery.was_hurried:
            return None
        usual = max(drain.abandon_at(current.started), current.started + 2 * self._latency)
        return usual + current.delivery.chunk.size / SLOWEST_BYTES_PER_SECOND

    def abandon_late(self, now: float, drain: Drain) -> list[events.Action]:
        """Abandon the attempt in flight if it has taken too long for a SHUTDOWN."""
        at = self.abandon_at(drain)
        if not self._current or at is None or now < at:
            return []
        self._current.delivery.was_hurried = True
        return self.abandon()

    def start(self, now: float) -> events.Upload:
        """Begin an attempt at the oldest of the chunks that may go, or, where all were refused, at the next in turn."""
        self._attempts += 1
        may_go = [one for one in self._waiting if self._goes_at(one) <= now]
        delivery = min(may_go, key=lambda one: one.tried if one.refusals else 0)
        self._current = Attempt(self._attempts, delivery, now)
        delivery.attempts += 1
        delivery.tried = self._attempts
        self._counters.put(again=delivery.attempts > 1)
        conditional = self.conditional or delivery.must_not_overwrite
        must_seal = not delivery.seal_written
        return events.Upload(self._attempts, delivery.chunk, conditional=conditional, must_seal=must_seal)

    def seal_written(self, key: str) -> None:
        """Note that the journal holds the seal of the chunk with this key."""
        for delivery in self._waiting:
            if delivery.chunk.key == key:
                delivery.seal_written = True

    def abandon(self) -> list[events.Action]:
        """Abandon the attempt in flight, after a freeze or for want of time; its outcome is unknown, it is repeated."""
        if not self._current or self._current.frozen:
            return []
        self._current.frozen = True
        return [events.Abandon(self._current.number)]

    def released(self) -> None:
        """Note that an invocation is released: from here on the environment may be frozen."""
        if self._current:
            self._current.released = True

    def next_event(self) -> None:
        """Note that an INVOKE or SHUTDOWN came: the environment runs."""
        self._waits_for_event = False

    def answered(self, event: events.Uploaded | events.UploadFailed, now: float, *, held: bool) -> list[events.Action]:
        """Take the outcome of the attempt in flight. `held`: the environment is kept from being frozen."""
        current = self._current
        if not current or event.attempt != current.number:
            return []
        self._current = None
        delivery, released, frozen = current.delivery, current.released, current.frozen
        if isinstance(event, events.Uploaded):
            if not frozen:
                self._latency = now - current.started
            return self._stored(delivery, delivery.chunk.records, now)
        if event.kind == StoreError.EXISTS:
            return self._exists(delivery, now)
        if event.kind == StoreError.UNCONDITIONAL and (self.conditional or delivery.must_not_overwrite):
            return self._unconditional(delivery, event.detail, now)
        delivery.maybe_stored = delivery.maybe_stored or (event.sent and event.kind in OUTCOME_UNKNOWN)
        self._waits_for_event = released and event.kind == StoreError.TRANSPORT and not (held or frozen)
        actions: list[events.Action] = []
        if frozen or event.kind == StoreError.ABANDONED:
            self.circuit.interrupted(now)
        elif released and event.kind == StoreError.TRANSPORT:
            self.circuit.unanswered(event.detail, now)
        elif event.kind in DEFINITE:
            actions = self._refused(delivery, event.detail, now)
        else:
            self._refused_last = False
            actions = self._failed(event.detail, now, event.kind)
        return actions

    def _refused(self, delivery: Delivery, why: str, now: float) -> list[events.Action]:
        """Let the neighbours go first; where none is left to try, it is the store that refuses."""
        delivery.refuse(why, now)
        self._refused_last = True
        self._suspects.add(delivery.chunk.key)
        actions: list[events.Action] = []
        if delivery.refusals == REFUSALS:
            fields: dict[str, object] = {"key": delivery.chunk.key, "records": delivery.records, "why": why}
            text = "object refused: set aside and retried later, others continue"
            actions.append(events.Say("warning", text, fields))
        if any(one.refusals < delivery.refusals for one in self._waiting if one is not delivery):
            self.circuit.interrupted(now)  # at once, or with the next probe
            return actions
        return [*actions, *self._failed(why, now, StoreError.CONFIGURATION)]

    def _failed(self, why: str, now: float, kind: str) -> list[events.Action]:
        if self.circuit.failed(why, now, WHAT.get(kind, UNREACHABLE)):
            return [self.says_open()]
        if self.circuit.failures == 1 and not self.circuit.is_open:
            return [events.Say("warning", "upload failed: the object is kept and retried", {"why": why})]
        return []

    def _unconditional(self, delivery: Delivery, why: str, now: float) -> list[events.Action]:
        self.circuit.interrupted(now)
        actions: list[events.Action] = []
        if delivery.must_not_overwrite:  # it could overwrite what is whole: it gets a key of its own
            delivery.must_not_overwrite = False
            actions.append(self._change_key(delivery))
        if self.conditional:
            self.conditional = False
            text = "the store does not support conditional writes: If-None-Match is no longer sent"
            actions.append(events.Say("warning", text, {"why": why}))
        return actions

    def _change_key(self, delivery: Delivery) -> events.KeyChanged:
        delivery.chunk = self._rekey(delivery.chunk)
        delivery.maybe_stored = delivery.seal_written = False
        return events.KeyChanged(delivery.chunk)

    def says_open(self) -> events.Say:
        """Return the line for operators when the circuit opens."""
        text = f"circuit opened: {self.circuit.what}, logs are buffered and retried"
        fields: dict[str, object] = {"why": self.circuit.why, "waiting_records": self.records}
        return events.Say("error", text, fields)

    def _stored(self, delivery: Delivery, records: int, now: float) -> list[events.Action]:
        """Take it that this chunk is stored, with so many of its records."""
        self._waiting.remove(delivery)
        self._collisions = 0
        self._refused_last = False
        self._suspects.clear()
        self._counters.ship(records, delivery.waited, now)
        lost = delivery.records - records
        actions: list[events.Action] = [events.Forget(delivery.chunk.seal)]
        if lost:
            self._counters.lose(lost)
            text = "records lost: an earlier process had them in memory only"
            actions.append(events.Say("error", text, {"records": lost, "key": delivery.chunk.key}))
        what = "circuit closed" if self.circuit.is_open else "upload succeeded"
        if self.circuit.succeeded(now):
            actions.append(events.Say("info", f"{what}: store reachable again"))
        return actions

    def _exists(self, delivery: Delivery, now: float) -> list[events.Action]:
        """Judge a key that is taken: by an earlier attempt of this chunk, or else by another object."""
        if delivery.maybe_stored:
            # Nobody but the earlier process can have put it there: then it is whole.
            whole = delivery.attempts == FIRST_ATTEMPT_AFTER_RECOVERY
            return self._stored(delivery, delivery.chunk.records + delivery.unrecovered * whole, now)
        taken = delivery.chunk.key
        changed = self._change_key(delivery)
        delivery.attempts = 0
        self._collisions += 1
        if self._collisions > 1:  # random keys do not collide twice: the store refuses whatever it is asked
            self._refused_last = False
            return [changed, *self._failed("the store reports every key as taken", now, StoreError.EXISTS)]
        self.circuit.interrupted(now)
        fields: dict[str, object] = {"taken": taken, "used": changed.chunk.key}
        return [changed, events.Say("warning", "key collision: another object has this key, a new key is used", fields)]
