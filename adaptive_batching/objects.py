"""The format of the objects that the extension ships (version 1), as the tools read it. Pure.

The tools do not import the extension, so the format is implemented here a second time; a test compares the two. An
object is newline-delimited JSON, with or without gzip compression. Each line has the platform's members `time`, `type`
and `record`, and three members that the extension adds.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

#: The members that every line has.
REQUIRED = ("time", "type", "record", "requestId", "environment", "sequence")
#: The years in which a line can have been written: from the first on, before the second.
EARLIEST, LATEST = 1970, 2200

_GZIP = b"\x1f\x8b"


class FormatError(ValueError):
    """An object does not follow the format. The message names the object and the line."""


def plain(body: bytes) -> bytes:
    """Return a body, decompressed if its first two bytes are those of gzip. Raises zlib.error if it is damaged."""
    return zlib.decompress(body, 16 + zlib.MAX_WBITS) if body.startswith(_GZIP) else body


def lines(body: bytes) -> list[Any]:
    """Return the parsed lines of one object. Raises zlib.error, or ValueError or RecursionError for invalid JSON."""
    return [json.loads(line) for line in plain(body).split(b"\n") if line]


def checked(key: str, body: bytes) -> tuple[str, tuple[dict[str, Any], ...]]:
    """Return the text and the records of one object's body.

    Raises FormatError if a line is not JSON or lacks one of the members in `REQUIRED`.
    """
    text = plain(body).decode("utf-8")
    if not text.endswith("\n"):
        raise FormatError(f"{key}: the last line has no newline")
    records = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{key}, line {number}: {error}") from None
        absent = [name for name in REQUIRED if not isinstance(record, dict) or name not in record]
        if absent:
            raise FormatError(f"{key}, line {number}: without {', '.join(absent)}")
        records.append(record)
    return text, tuple(records)
