"""The vocabulary between the core and its shell: events go in, actions come out; and the moment at which they do.

Plain `__slots__` classes: `dataclasses` would cost 21 ms at start-up.
"""

SHUTDOWN_BUDGET = 2.0  # s from SHUTDOWN or SIGTERM to SIGKILL with external extensions (Lambda runtime environment)


class Moment:
    """One point in time on both clocks, in seconds: `mono` for measuring, `wall` (since the epoch) for naming.

    In a freeze the monotonic clock may stand still while the wall clock runs on, so the core is given both.
    """

    __slots__ = ("mono", "wall")

    def __init__(self, mono: float, wall: float) -> None:
        self.mono = mono
        self.wall = wall


class Invoke:
    """`event/next` answered INVOKE. `deadline` is wall-clock seconds since the epoch, `timeout` whole seconds or 0."""

    __slots__ = ("arn", "deadline", "request_id", "timeout")

    def __init__(self, request_id: str, deadline: float, arn: str = "", timeout: int = 0) -> None:
        self.request_id = request_id
        self.deadline = deadline
        self.arn = arn
        self.timeout = timeout  # the function's; 0: not known


class Shutdown:
    """`event/next` answered SHUTDOWN, or SIGTERM came. `deadline` is wall-clock seconds since the epoch."""

    __slots__ = ("deadline", "reason")

    def __init__(self, reason: str, deadline: float) -> None:
        self.reason = reason
        self.deadline = deadline


class UnreadBatch:
    """Stands in for a batch that was dropped from the queue unread.

    `serial` is its number in the journal (None: it is not there), `records` an estimate, `size` in bytes.
    """

    __slots__ = ("records", "serial", "size")

    def __init__(self, serial: "int | None", records: int, size: int) -> None:
        self.serial = serial
        self.records = records
        self.size = size


class LogsReceived:
    """Lambda has POSTed one batch: the body, unread, and its number in the journal (None: it is not there)."""

    __slots__ = ("body", "replayed", "serial", "wall")

    def __init__(
        self, body: bytes, serial: "int | None" = None, wall: "float | None" = None, *, replayed: bool = False
    ) -> None:
        self.body = body
        self.serial = serial
        self.wall = wall  # when it arrived, seconds since the epoch; None: now
        self.replayed = replayed  # it came to an earlier process

    def placeholder(self) -> UnreadBatch:
        """Return what stands in for it. It was never read, so it counts as many records as it has envelopes."""
        return UnreadBatch(self.serial, likely_records(self.body), len(self.body))


def likely_records(body: bytes) -> int:
    """Return how many records a body is likely to have without reading it: one for each envelope, one at least."""
    return max(body.count(b'"record":'), 1)


def unread(item: object) -> "UnreadBatch | None":
    """Return serial, records and bytes of a batch; None for anything else."""
    if isinstance(item, LogsReceived):
        return item.placeholder()
    return item if isinstance(item, UnreadBatch) else None


class BatchDropped:
    """So many records of a whole batch were dropped before they were read: no room, or a fault of the extension."""

    __slots__ = ("records", "size")

    def __init__(self, records: int, size: int) -> None:
        self.records = records
        self.size = size


class Uploaded:
    """The store has answered: the chunk of this attempt is stored."""

    __slots__ = ("attempt",)

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt


class UploadFailed:
    """The attempt ended without success. `kind` is one of `StoreError`'s, `sent` whether any of it may have arrived."""

    __slots__ = ("attempt", "detail", "kind", "sent")

    def __init__(self, attempt: int, kind: str, detail: str, *, sent: bool = True) -> None:
        self.attempt = attempt
        self.kind = kind
        self.detail = detail
        self.sent = sent


class Upload:
    """Action: hand this chunk to the store. Answered by Uploaded or UploadFailed with the same attempt number."""

    __slots__ = ("attempt", "chunk", "conditional", "must_seal")

    def __init__(self, attempt: int, chunk: "Chunk", *, conditional: bool = False, must_seal: bool = False) -> None:
        self.attempt = attempt
        self.chunk = chunk
        self.conditional = conditional  # do not overwrite an object that is there
        self.must_seal = must_seal  # the journal does not hold its seal yet: that comes first


class Forget:
    """Action: the chunk of this seal is stored; the journal may forget its entries."""

    __slots__ = ("seal",)

    def __init__(self, seal: "Seal") -> None:
        self.seal = seal


class KeyChanged:
    """Action: this chunk has another key, which the journal must know before anything else happens."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: "Chunk") -> None:
        self.chunk = chunk


class PassOver:
    """Action: nothing of these entries is to be shipped: the journal may forget them, and goes on with this state."""

    __slots__ = ("first", "last", "state")

    def __init__(self, first: int, last: int, state: "ReaderState") -> None:
        self.first = first
        self.last = last
        self.state = state


class Discard:
    """Action: the records of the chunk with this seal are counted as lost; the journal may forget its entries."""

    __slots__ = ("seal",)

    def __init__(self, seal: "Seal") -> None:
        self.seal = seal


class Quarantine:
    """Action: move the journal's entries `first` to `last` out of the way, so that no process reads them again."""

    __slots__ = ("first", "last")

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last


class Abandon:
    """Action: close the connection of the attempt in flight; what became of its bytes is unknown."""

    __slots__ = ("attempt",)

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt


class Release:
    """Action: the poller may call `event/next`; the environment may be frozen from here on."""

    __slots__ = ("request_id",)

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id


class Say:
    """Action: one line on stderr."""

    __slots__ = ("fields", "level", "message")

    def __init__(self, level: str, message: str, fields: "dict[str, object] | None" = None) -> None:
        self.level = level
        self.message = message
        self.fields = fields or {}


class Exit:
    """Action, the last one: leave the process. `counts` are the counters, for one line on stderr."""

    __slots__ = ("counts", "lost_records")

    def __init__(self, lost_records: int, counts: "dict[str, object]") -> None:
        self.lost_records = lost_records
        self.counts = counts

    def leaves(self, batch: UnreadBatch) -> None:
        """Count a batch that was not read any more; after a reset the next process finds it in the journal."""
        kept = batch.serial is not None and "shutdownReason" in self.counts
        fates = ("received", "waiting") if kept else ("received", "lost")
        for name in fates:
            self.counts[name] = int(str(self.counts[name])) + batch.records
        if not kept:
            self.lost_records += batch.records
            self.counts["lostBytes"] = int(str(self.counts["lostBytes"])) + batch.size


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from extension.records.chunk import Chunk, ReaderState, Seal

    Event: TypeAlias = Invoke | Shutdown | LogsReceived | BatchDropped | Uploaded | UploadFailed
    Action: TypeAlias = Upload | Abandon | Forget | PassOver | KeyChanged | Discard | Quarantine | Release | Say | Exit
