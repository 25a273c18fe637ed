"""Adaptive batching: when are the waiting records worth an object of their own.

Pure; `now` is an argument. Bytes are encoded NDJSON bytes before compression. Rules, one sentence each:
* Reached is crossed: a threshold is due when the count is equal to it or above.
* A POST is never divided over chunks; any single POST always fits.
* The age is that of the oldest waiting record; an empty batcher has no age and is never due.
* An invocation counts when its INVOKE arrives, also while nothing waits.
* Counting starts again when a chunk is taken, whatever becomes of its upload.
"""

from extension import events
from extension.records import objects

BYTES, INVOKES, AGE, BACKLOG, FIRST, RESTORE, SHUTDOWN = (
    "bytes",
    "invokes",
    "age",
    "backlog",
    "first",
    "restore",
    "shutdown",
)

CHUNK_BYTES = (
    8 * 1024 * 1024
)  # what arrives during an upload joins the open chunk up to here, or to the threshold if larger
ROUNDING = 0.0005  # s: a wake-up planned for an age must find it reached


class Batcher:
    """The one open chunk, and the thresholds that close it."""

    __slots__ = (
        "_body",
        "_bytes",
        "_cuts",
        "_first",
        "_first_serial",
        "_first_time",
        "_invokes",
        "_last_serial",
        "_last_time",
        "_new_body",
        "_new_unique",
        "_origin",
        "_seconds",
        "_serial",
        "_settings",
        "invokes",
        "loose",
        "loose_bytes",
        "records",
    )

    def __init__(
        self,
        settings: "Settings",
        origin: objects.Origin,
        new_unique: "Callable[[], str]",
        new_body: "Callable[[], Body] | None" = None,
    ) -> None:
        self._settings = settings
        self._new_body = new_body or (lambda: objects.Body(gzip=settings.gzip))
        self._origin = origin
        self._new_unique = new_unique  # fresh randomness at every call: a snapshot is restored many times
        self._bytes = settings.ship_bytes
        self._invokes = settings.ship_invokes
        self._seconds = settings.ship_seconds
        self._begin()

    def _begin(self) -> None:
        self._body = self._new_body()
        self._first_serial = 0
        self._last_serial = 0
        self._serial = 0  # of the last POST
        self._first: "Moment | None" = None
        self._first_time = ""
        self._last_time = ""
        self._cuts: "list[int]" = []
        self.records = 0
        self.loose = 0  # of them, those that are in memory alone
        self.loose_bytes = 0
        self.invokes = 0

    @property
    def raw_bytes(self) -> int:
        """Waiting bytes in the open chunk."""
        return self._body.raw_bytes

    def lower(self, most: int) -> None:
        """Ship when `most` bytes wait, at the latest: there is no room for more."""
        self._bytes = min(self._bytes, most)

    def invoked(self) -> None:
        """One more INVOKE has arrived."""
        self.invokes += 1

    def push(self, received: "Received", now: "Moment", serial: int = 0) -> None:
        """Add the lines of one POST to the open chunk; `serial` is its number in the journal."""
        self._first_serial = self._first_serial or serial
        self._last_serial = max(self._last_serial, serial)
        self._serial = serial
        if not received.records:
            return
        if self._first is None:
            self._first = now
        self._body.append(received.lines)
        self.records += received.records
        if not serial:
            self.loose += received.records
            self.loose_bytes += len(received.lines)
        if received.first_time:
            self._first_time = min(self._first_time or received.first_time, received.first_time)
            self._last_time = max(self._last_time, received.last_time)

    def give_up(self, received: "Received", now: "Moment") -> None:
        """Add what there is of a record that the last POST left unfinished."""
        self._cuts.append(self._serial)
        self.push(received, now, self._serial)

    def due(self, now: "Moment", *, count_invokes: bool = True) -> str:
        """Which threshold is crossed at `now`: bytes, invokes or age; empty if none is or nothing waits."""
        if self._first is None:
            return ""
        if self.raw_bytes >= self._bytes:
            return BYTES
        if count_invokes and self.invokes >= self._invokes:
            return INVOKES
        return AGE if self.age(now) >= self._seconds - ROUNDING else ""

    def age(self, now: "Moment") -> float:
        """Seconds since the oldest waiting record arrived."""
        return 0.0 if self._first is None else now.mono - self._first.mono

    @property
    def due_at(self) -> "float | None":
        """The moment, on the clock of `push`, at which age alone makes the open chunk due; None if nothing waits."""
        return None if self._first is None else self._first.mono + self._seconds

    @property
    def limit(self) -> int:
        """At this size the open chunk takes no further POST while an earlier chunk is on its way."""
        return max(CHUNK_BYTES, self._bytes)

    def take(self, reason: str, state: "events.ReaderState", tail: str = "") -> objects.Chunk:
        """Close the open chunk, which must hold a record, and begin the next one.

        `state` is the reader's before the first record; `tail` a last line of the extension's own.
        """
        if self._first is None:
            msg = "take() from an empty batcher"
            raise ValueError(msg)
        unique, gzip = self._new_unique(), self._settings.gzip
        key = objects.key(self._settings.prefix, self._origin.function, self._first.wall, unique, gzip=gzip)
        chunk = self.close(key, reason, tail)
        chunk.seal = events.Seal(key, self._first_serial, self._last_serial, state, reason, tail, tuple(self._cuts))
        chunk.seal.environment = self._origin.environment
        self._begin()
        return chunk

    def close(self, key: str, reason: str, tail: str) -> objects.Chunk:
        """The open chunk as an object under this key."""
        records, raw_bytes = self.records, self.raw_bytes
        if tail:
            self._body.append(tail.encode())
        metadata = objects.metadata(
            self._origin, self._first_time, self._last_time, records + bool(tail), self.raw_bytes, reason
        )
        body = self._body.close()
        chunk = objects.Chunk(key, body, self._body.size, "gzip" if self._settings.gzip else "", metadata)
        chunk.records, chunk.raw_bytes = records, raw_bytes
        chunk.loose, chunk.loose_bytes = self.loose, self.loose_bytes
        chunk.wall = self._first.wall if self._first else 0.0
        return chunk

    def rekey(self, chunk: objects.Chunk) -> None:
        """Give a chunk another key: an object of somebody else has the one it had."""
        unique, gzip = self._new_unique(), self._settings.gzip
        chunk.key = objects.key(self._settings.prefix, self._origin.function, chunk.wall, unique, gzip=gzip)
        if chunk.seal:
            chunk.seal.key = chunk.key
        chunk.sealed = False


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.events import Moment
    from extension.records.objects import Body
    from extension.records.reader import Received
    from extension.settings import Settings
