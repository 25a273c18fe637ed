"""The bytes of an object, decompressed as far as they can be. Pure."""

from __future__ import annotations

import zlib

from adaptive_batching.wording import counted

_GZIP = b"\x1f\x8b"
#: Bytes of a damaged stream that are decompressed at a time. The pieces before the damage are kept.
_PIECE = 256


def inflated(body: bytes) -> tuple[bytes, str | None]:
    """Return the text of an object, and what is wrong with it (None: nothing).

    The first two bytes tell gzip, whatever the name says. A stream may have several members. Of a stream that is cut
    or damaged, what comes before the damage is returned.
    """
    if not body.startswith(_GZIP):
        return body, None if body else "empty"
    parts, damage = [], None
    while body and not damage:
        text, body, damage = _member(body)
        parts.append(text)
        if body and not body.startswith(_GZIP):
            if body.strip(b"\0"):  # gzip itself allows padding with NUL
                damage = f"what follows the gzip stream, {counted(len(body), 'byte')}, is not gzip"
            break
    whole = b"".join(parts)
    return whole, damage or (None if whole else "empty")


def _member(body: bytes) -> tuple[bytes, bytes, str | None]:
    """Return the text of the first member, what follows it, and what is wrong with it."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = stream.decompress(body)
    except zlib.error:
        return _before_the_damage(body), b"", "the gzip stream is damaged"
    return text, stream.unused_data, None if stream.eof else "the gzip stream is cut"


def _before_the_damage(body: bytes) -> bytes:
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    saved = []
    try:
        for at in range(0, len(body), _PIECE):
            saved.append(stream.decompress(body[at : at + _PIECE]))  # noqa: PERF401 - keeps what precedes the damage
    except zlib.error:
        pass
    return b"".join(saved)
