"""The vocabulary between the core and its shell: events go in, actions come out; and the moment at which they do.

Plain `__slots__` classes: `dataclasses` would cost 21 ms at start-up.
"""


class Moment:
    """One point in time on both clocks, in seconds: `mono` for measuring, `wall` (since the epoch) for naming.

    In a freeze the monotonic clock may stand still while the wall clock runs on, so the core is given both.
    """

    __slots__ = ("mono", "wall")

    def __init__(self, mono: float, wall: float) -> None:
        self.mono = mono
        self.wall = wall


class Invoke:
    """`event/next` answered INVOKE. `deadline` is wall-clock seconds since the epoch."""

    __slots__ = ("arn", "deadline", "request_id")

    def __init__(self, request_id: str, deadline: float, arn: str = "") -> None:
        self.request_id = request_id
        self.deadline = deadline
        self.arn = arn


class Shutdown:
    """`event/next` answered SHUTDOWN, or SIGTERM came. `deadline` is wall-clock seconds since the epoch."""

    __slots__ = ("deadline", "reason")

    def __init__(self, reason: str, deadline: float) -> None:
        self.reason = reason
        self.deadline = deadline


class GivenUp:
    """In the place of a batch that is not read: its number in the journal (0: it is not there), records, bytes."""

    __slots__ = ("records", "serial", "size")

    def __init__(self, serial: int, records: int, size: int) -> None:
        self.serial = serial
        self.records = records
        self.size = size


class LogsReceived:
    """The platform has POSTed one batch: the body, unread, and its number in the journal (0: it is not there)."""

    __slots__ = ("body", "serial", "wall")

    def __init__(self, body: bytes, serial: int = 0, wall: float = 0.0) -> None:
        self.body = body
        self.serial = serial
        self.wall = wall  # when it arrived, seconds since the epoch; 0: now

    def given_up(self) -> GivenUp:
        """What stands in its place. Nobody has read it: it has as many records as envelopes."""
        return GivenUp(self.serial, max(self.body.count(b'"record":'), 1), len(self.body))


class ReaderState:
    """What a reader carries from one POST to the next: with it the same bodies become the same lines again."""

    __slots__ = ("arn", "request_id", "seen", "sequence")

    def __init__(self, request_id: "str | None", seen: "tuple[str, ...]", sequence: int, arn: str = "") -> None:
        self.request_id = request_id  # of the last platform.start
        self.seen = seen  # request ids that are believed in, the newest last
        self.sequence = sequence  # number of the last record
        self.arn = arn  # the function's, as far as it is known


class Seal:
    """What makes a closed chunk again out of the journal's entries, under the same key and with the same bytes.

    The entries are those with serials `first` to `last`; `state` is the reader's before the first of them.
    """

    __slots__ = ("cuts", "environment", "first", "key", "last", "reason", "state", "tail")

    def __init__(
        self,
        key: str,
        first: int,
        last: int,
        state: ReaderState,
        reason: str,
        tail: str = "",
        cuts: "tuple[int, ...]" = (),
    ) -> None:
        self.key = key
        self.first = first
        self.last = last
        self.state = state
        self.reason = reason
        self.tail = tail  # a last line that stands in no entry: the extension's own report
        self.cuts = cuts  # serials behind which an unfinished record was given up
        self.environment = ""  # which stands in the chunk's lines; "": that of the journal


class Shed:
    """So many records of a whole batch were given up before they were read: no room, or a fault of ours."""

    __slots__ = ("count", "size")

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size


class Uploaded:
    """The store has answered: the chunk of this attempt is stored."""

    __slots__ = ("attempt",)

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt


class UploadFailed:
    """The attempt ended without success. `kind` is one of `StoreError`'s."""

    __slots__ = ("attempt", "detail", "kind")

    def __init__(self, attempt: int, kind: str, detail: str) -> None:
        self.attempt = attempt
        self.kind = kind
        self.detail = detail


class Upload:
    """Action: hand this chunk to the store. Answered by Uploaded or UploadFailed with the same attempt number."""

    __slots__ = ("attempt", "chunk", "conditional")

    def __init__(self, attempt: int, chunk: "Chunk", *, conditional: bool = False) -> None:
        self.attempt = attempt
        self.chunk = chunk
        self.conditional = conditional  # do not overwrite an object that is there


class Forget:
    """Action: this chunk is stored; the journal and its file may forget it."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: "Chunk") -> None:
        self.chunk = chunk


class Rekeyed:
    """Action: this chunk has another key, which the journal must know before anything else happens."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: "Chunk") -> None:
        self.chunk = chunk


class Drop:
    """Action: this chunk was shed; its file may go."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: "Chunk") -> None:
        self.chunk = chunk


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
    """Action, the last one: leave the process. `figures` are the accounts, for one line on stderr."""

    __slots__ = ("figures", "lost_records")

    def __init__(self, lost_records: int, figures: "dict[str, object]") -> None:
        self.lost_records = lost_records
        self.figures = figures


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from extension.records.objects import Chunk

    Event: TypeAlias = Invoke | Shutdown | LogsReceived | Shed | Uploaded | UploadFailed
    Action: TypeAlias = Upload | Abandon | Forget | Rekeyed | Drop | Release | Say | Exit
