"""Closed chunks on their way to the store: one attempt in flight, the rest waits behind it, oldest first.

Pure. A chunk leaves only when it is stored, or shed as the oldest of too much, whole and counted.

* `unknown`: the attempt was in flight when an invocation was released; if no answer comes, nothing follows from that.
* `thawed`: the environment was frozen during the attempt; its connection has been closed.
* `gate`: such an attempt has ended without an answer; the next one waits for the next event.
"""

from extension import events
from extension.errors import StoreError

WAITING_BYTES = 32 * 1024 * 1024  # of closed chunks; what is over is shed
UNHEARD = (StoreError.TRANSPORT, StoreError.ABANDONED, StoreError.SERVER)  # after these it may be stored
NAMED = 100  # keys that one line tells
LEFT_OVER = 2  # the first attempt of this process at a chunk that an earlier one left


class Outbox:
    """See the module. `rekey` makes a new key for a chunk whose key is taken by somebody else."""

    def __init__(self, circuit: "Circuit", accounts: "Accounts", rekey: "Callable[[Chunk], None]") -> None:
        self.circuit = circuit
        self._accounts = accounts
        self._rekey = rekey
        self._waiting: "list[Chunk]" = []
        self._attempts = 0
        self.attempt = 0  # number of the attempt in flight, 0 if none
        self.unknown = False
        self.conditional = True  # ask the store not to overwrite (If-None-Match: *)
        self._thawed = False
        self._gate = False
        self._collisions = 0  # in a row

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def records(self) -> int:
        """Records that wait, or of which it is not known yet whether an earlier process stored them."""
        return sum(chunk.records + chunk.missing for chunk in self._waiting)

    def add(self, chunk: "Chunk", most: int) -> "list[events.Action]":
        """Append a closed chunk; shed the oldest that is not in flight while more than `most` bytes wait."""
        self._waiting.append(chunk)
        actions: "list[events.Action]" = []
        while sum(one.size for one in self._waiting) > most and len(self._waiting) > 1 + bool(self.attempt):
            shed = self._waiting.pop(1 if self.attempt else 0)
            records = shed.records + shed.missing
            self._accounts.lost += records
            self._accounts.lost_bytes += shed.raw_bytes
            fields: "dict[str, object]" = {"records": records, "bytes": shed.raw_bytes, "key": shed.key}
            if shed.doubtful:
                fields["perhapsStored"] = {shed.key: records}
            actions.append(events.Say("error", "too much waits for the store: the oldest records are lost", fields))
            actions.append(events.Drop(shed))
        return actions

    def left_behind(self, *, kept: bool) -> "tuple[int, int, dict[str, int]]":
        """What ends with this process: records, bytes, and under which keys how many of them may be stored after all.

        `kept`: the journal outlives it, and the next process ships, or misses, what is in there.
        """
        records = size = 0
        perhaps: "dict[str, int]" = {}
        for chunk in self._waiting:
            lost, lost_bytes = chunk.records + chunk.missing, chunk.raw_bytes
            if kept:
                sealed = chunk.sealed and chunk.seal and chunk.seal.first
                lost, lost_bytes = (0, 0) if sealed else (chunk.loose, chunk.loose_bytes)
            records += lost
            size += lost_bytes
            if lost and (chunk.doubtful or (self.attempt and chunk is self._waiting[0])):
                name = chunk.key if len(perhaps) < NAMED else "others"
                perhaps[name] = perhaps.get(name, 0) + lost
        return records, size, perhaps

    def ready(self, now: float) -> bool:
        """Whether a waiting chunk should go now."""
        return bool(self._waiting) and not self.attempt and not self._gate and now >= self.circuit.retry_at

    def ready_at(self) -> "float | None":
        """When a waiting chunk wants to go; None if only an event can change anything."""
        return None if self.attempt or self._gate or not self._waiting else self.circuit.retry_at

    def start(self) -> events.Upload:
        """Begin an attempt at the oldest chunk."""
        self._attempts += 1
        self.attempt = self._attempts
        chunk = self._waiting[0]
        chunk.attempts += 1
        self._accounts.puts += 1
        self._accounts.retries += chunk.attempts > 1
        return events.Upload(self.attempt, chunk, conditional=self.conditional or chunk.careful)

    def thaw(self) -> "list[events.Action]":
        """The environment was frozen: what is in flight is unknown, its connection is to be closed."""
        if not self.attempt or self._thawed:
            return []
        self._thawed = True
        return [events.Abandon(self.attempt)]

    def next_event(self) -> None:
        """An INVOKE or SHUTDOWN came: the environment runs."""
        self._gate = False

    def answered(
        self, event: "events.Uploaded | events.UploadFailed", now: float, *, held: bool
    ) -> "list[events.Action]":
        """Take the outcome of the attempt in flight. `held`: the environment is kept from being frozen."""
        if event.attempt != self.attempt:
            return []
        unknown, thawed, self.attempt, self.unknown, self._thawed = self.unknown, self._thawed, 0, False, False
        chunk = self._waiting[0]
        if isinstance(event, events.Uploaded):
            return self._stored(chunk.records, now)
        if event.kind == StoreError.EXISTS:
            return self._exists(chunk, now)
        if event.kind == StoreError.UNCONDITIONAL and (self.conditional or chunk.careful):
            return self._unconditional(chunk, event.detail, now)
        chunk.doubtful = chunk.doubtful or event.kind in UNHEARD
        self._gate = unknown and event.kind == StoreError.TRANSPORT and not (held or thawed)
        if thawed or event.kind == StoreError.ABANDONED:
            self.circuit.interrupted(now)
        elif unknown and event.kind == StoreError.TRANSPORT:
            self.circuit.unanswered(event.detail, now)
        else:
            return self._failed(event.detail, now)
        return []

    def _failed(self, why: str, now: float) -> "list[events.Action]":
        if self.circuit.failed(why, now):
            return [self.says_open()]
        if self.circuit.failures == 1 and not self.circuit.is_open:
            return [events.Say("warning", "an object could not be stored; it is kept and tried again", {"why": why})]
        return []

    def _unconditional(self, chunk: "Chunk", why: str, now: float) -> "list[events.Action]":
        self.circuit.interrupted(now)
        actions: "list[events.Action]" = []
        if chunk.careful:  # it could overwrite what is whole: it gets a key of its own
            chunk.careful = False
            actions.append(self._with_another_key(chunk))
        if self.conditional:
            self.conditional = False
            text = "the store does not know conditional writes: objects are put without them from here on"
            actions.append(events.Say("warning", text, {"why": why}))
        return actions

    def _with_another_key(self, chunk: "Chunk") -> events.Rekeyed:
        self._rekey(chunk)
        chunk.doubtful = False
        return events.Rekeyed(chunk)

    def says_open(self) -> events.Say:
        """The line for people when the circuit opens."""
        text = "the store cannot be reached: no invocation waits for it any more, the logs are kept and tried later"
        fields: "dict[str, object]" = {"why": self.circuit.why, "waiting_records": self.records}
        return events.Say("error", text, fields)

    def _stored(self, records: int, now: float) -> "list[events.Action]":
        """The oldest chunk is stored, with so many of its records."""
        chunk = self._waiting.pop(0)
        self._collisions = 0
        self._accounts.shipped += records
        lost = chunk.records + chunk.missing - records
        self._accounts.lost += lost
        actions: "list[events.Action]" = [events.Forget(chunk)]
        if lost:
            text = "records of an object were in the memory of an earlier process alone: they are lost"
            actions.append(events.Say("error", text, {"records": lost, "key": chunk.key}))
        if self.circuit.succeeded(now):
            actions.append(events.Say("info", "the store takes objects again"))
        return actions

    def _exists(self, chunk: "Chunk", now: float) -> "list[events.Action]":
        """The key is taken: by an earlier attempt of this very chunk, or, at its first attempt, by somebody else."""
        if chunk.attempts > 1 or chunk.shared:
            whole = chunk.attempts == LEFT_OVER  # nobody but the earlier process can have put it there
            return self._stored(chunk.records + chunk.missing * whole, now)
        taken = chunk.key
        rekeyed = self._with_another_key(chunk)
        chunk.attempts = 0
        self._collisions += 1
        if self._collisions > 1:  # random keys do not collide twice: the store refuses whatever it is asked
            return [rekeyed, *self._failed("every key is said to be taken", now)]
        self.circuit.interrupted(now)
        fields: "dict[str, object]" = {"taken": taken, "used": chunk.key}
        return [rekeyed, events.Say("warning", "somebody else's object has this key; another one is used", fields)]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.core.circuit import Circuit
    from extension.core.counters import Accounts
    from extension.records.objects import Chunk
