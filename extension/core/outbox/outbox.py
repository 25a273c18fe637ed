"""Closed chunks that wait for the store: one attempt in flight, the rest behind it, oldest first.

Pure. A chunk leaves only when it is stored, or shed as the oldest of too much, whole and counted. What the outcome of
an attempt means is judged in `outcomes`.

An attempt that was in flight when an invocation was released may end without an answer: nothing follows from that, and
the next one waits for the next event.
"""

from __future__ import annotations

from extension import events
from extension.core.outbox.delivery import Attempt
from extension.core.outbox.outcomes import Outcomes
from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.core.counters import Counters
    from extension.core.drain import Drain
    from extension.core.outbox.circuit import Circuit
    from extension.core.outbox.delivery import Delivery
    from extension.records.chunk import Chunk

NO_BOUND = 1 << 62
WAITING_BYTES = 32 * 1024 * 1024  # of closed chunks; what is over is shed
NAMED = 100  # keys that one line tells
SLOWEST_BYTES_PER_SECOND = 4 * 1024 * 1024  # of a body that is being sent and does not stall


class Outbox:
    """See the module. `rekey` gives a chunk another key where another object has the one it had."""

    def __init__(self, circuit: Circuit, counters: Counters, rekey: Callable[[Chunk], Chunk]) -> None:
        self.circuit = circuit
        self._counters = counters
        self.outcomes = Outcomes(circuit, counters, rekey)
        self.in_memory = NO_BOUND  # bytes of chunks that are not in files
        self._waiting: list[Delivery] = []
        self._current: Attempt | None = None  # in flight
        self._attempts = 0
        self._latency = 0.0  # s from the start of the last attempt that succeeded to its answer
        self._waits_for_event = False

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
        one_by_one = self.outcomes.concern_objects
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
            lost, lost_bytes = delivery.lost_at_exit(kept=kept)
            records += lost
            size += lost_bytes
            if lost and (delivery.maybe_stored or self._is_in_flight(delivery)):
                name = delivery.chunk.key if len(perhaps) < NAMED else "others"
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
        if self.outcomes.refused_last and not delivery.attempts and self.outcomes.concern_objects:
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
        conditional = self.outcomes.conditional or delivery.must_not_overwrite
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
        unanswered = isinstance(event, events.UploadFailed) and event.kind == StoreError.TRANSPORT
        self._waits_for_event = unanswered and current.released and not (held or current.frozen)
        if isinstance(event, events.Uploaded) and not current.frozen:
            self._latency = now - current.started
        actions = self.outcomes.judge(current, event, self._waiting, now)
        if current.delivery.is_stored:
            self._waiting.remove(current.delivery)
        return actions
