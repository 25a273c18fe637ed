"""Adaptive batching: the one open chunk, and how it is closed.

Pure; `now` is an argument. Rules, one sentence each:
* A POST is never divided over chunks; any single POST always fits.
* The age is that of the oldest waiting record; an empty batcher has no age and is never due.
* An invocation counts when its INVOKE arrives, also while nothing waits.
* Counting starts again when a chunk is taken, whatever becomes of its upload.
* A chunk of which filters leave little, or nothing, takes no more of the journal than another one.
"""

from __future__ import annotations

from extension.core.thresholds import AGE, BYTES, INVOKES, Thresholds
from extension.records import objects
from extension.records.body import Body
from extension.records.chunk import Chunk, Seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.events import Moment
    from extension.records.chunk import ReaderState
    from extension.records.reader import Received
    from extension.settings import Settings

__all__ = ["AGE", "BACKLOG", "BESIDE", "BYTES", "FIRST", "GAP", "INVOKES", "RESTORE", "SHUTDOWN", "Batcher"]

BACKLOG, FIRST, RESTORE, SHUTDOWN = "backlog", "first", "restore", "shutdown"
GAP, BESIDE = "gap", "beside"  # what mode `adaptive` decided at an INVOKE: shipped at its end, beside its handler

CHUNK_BYTES = (
    8 * 1024 * 1024
)  # what arrives during an upload joins the open chunk up to here, or to the threshold if larger


class OpenChunk:
    """The records that wait, and what must be known of them to close their chunk."""

    __slots__ = (
        "_body",
        "_first_serial",
        "_first_time",
        "_last_serial",
        "_last_time",
        "_partial_at",
        "_serial",
        "first",
        "journalled",
        "records",
        "unjournalled_bytes",
        "unjournalled_records",
    )

    def __init__(self, body: Body) -> None:
        self._body = body
        self._first_serial: int | None = None
        self._last_serial: int | None = None
        self._serial: int | None = None  # of the last POST
        self._first_time = ""
        self._last_time = ""
        self._partial_at: list[int] = []
        self.first: Moment | None = None  # arrival of the oldest record
        self.records = 0
        self.journalled = 0  # bytes of its bodies in the journal
        self.unjournalled_records = 0  # of them, those that are in memory alone
        self.unjournalled_bytes = 0

    @property
    def raw_bytes(self) -> int:
        """Waiting bytes, before compression."""
        return self._body.raw_bytes

    @property
    def in_memory(self) -> int:
        """Encoded bytes that are not in a file."""
        return self._body.in_memory

    def push(self, received: Received, now: Moment, serial: int | None) -> None:
        """Add the lines of one POST; `serial` is its number in the journal, None if it is not there."""
        if serial:
            self._first_serial = self._first_serial or serial
            self._last_serial = max(self._last_serial or 0, serial)
            self.journalled += received.size
        self._serial = serial
        if not received.records:
            return
        if self.first is None:
            self.first = now
        self._body.append(received.lines)
        self.records += received.records
        if not serial:
            self.unjournalled_records += received.records
            self.unjournalled_bytes += len(received.lines)
        if received.first_time:
            self._first_time = min(self._first_time or received.first_time, received.first_time)
            self._last_time = max(self._last_time, received.last_time)

    def push_partial(self, received: Received, now: Moment) -> None:
        """Add what there is of a record that the last POST left unfinished."""
        self._partial_at.append(self._serial or 0)
        self.push(received, now, self._serial)

    @property
    def entries(self) -> tuple[int, int] | None:
        """The serials of its first and its last entry in the journal; None if it has none there."""
        first, last = self._first_serial, self._last_serial
        return None if first is None or last is None else (first, last)

    def seal(
        self,
        key: str,
        before: ReaderState,
        after: ReaderState,
        reason: str,
        *,
        report_line: str,
        environment: str,
        filters: tuple[str, ...],
    ) -> Seal:
        """Return what makes the chunk again under this key."""
        partial = tuple(self._partial_at)
        first, last = self._first_serial, self._last_serial
        return Seal(key, first, last, before, after, reason, report_line, partial, environment, filters)

    def close(self, seal: Seal, origin: objects.Origin, *, gzip: bool) -> Chunk:
        """Return the closed chunk of this seal."""
        raw_bytes = self.raw_bytes
        if seal.report_line:
            self._body.append(seal.report_line.encode())
        lines = self.records + bool(seal.report_line)
        metadata = objects.metadata(origin, self._first_time, self._last_time, lines, self.raw_bytes, seal.reason)
        body = self._body.close()
        return Chunk(
            seal,
            body,
            self._body.size,
            "gzip" if gzip else "",
            metadata,
            records=self.records,
            raw_bytes=raw_bytes,
            arrived=self.first.wall if self.first else 0.0,
            unjournalled_records=self.unjournalled_records,
            unjournalled_bytes=self.unjournalled_bytes,
        )


