"""Split records that are larger than maxBytes inside their JSON value (docs/lambda-protocol.md, 6.3). Pure."""

from __future__ import annotations

import re

_HEAD = re.compile(rb'\{"time":"([^"]+)","type":"(function|extension)","record":')


def split(event: bytes, max_bytes: int, times: list[str]) -> list[bytes]:
    """Return the pieces of an encoded event: [event] if it fits or is a platform event.

    Each piece has an envelope and a time of its own. The first piece has the time of the event, the further ones have
    `times` in turn, and the last of these is repeated. The part of the record in a piece has at most `max_bytes` bytes.
    """
    head = _HEAD.match(event)
    if len(event) <= max_bytes or head is None:
        return [event]
    record = event[head.end() : -1]
    pieces: list[bytes] = []
    start = 0
    while start < len(record):
        end = min(start + max_bytes, len(record))
        while end < len(record) and record[end] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a UTF-8 character
            end -= 1
        time = head[1] if not pieces else times[min(len(pieces), len(times)) - 1].encode()
        pieces.append(b'{"time":"%s","type":"%s","record":%s}' % (time, head[2], record[start:end]))
        start = end
    return pieces
