"""Records larger than a subscription's maxBytes: cut inside their JSON value, as in protocol reference 6.3. Pure."""

from __future__ import annotations

import re

_HEAD = re.compile(rb'\{"time":"([^"]+)","type":"(function|extension)","record":')


def split(event: bytes, max_bytes: int, times: list[str]) -> list[bytes]:
    """Return the pieces of an encoded event, [event] when it fits or is a platform event.

    Each piece is wrapped in an envelope of its own, with its own time: the event's, then `times` in turn (the last
    one again and again). A piece's part of the record has at most `max_bytes` bytes.
    """
    head = _HEAD.match(event)
    if len(event) <= max_bytes or head is None:
        return [event]
    record = event[head.end() : -1]
    pieces: list[bytes] = []
    start = 0
    while start < len(record):
        end = min(start + max_bytes, len(record))
        while end < len(record) and record[end] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a character of UTF-8
            end -= 1
        time = head[1] if not pieces else times[min(len(pieces), len(times)) - 1].encode()
        pieces.append(b'{"time":"%s","type":"%s","record":%s}' % (time, head[2], record[start:end]))
        start = end
    return pieces