class Batcher:
    """The open chunk and the thresholds that close it. `new_unique` gives a UUID, `new_body` an empty body."""

    __slots__ = (
        "_new_body",
        "_new_unique",
        "_origin",
        "_settings",
        "invokes",
        "most_in_memory",
        "most_journalled",
        "open",
        "thresholds",
    )

    def __init__(
        self,
        settings: Settings,
        origin: objects.Origin,
        new_unique: Callable[[], str],
        new_body: Callable[[], Body] | None = None,
    ) -> None:
        self._settings = settings
        self._new_body = new_body or (lambda: Body(gzip=settings.gzip))
        self._origin = origin
        self._new_unique = new_unique  # fresh randomness at every call: a snapshot is restored many times
        self.thresholds = Thresholds(settings)
        self.invokes = 0  # since the last chunk was taken
        self.most_in_memory = self.limit  # encoded bytes of the open chunk that is in no file: then it is due
        self.most_journalled = 0  # bytes of bodies, of which filters leave some: then it is due; 0: any number
        self.open = OpenChunk(self._new_body())

    @property
    def records(self) -> int:
        """Records in the open chunk."""
        return self.open.records

    @property
    def raw_bytes(self) -> int:
        """Waiting bytes in the open chunk."""
        return self.open.raw_bytes

    def invoked(self) -> None:
        """Count one more INVOKE."""
        self.invokes += 1

    def push(self, received: Received, now: Moment, serial: int | None = None) -> None:
        """Add the lines of one POST to the open chunk; `serial` is its number in the journal, None: it is not there."""
        self.open.push(received, now, serial)

    def push_partial(self, received: Received, now: Moment) -> None:
        """Add what there is of a record that the last POST left unfinished."""
        self.open.push_partial(received, now)

    def due(self, now: Moment, *, count_invokes: bool = True) -> str:
        """Return which threshold is crossed at `now`: bytes, invokes or age; empty if none is or nothing waits."""
        if self.open.first is None:
            return ""
        if self.open.in_memory >= self.most_in_memory or self.is_bulky:
            return BYTES
        return self.thresholds.crossed(self.raw_bytes, self.invokes if count_invokes else 0, self.age(now))

    def age(self, now: Moment) -> float:
        """Return the seconds since the oldest waiting record arrived."""
        return 0.0 if self.open.first is None else now.mono - self.open.first.mono

    @property
    def due_at(self) -> float | None:
        """The moment, on the clock of `push`, at which age alone makes the open chunk due; None if nothing waits."""
        return None if self.open.first is None else self.thresholds.due_at(self.open.first.mono)

    @property
    def limit(self) -> int:
        """At this size the open chunk takes no further POST while an earlier chunk is on its way."""
        return max(CHUNK_BYTES, self.thresholds.size)

    @property
    def is_bulky(self) -> bool:
        """Whether the bodies of the open chunk take as much of the journal as they may, whatever filters leave."""
        return 0 < self.most_journalled <= self.open.journalled

    def pass_over(self) -> tuple[int, int] | None:
        """Begin another chunk, since filters have left nothing of this one; return the entries that it had."""
        entries = self.open.entries
        self.open = OpenChunk(self._new_body())
        return entries

    @property
    def is_full(self) -> bool:
        """Whether the open chunk takes no further POST while an earlier chunk is on its way."""
        return self.raw_bytes >= self.limit or self.open.in_memory >= self.most_in_memory

    def take(self, reason: str, before: ReaderState, after: ReaderState, report_line: str = "") -> Chunk:
        """Close the open chunk, which must hold a record, and begin the next one.

        `before` and `after` are the reader's states around its records; `report_line` is a last line of the
        extension's own.
        """
        if self.open.first is None:
            msg = "take() from an empty batcher"
            raise ValueError(msg)
        key, environment = self._key(self.open.first.wall), self._origin.environment
        seal = self.open.seal(
            key,
            before,
            after,
            reason,
            report_line=report_line,
            environment=environment,
            filters=self._settings.filters,
        )
        chunk = self.open.close(seal, self._origin, gzip=self._settings.gzip)
        self.open = OpenChunk(self._new_body())
        self.invokes = 0
        return chunk

    def rekey(self, chunk: Chunk) -> Chunk:
        """Return the chunk under another key: another object has the one it had."""
        return chunk.with_key(self._key(chunk.arrived))

    def _key(self, arrived: float) -> str:
        unique, gzip = self._new_unique(), self._settings.gzip
        return objects.key(self._settings.prefix, self._origin, arrived, unique, gzip=gzip)
