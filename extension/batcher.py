"""Adaptive batching: when are the waiting records worth an object of their own.

Pure; `now` is an argument. Bytes are encoded NDJSON bytes before compression. Rules, one sentence each:
* Reached is crossed: a threshold is due when the count is equal to it or above.
* A POST is never divided over chunks; any single POST always fits.
* The age is that of the oldest waiting record; an empty batcher has no age and is never due.
* An invocation counts when its INVOKE arrives, also while nothing waits.
* Counting starts again when a chunk is taken, whatever becomes of its upload.
"""

from extension import objects

BYTES, INVOKES, AGE, BACKLOG, FIRST, SHUTDOWN = "bytes", "invokes", "age", "backlog", "first", "shutdown"

CHUNK_BYTES = (
    8 * 1024 * 1024
)  # what arrives during an upload joins the open chunk up to here, or to the threshold if larger
ROUNDING = 0.0005  # s: a wake-up planned for an age must find it reached, though epoch seconds carry 0.2 us at best


class Batcher:
    """The one open chunk, and the thresholds that close it."""

    __slots__ = (
        "_body",
        "_bytes",
        "_first",
        "_first_time",
        "_invokes",
        "_last_time",
        "_new_unique",
        "_origin",
        "_seconds",
        "_settings",
        "invokes",
        "records",
        "stretch",
    )

    def __init__(self, settings: "Settings", origin: objects.Origin, new_unique: "Callable[[], str]") -> None:
        self._settings = settings
        self._origin = origin
        self._new_unique = new_unique  # fresh randomness at every call: a snapshot is restored many times
        self._bytes = settings.ship_bytes
        self._invokes = settings.ship_invokes
        self._seconds = settings.ship_seconds
        self.stretch = 1  # the byte threshold is multiplied by this while the store is throttling
        self._begin()

    def _begin(self) -> None:
        self._body = objects.Body(gzip=self._settings.gzip)
        self._first: "Moment | None" = None
        self._first_time = ""
        self._last_time = ""
        self.records = 0
        self.invokes = 0

    @property
    def raw_bytes(self) -> int:
        """Waiting bytes in the open chunk."""
        return self._body.raw_bytes

    def invoked(self) -> None:
        """One more INVOKE has arrived."""
        self.invokes += 1

    def push(self, received: "Received", now: "Moment") -> None:
        """Add the lines of one POST to the open chunk."""
        if not received.records:
            return
        if self._first is None:
            self._first = now
        self._body.append(received.lines)
        self.records += received.records
        if received.first_time:
            self._first_time = min(self._first_time or received.first_time, received.first_time)
            self._last_time = max(self._last_time, received.last_time)

    def due(self, now: "Moment", *, count_invokes: bool = True) -> str:
        """Which threshold is crossed at `now`: bytes, invokes or age; empty if none is or nothing waits."""
        if self._first is None:
            return ""
        if self.raw_bytes >= min(self._bytes * self.stretch, self.limit):
            return BYTES
        if count_invokes and self.invokes >= self._invokes:
            return INVOKES
        return AGE if self.age(now) >= self._seconds - ROUNDING else ""

    def age(self, now: "Moment") -> float:
        """Seconds since the oldest waiting record arrived: the larger of both clocks, as one may have stood still."""
        if self._first is None:
            return 0.0
        return max(now.mono - self._first.mono, now.wall - self._first.wall)

    def due_at(self, now: "Moment") -> "float | None":
        """The monotonic moment at which age alone makes the open chunk due; None if nothing waits."""
        return None if self._first is None else now.mono + self._seconds - self.age(now)

    @property
    def limit(self) -> int:
        """At this size the open chunk takes no further POST while an earlier chunk is on its way."""
        return max(CHUNK_BYTES, self._bytes)

    def take(self, reason: str) -> objects.Chunk:
        """Close the open chunk, which must hold a record, and begin the next one."""
        if self._first is None:
            msg = "take() from an empty batcher"
            raise ValueError(msg)
        key = objects.key(
            self._settings.prefix, self._origin.function, self._first.wall, self._new_unique(), gzip=self._settings.gzip
        )
        metadata = objects.metadata(
            self._origin, self._first_time, self._last_time, self.records, self.raw_bytes, reason
        )
        encoding = "gzip" if self._settings.gzip else ""
        chunk = objects.Chunk(key, self._body.close(), encoding, metadata, self.records, self.raw_bytes)
        self._begin()
        return chunk


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.events import Moment
    from extension.settings import Settings
    from extension.telemetry import Received
