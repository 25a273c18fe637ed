"""Closed chunks on their way to the store: one attempt in flight, the rest waits behind it, oldest first.

Pure. A chunk leaves only when it is stored, or shed as the oldest of too much, whole and counted.

* `unknown`: the attempt was in flight when an invocation was released; if no answer comes, nothing follows from that.
* `thawed`: the environment was frozen during the attempt; its connection has been closed.
* `gate`: such an attempt has ended without an answer; the next one waits for the next event.
"""

from extension import events
from extension.errors import StoreError

WAITING_BYTES = 32 * 1024 * 1024  # of closed chunks; what is over is shed


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
        """Records that wait."""
        return sum(chunk.records for chunk in self._waiting)

    @property
    def loose(self) -> int:
        """Of them, those that the journal does not hold."""
        return sum(chunk.loose for chunk in self._waiting)

    @property
    def raw_bytes(self) -> int:
        """Bytes that wait, before compression."""
        return sum(chunk.raw_bytes for chunk in self._waiting)

    def add(self, chunk: "Chunk", most: int) -> "list[events.Action]":
        """Append a closed chunk; shed the oldest that is not in flight while more than `most` bytes wait."""
        self._waiting.append(chunk)
        actions: "list[events.Action]" = []
        while sum(one.size for one in self._waiting) > most and len(self._waiting) > 1 + bool(self.attempt):
            shed = self._waiting.pop(1 if self.attempt else 0)
            self._accounts.lost += shed.records
            self._accounts.lost_bytes += shed.raw_bytes
            fields: "dict[str, object]" = {"records": shed.records, "bytes": shed.raw_bytes, "key": shed.key}
            actions.append(events.Say("error", "too much waits for the store: the oldest records are lost", fields))
            actions.append(events.Drop(shed))
        return actions

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
        if isinstance(event, events.Uploaded):
            return self._stored(now)
        if event.kind == StoreError.EXISTS:
            return self._exists(self._waiting[0], now)
        if event.kind == StoreError.UNCONDITIONAL and (self.conditional or self._waiting[0].careful):
            return self._unconditional(self._waiting[0], event.detail, now)
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
        if chunk.careful:  # it could overwrite what is whole: it gets a key of its own
            chunk.careful = False
            self._rekey(chunk)
        if not self.conditional:
            return []
        self.conditional = False
        text = "the store does not know conditional writes: objects are put without them from here on"
        return [events.Say("warning", text, {"why": why})]

    def says_open(self) -> events.Say:
        """The line for people when the circuit opens."""
        text = "the store cannot be reached: no invocation waits for it any more, the logs are kept and tried later"
        fields: "dict[str, object]" = {"why": self.circuit.why, "waiting_records": self.records}
        return events.Say("error", text, fields)

    def _stored(self, now: float) -> "list[events.Action]":
        chunk = self._waiting.pop(0)
        self._collisions = 0
        self._accounts.shipped += chunk.records
        actions: "list[events.Action]" = [events.Forget(chunk)]
        if self.circuit.succeeded(now):
            actions.append(events.Say("info", "the store takes objects again"))
        return actions

    def _exists(self, chunk: "Chunk", now: float) -> "list[events.Action]":
        """The key is taken: by an earlier attempt of this very chunk, or, at its first attempt, by somebody else."""
        if chunk.attempts > 1 or chunk.shared:
            return self._stored(now)
        taken = chunk.key
        self._rekey(chunk)
        chunk.attempts = 0
        self._collisions += 1
        if self._collisions > 1:  # random keys do not collide twice: the store refuses whatever it is asked
            return self._failed("every key is said to be taken", now)
        self.circuit.interrupted(now)
        fields: "dict[str, object]" = {"taken": taken, "used": chunk.key}
        return [events.Say("warning", "somebody else's object has this key; another one is used", fields)]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.accounts import Accounts
    from extension.circuit import Circuit
    from extension.objects import Chunk
