"""The format of what is shipped: key, newline-delimited JSON body, metadata of one S3 object. Encode and decode.

Pure. The format is final (version 1); the tools read it a second time (`adaptive_batching/objects.py`).

    <prefix><function-name>-<epoch-ms>-<uuid>.log[.gz]
    {"time":…,"type":…,"record":…,"requestId":"…"|null,"environment":"12 characters","sequence":n}
"""

from __future__ import annotations

import json
import zlib

FORMAT = "1"
VERSION = "0.1.0"  # of the extension; pyproject.toml has the same
ARN_LENGTH = 256  # characters of a function's ARN: Lambda's longest are shorter
VALUE_LENGTH = 128  # characters of any other value: S3 takes 2 KB of names and values in all
UNKNOWN = "unknown"  # in a key: a region or account of which nothing has told yet
LONGEST_WORD = 25  # characters of a region in a key; AWS's longest has 14
CONTENT_TYPE = "application/x-ndjson"
SECONDS_PER_DAY = 86400
FEBRUARY = 2

encode_string = json.encoder.encode_basestring_ascii


class Origin:
    """Where the records come from: the same for every object of one environment, except what is learnt later."""

    __slots__ = ("api", "arn", "environment", "function", "schema", "timeout", "version", "where")

    def __init__(self, function: str, version: str, environment: str, where: tuple[str, str] = ("", "")) -> None:
        self.function = function
        self.version = version
        self.environment = environment  # 12 characters
        self.where = where  # region and account, as far as start-up has learnt them
        self.arn = ""  # known from the first INVOKE or platform.start
        self.api = ""  # telemetry or logs
        self.schema = ""
        self.timeout = 0  # seconds, known from the first INVOKE

    @property
    def region(self) -> str:
        """The function's region: the environment's word, else that of the ARN, else `unknown`."""
        return self.where[0] or self._of_arn(3) or UNKNOWN

    @property
    def account(self) -> str:
        """The function's account: what registering told, else that of the ARN, else `unknown`."""
        return self.where[1] or self._of_arn(4) or UNKNOWN

    def _of_arn(self, place: int) -> str:
        parts = self.arn.split(":")
        word = parts[place] if len(parts) > place else ""
        return word if len(word) <= LONGEST_WORD and word.replace("-", "").isalnum() else ""


def line(envelope: str, request_id: str | None, environment: str, sequence: int) -> str:
    """Return one line: the envelope's own text and three members; numbers, escapes and duplicate keys stay as they are.

    `envelope` is the text of one non-empty JSON object. Line breaks can only stand between its tokens (JSON forbids
    them inside strings), so blanks may take their place.
    """
    return with_members(envelope, members(request_id, environment), sequence)


def members(request_id: str | None, environment: str) -> str:
    """Return what the extension adds to the records of one request, up to their number."""
    request = "null" if request_id is None else encode_string(request_id)
    return f',"requestId":{request},"environment":"{environment}","sequence":'


def with_members(envelope: str, added: str, sequence: int) -> str:
    """Return one line as `line` does, with what `members` has returned."""
    if "\n" in envelope or "\r" in envelope:
        envelope = envelope.replace("\n", " ").replace("\r", " ")
    return f"{envelope[:-1]}{added}{sequence}}}\n"


def lines(texts: list[str], request_id: str | None, environment: str, sequence: int) -> list[str]:
    """Return a line for each text of `extension.records.plain`, numbered from `sequence` on."""
    added = members(request_id, environment)
    return [f'{{"time":"{text}{added}{number}}}\n' for number, text in enumerate(texts, sequence)]


def key(prefix: str, origin: Origin, wall: float, unique: str, *, gzip: bool) -> str:
    """Return the object's key. `wall` (seconds since the epoch): arrival of its first record; `unique`: a UUID."""
    if "{" in prefix:
        date, hour = date_and_hour(wall)
        year, month, day = date.split("-")
        values = {
            "{function}": origin.function,
            "{version}": origin.version,
            "{region}": origin.region,
            "{account}": origin.account,
            "{date}": date,
            "{year}": year,
            "{month}": month,
            "{day}": day,
            "{hour}": hour,
        }
        for name, value in values.items():
            prefix = prefix.replace(name, value)
    return f"{prefix}{origin.function}-{int(wall * 1000)}-{unique}.log{'.gz' if gzip else ''}"


def metadata(
    origin: Origin, first_time: str, last_time: str, records: int, raw_bytes: int, reason: str
) -> dict[str, str]:
    """Return the user metadata of an object (ASCII; the store adds x-amz-meta-)."""
    values = {
        "format": FORMAT,
        "extension-version": VERSION,
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
        "timeout-ms": str(origin.timeout * 1000) if origin.timeout else "",
    }
    return {
        name: _header(value[: ARN_LENGTH if name == "function-arn" else VALUE_LENGTH])
        for name, value in values.items()
        if value
    }


def is_arn(text: str) -> bool:
    """Return whether this can be a function's ARN. It stands beside every object: another one would spoil them all."""
    return text.startswith("arn:") and len(text) <= ARN_LENGTH and text.isascii() and text.isprintable()


def _header(value: str) -> str:
    """Return a value as printable ASCII: anything else, a line break above all, would make each request unsendable."""
    if value.isascii() and value.isprintable():  # nearly always, and each object has a dozen of them
        return value
    return "".join(c if " " <= c <= "~" else "?" for c in value)


def decode(body: bytes) -> list[dict[str, object]]:
    """Return the lines of one object, parsed; its first two bytes tell gzip. ValueError if a line is not JSON."""
    if body[:2] == b"\x1f\x8b":
        body = zlib.decompress(body, 16 + zlib.MAX_WBITS)
    return [json.loads(one) for one in body.split(b"\n") if one]


def date_and_hour(wall: float) -> tuple[str, str]:
    """Return `YYYY-MM-DD` and `HH` in UTC of seconds since the epoch (Hinnant's days-to-civil algorithm)."""
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
    """Return `YYYY-MM-DDTHH:MM:SS.mmmZ`, as the platform writes it."""
    date, hour = date_and_hour(wall)
    seconds = int(wall)
    return f"{date}T{hour}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{int((wall - seconds) * 1000):03d}Z"
