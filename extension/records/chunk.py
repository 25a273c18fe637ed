"""What is shipped as one object, and what makes it again after the end of a process. Pure; imports nothing of ours."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value", "ReaderState", "Seal", "Chunk")


def _but(value: Value, **members: object) -> Value:
    """Return a copy of this value, but for these members."""
    other = object.__new__(type(value))
    for name in value.__slots__:
        setattr(other, name, members[name] if name in members else getattr(value, name))
    return other


class ReaderState:
    """What a reader carries from one POST to the next: with it the same bodies become the same lines again."""

    __slots__ = ("arn", "request_id", "running", "seen", "sequence", "timeout")

    def __init__(
        self,
        request_id: str | None,
        seen: tuple[str, ...],
        sequence: int,
        arn: str = "",
        running: tuple[str, ...] | None = None,
        timeout: int = 0,
    ) -> None:
        self.request_id = request_id  # of the last platform.start
        self.seen = seen  # request ids that count as this environment's, the newest last
        self.sequence = sequence  # number of the last record
        self.arn = arn  # the function's, as far as it is known
        self.running = running  # ids of requests that have begun and not ended; None: there is never more than one
        self.timeout = timeout  # the function's in seconds, 0 if it is not known

    def at_the_start(self, after: ReaderState) -> ReaderState:
        """Return this state for a seal: with what `after` knows of the function, which stands beside all the lines."""
        return _but(self, arn=after.arn, timeout=after.timeout)

    def knowing(self, request_id: str, most: int) -> ReaderState:
        """Return this state with one more known id, that of an INVOKE, which no entry tells of.

        `most` of the oldest ids stay and `most` of the newest: of those between, the entries tell.
        """
        seen = (*(one for one in self.seen if one != request_id), request_id)
        return _but(self, seen=seen[:most] + seen[most:][-most:])


class Seal:
    """What makes a closed chunk again out of the journal's entries, under the same key and with the same bytes.

    The entries are those with serials `first` to `last`, both None where the journal holds none of the chunk's
    records. `before` and `after` are the reader's states before the first and behind the last of them.
    """

    __slots__ = (
        "after",
        "before",
        "environment",
        "filters",
        "first",
        "key",
        "last",
        "partial_at",
        "reason",
        "report_line",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a value of ten members
        self,
        key: str,
        first: int | None,
        last: int | None,
        before: ReaderState,
        after: ReaderState,
        reason: str,
        report_line: str = "",
        partial_at: tuple[int, ...] = (),
        environment: str = "",
        filters: tuple[str, ...] = (),
    ) -> None:
        self.key = key
        self.first = first
        self.last = last
        self.before = before
        self.after = after
        self.reason = reason
        self.report_line = report_line  # the extension's own last line, which stands in no entry
        self.partial_at = partial_at  # serials behind which an unfinished record was closed as it was
        self.environment = environment  # stands in the chunk's lines; "": the journal's own environment
        self.filters = filters  # as `extension.records.filters` is told; (): all records are shipped as they are

    @property
    def records(self) -> int:
        """The number of the platform's records in the chunk."""
        return self.after.sequence - self.before.sequence - bool(self.report_line)

    @property
    def entries(self) -> tuple[int, int] | None:
        """The serials of its first and its last entry; None where the journal holds no entry of it."""
        return None if self.first is None or self.last is None else (self.first, self.last)

    def with_key(self, key: str) -> Seal:
        """Return the same seal under another key."""
        return _but(self, key=key)


class Chunk:
    """A closed chunk. Nothing of it ever changes, so a retry puts the same bytes under the same key."""

    __slots__ = (
        "arrived",
        "body",
        "content_encoding",
        "metadata",
        "raw_bytes",
        "records",
        "seal",
        "size",
        "unjournalled_bytes",
        "unjournalled_records",
    )

    def __init__(  # noqa: PLR0913 - complete at construction
        self,
        seal: Seal,
        body: bytes | str,
        size: int,
        content_encoding: str,
        metadata: dict[str, str],
        *,
        records: int,
        raw_bytes: int,
        arrived: float = 0.0,
        unjournalled_records: int = 0,
        unjournalled_bytes: int = 0,
    ) -> None:
        self.seal = seal  # how the journal makes it again
        self.body = body  # the bytes, or the path of a file that holds them
        self.size = size  # bytes of the body
        self.content_encoding = content_encoding  # "" or gzip
        self.metadata = metadata
        self.records = records  # the platform's; a report of the extension's own does not count
        self.raw_bytes = raw_bytes  # NDJSON bytes before compression
        self.arrived = arrived  # its first record did, in seconds since the epoch
        self.unjournalled_records = unjournalled_records  # of its records, those that are in memory alone
        self.unjournalled_bytes = unjournalled_bytes

    @property
    def key(self) -> str:
        """The object's key."""
        return self.seal.key

    def with_key(self, key: str) -> Chunk:
        """Return the same chunk under another key."""
        return _but(self, seal=self.seal.with_key(key))
