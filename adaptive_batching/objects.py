"""The format of what the extension ships (version 1), read a second time: the tools import nothing of the extension.

Pure. An object is newline-delimited JSON, gzip or not; each line has the platform's `time`, `type` and `record`, and
the three members that the extension adds. A test holds this reading against the extension's own.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

#: The members of every line.
REQUIRED = ("time", "type", "record", "requestId", "environment", "sequence")

_GZIP = b"\x1f\x8b"


class FormatError(ValueError):
    """An object that is not what the format says; the message names the object and the line."""


def plain(body: bytes) -> bytes:
    """Return a body without compression; gzip is recognised by its first two bytes. Raises zlib.error if damaged."""
    return zlib.decompress(body, 16 + zlib.MAX_WBITS) if body.startswith(_GZIP) else body


def lines(body: bytes) -> list[Any]:
    """Return the lines of one object, parsed. Raises ValueError or RecursionError if one is not JSON, or zlib.error."""
    return [json.loads(line) for line in plain(body).split(b"\n") if line]


def checked(key: str, body: bytes) -> tuple[str, tuple[dict[str, Any], ...]]:
    """Return text and records of one object's body, each line with all its members. Raises FormatError."""
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
