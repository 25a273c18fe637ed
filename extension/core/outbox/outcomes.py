"""What the outcome of an attempt means: for its chunk, and for all that is asked of the store.

Pure. What the store says of one object says nothing about the others. A chunk that is refused for good lets its
neighbours go first; after three refusals it is set aside, and tried again from time to time and at SHUTDOWN. Only where
no neighbour is left to try does a refusal count as a failure of the store.
"""

from __future__ import annotations

from extension import events
from extension.core.outbox.circuit import UNREACHABLE
from extension.core.outbox.delivery import FIRST_ATTEMPT_AFTER_RECOVERY, REFUSALS
from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.core.counters import Counters
    from extension.core.outbox.circuit import Circuit
    from extension.core.outbox.delivery import Attempt, Delivery
    from extension.records.chunk import Chunk

OUTCOME_UNKNOWN = (StoreError.TRANSPORT, StoreError.ABANDONED, StoreError.SERVER)  # after these it may be stored
WHAT = {  # what a failure of a kind says about the store, for people; any other: no answer came
    StoreError.CONFIGURATION: "store refuses what is sent",
    StoreError.EXISTS: "store refuses what is sent",
    StoreError.UNCONDITIONAL: "store refuses what is sent",
    StoreError.CREDENTIALS: "credentials missing or expired",
    StoreError.THROTTLED: "store throttles",
    StoreError.SERVER: "store reports errors of its own",
}
DEFINITE = (StoreError.CONFIGURATION,)  # an answer about this object, which a retry alone does not change
SUSPECTS = 3  # objects refused since the last success: from then on it is the store, not the objects


class Outcomes:
    """What the outcomes so far have told about the store. `rekey` gives a chunk another key where its own is taken."""

    __slots__ = ("_circuit", "_collisions", "_counters", "_rekey", "_suspects", "conditional", "refused_last")

    def __init__(self, circuit: Circuit, counters: Counters, rekey: Callable[[Chunk], Chunk]) -> None:
        self._circuit = circuit
        self._counters = counters
        self._rekey = rekey
        self._suspects: set[str] = set()  # keys that were refused since the last success
        self._collisions = 0  # in a row
        self.refused_last = False  # the last failure was a definite refusal: the store answers
        self.conditional = True  # ask the store not to overwrite (If-None-Match: *)

    @property
    def concern_objects(self) -> bool:
        """Whether refusals say something about single objects: so many that it is the store there were not."""
        return len(self._suspects) < SUSPECTS

    def judge(
        self, attempt: Attempt, event: events.Uploaded | events.UploadFailed, waiting: Sequence[Delivery], now: float
    ) -> list[events.Action]:
        """Take the outcome of an attempt at one of those that wait; return what is to be done, in order."""
        delivery = attempt.delivery
        if isinstance(event, events.Uploaded):
            return self._stored(delivery, delivery.chunk.records, now)
        if event.kind == StoreError.EXISTS:
            return self._exists(delivery, waiting, now)
        if event.kind == StoreError.UNCONDITIONAL and (self.conditional or delivery.must_not_overwrite):
            return self._unconditional(delivery, event.detail, now)
        delivery.maybe_stored = delivery.maybe_stored or (event.sent and event.kind in OUTCOME_UNKNOWN)
        if attempt.frozen or event.kind == StoreError.ABANDONED:
            self._circuit.interrupted(now)
        elif attempt.released and event.kind == StoreError.TRANSPORT:
            self._circuit.unanswered(event.detail, now)
        elif event.kind in DEFINITE:
            return self._refused(delivery, waiting, event.detail, now)
        else:
            self.refused_last = False
            return self._failed(event.kind, waiting, event.detail, now)
        return []

    def _refused(self, delivery: Delivery, waiting: Sequence[Delivery], why: str, now: float) -> list[events.Action]:
        """Let the neighbours go first; where none is left to try, it is the store that refuses."""
        delivery.refuse(why, now)
        self.refused_last = True
        self._suspects.add(delivery.chunk.key)
        actions: list[events.Action] = []
        if delivery.refusals == REFUSALS:
            fields: dict[str, object] = {"key": delivery.chunk.key, "records": delivery.records, "why": why}
            text = "object refused: set aside and retried later, others continue"
            actions.append(events.Say("warning", text, fields))
        if any(one.refusals < delivery.refusals for one in waiting if one is not delivery):
            self._circuit.interrupted(now)  # at once, or with the next probe
            return actions
        return [*actions, *self._failed(StoreError.CONFIGURATION, waiting, why, now)]

    def _failed(self, kind: str, waiting: Sequence[Delivery], why: str, now: float) -> list[events.Action]:
        if self._circuit.failed(why, now, WHAT.get(kind, UNREACHABLE)):
            return [self._circuit.says_open(sum(one.records for one in waiting))]
        if self._circuit.failures == 1 and not self._circuit.is_open:
            return [events.Say("warning", "upload failed: the object is kept and retried", {"why": why})]
        return []

    def _unconditional(self, delivery: Delivery, why: str, now: float) -> list[events.Action]:
        self._circuit.interrupted(now)
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

    def _stored(self, delivery: Delivery, records: int, now: float) -> list[events.Action]:
        """Take it that this chunk is stored, with so many of its records."""
        delivery.is_stored = True
        self._collisions = 0
        self.refused_last = False
        self._suspects.clear()
        self._counters.ship(records, delivery.waited, now)
        lost = delivery.records - records
        actions: list[events.Action] = [events.Forget(delivery.chunk.seal)]
        if lost:
            self._counters.lose(lost)
            text = "records lost: an earlier process had them in memory only"
            actions.append(events.Say("error", text, {"records": lost, "key": delivery.chunk.key}))
        what = "circuit closed" if self._circuit.is_open else "upload succeeded"
        if self._circuit.succeeded(now):
            actions.append(events.Say("info", f"{what}: store reachable again"))
        return actions

    def _exists(self, delivery: Delivery, waiting: Sequence[Delivery], now: float) -> list[events.Action]:
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
            self.refused_last = False
            why = "the store reports every key as taken"
            return [changed, *self._failed(StoreError.EXISTS, waiting, why, now)]
        self._circuit.interrupted(now)
        fields: dict[str, object] = {"taken": taken, "used": changed.chunk.key}
        return [changed, events.Say("warning", "key collision: another object has this key, a new key is used", fields)]
