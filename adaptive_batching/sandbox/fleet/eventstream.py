"""Encode `application/vnd.amazon.eventstream`, in the part that a streamed answer of Invoke needs. Pure.

A message consists of the total length, the length of the headers, the CRC-32 of these two, the headers, the payload,
and the CRC-32 of everything before it. Numbers are big-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
#: The largest PayloadChunk, in bytes. A larger payload is sent as several chunks.
CHUNK = 65_536


def message(event: str, payload: bytes, content_type: str) -> bytes:
    """Return one event message."""
    named = {":message-type": "event", ":event-type": event, ":content-type": content_type}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
        for name, value in named.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return start + struct.pack(">I", zlib.crc32(start))


def answer(payload: bytes, complete: Mapping[str, str]) -> bytes:
    """Return the complete stream of one answer: the payload in chunks, then InvokeComplete."""
    chunks = [payload[start : start + CHUNK] for start in range(0, len(payload), CHUNK)]
    parts = [message("PayloadChunk", chunk, "application/octet-stream") for chunk in chunks]
    return b"".join(parts) + message("InvokeComplete", json.dumps(complete).encode(), "application/json")
