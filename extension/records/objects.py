"""The format of what is shipped: key, newline-delimited JSON body, metadata of one S3 object. Encode and decode.

Pure. The format is final (version 1); the tools read it a second time (`adaptive_batching/objects.py`).

    <prefix><function-name>-<epoch-ms>-<uuid>.log[.gz]
    {"time":…,"type":…,"record":…,"requestId":"…"|null,"environment":"12 characters","sequence":n}
"""

import json
import zlib

FORMAT = "1"
CONTENT_TYPE = "application/x-ndjson"
GZIP_LEVEL = 5  # of `make bench`: a third less CPU than 6 for 2 % more bytes; 4 saves 5 ms per MB for 12 % more
SECONDS_PER_DAY = 86400
FEBRUARY = 2

encode_string = json.encoder.encode_basestring_ascii


class Origin:
    """Where the records come from: the same for every object of one environment, except what is learnt later."""

    __slots__ = ("api", "arn", "environment", "function", "schema", "version")

    def __init__(self, function: str, version: str, environment: str) -> None:
        self.function = function
        self.version = version
        self.environment = environment  # 12 characters
        self.arn = ""  # known from the first INVOKE or platform.start
        self.api = ""  # telemetry or logs
        self.schema = ""


class Chunk:
    """A closed chunk: key and bytes are fixed, so a retry overwrites itself."""

    __slots__ = (
        "after",
        "attempts",
        "body",
        "careful",
        "content_encoding",
        "doubtful",
        "key",
        "loose",
        "loose_bytes",
        "metadata",
        "missing",
        "raw_bytes",
        "records",
        "seal",
        "sealed",
        "shared",
        "size",
        "wall",
    )

    def __init__(
        self, key: str, body: "bytes | str", size: int, content_encoding: str, metadata: "dict[str, str]"
    ) -> None:
        self.key = key
        self.body = body  # the bytes, or the path of a file that holds them
        self.size = size  # bytes of the body
        self.content_encoding = content_encoding  # "" or gzip
        self.metadata = metadata
        self.records = 0  # of the platform's; a report of our own does not count
        self.loose = 0  # of its records, those that the journal does not hold
        self.loose_bytes = 0
        self.missing = 0  # records that it had when it was closed first, and that could not be read again
        self.doubtful = False  # an attempt ended without an answer: it may be stored
        self.raw_bytes = 0  # NDJSON bytes before compression
        self.wall = 0.0  # arrival of its first record, seconds since the epoch
        self.after: "ReaderState | None" = None  # of the reader behind its last record
        self.attempts = 0
        self.seal: "Seal | None" = None  # how the journal makes it again
        self.sealed = False  # whether the journal holds the seal
        self.careful = False  # made again with records missing: never overwrites
        self.shared = False  # closed before a snapshot: each restored copy stores it under the same key


class Body:
    """The growing body of an open chunk. With gzip it is compressed as lines arrive, so that closing is quick.

    The bytes depend on the lines and on how they were appended alone: the gzip header carries no time.
    """

    __slots__ = ("_deflate", "_parts", "raw_bytes", "size")
    size: int  # of the finished body

    def __init__(self, *, gzip: bool) -> None:
        self._deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if gzip else None
        self._parts: "list[bytes]" = []
        self.raw_bytes = 0  # before compression

    def append(self, lines: bytes) -> None:
        """Add whole lines, each ending in a newline."""
        self.raw_bytes += len(lines)
        self._parts.append(self._deflate.compress(lines) if self._deflate else lines)

    def close(self) -> bytes:
        """The finished body; nothing can be appended after it."""
        if self._deflate:
            self._parts.append(self._deflate.flush())
        body = b"".join(self._parts)
        self.size = len(body)
        return body


def line(envelope: str, request_id: "str | None", environment: str, sequence: int) -> str:
    """One line: the envelope's own text, three members added; numbers, escapes and duplicate keys stay as they were.

    `envelope` is the text of one non-empty JSON object. Line breaks can only stand between its tokens (JSON forbids
    them inside strings), so blanks may take their place.
    """
    if "\n" in envelope or "\r" in envelope:
        envelope = envelope.replace("\n", " ").replace("\r", " ")
    request = "null" if request_id is None else encode_string(request_id)
    return f'{envelope[:-1]},"requestId":{request},"environment":"{environment}","sequence":{sequence}}}\n'


def key(prefix: str, function: str, wall: float, unique: str, *, gzip: bool) -> str:
    """The object's key. `wall` (seconds since the epoch): arrival of the chunk's first record; `unique`: a UUID."""
    date, hour = date_and_hour(wall)
    for name, value in (("{function}", function), ("{date}", date), ("{hour}", hour)):
        prefix = prefix.replace(name, value)
    return f"{prefix}{function}-{int(wall * 1000)}-{unique}.log{'.gz' if gzip else ''}"


def metadata(
    origin: Origin, first_time: str, last_time: str, records: int, raw_bytes: int, reason: str
) -> "dict[str, str]":
    """User metadata of an object (ASCII; the store adds x-amz-meta-)."""
    members = {
        "format": FORMAT,
        "function-arn": origin.arn,
        "function-version": origin.version,
        "environment": origin.environment,
        "api": origin.api,
        "schema": origin.schema,
        "first-time": first_time,
        "last-time": last_time,
        "records": str(records),
        "raw-bytes": str(raw_bytes),
        "reason": reason,
    }
    return {name: _header(value) for name, value in members.items() if value}


def _header(value: str) -> str:
    """Printable ASCII: anything else, a line break above all, would make the request and each retry unsendable."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(c if " " <= c <= "~" else "?" for c in value)


def decode(body: bytes) -> "list[dict[str, object]]":
    """The lines of one object, parsed; gzip is recognised by its first two bytes. ValueError if a line is not JSON."""
    if body[:2] == b"\x1f\x8b":
        body = zlib.decompress(body, 16 + zlib.MAX_WBITS)
    return [json.loads(one) for one in body.split(b"\n") if one]


def date_and_hour(wall: float) -> "tuple[str, str]":
    """`YYYY-MM-DD` and `HH` in UTC of a moment in seconds since the epoch (Hinnant's days-to-civil algorithm)."""
    days, seconds = divmod(int(wall), SECONDS_PER_DAY)
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153  # months counted from March
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = (shifted + 2) % 12 + 1
    year = year_of_era + era * 400 + (month <= FEBRUARY)
    return f"{year:04d}-{month:02d}-{day:02d}", f"{seconds // 3600:02d}"


def iso_time(wall: float) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`, as the platform writes it."""
    date, hour = date_and_hour(wall)
    seconds = int(wall)
    return f"{date}T{hour}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{int((wall - seconds) * 1000):03d}Z"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import ReaderState, Seal
