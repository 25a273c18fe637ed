"""The bytes of an object, decompressed as far as they can be. Pure."""

from __future__ import annotations

import contextlib
import zlib

from isal import isal_zlib

from adaptive_batching.wording import counted

_GZIP = b"\x1f\x8b"
_WBITS = 16 + zlib.MAX_WBITS
#: Flags of a member's header, in its byte 3, that nobody uses: zlib takes them for damage, ISA-L passes over them.
_RESERVED = 0b1110_0000
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
    """Return the text of the first member, what follows it, and what is wrong with it.

    ISA-L is twice as fast. Of a member that is not whole zlib tells what is wrong, and what can be saved. (What has
    incomplete Huffman codes, which no program writes, is damaged for zlib alone; length and checksum are right.)
    """
    fast = isal_zlib.decompressobj(_WBITS)
    with contextlib.suppress(isal_zlib.error):  # type: ignore[arg-type] # its stub has an instance for the class
        text = fast.decompress(body)
        if fast.eof and not body[3] & _RESERVED:
            return text, fast.unused_data, None
    stream = zlib.decompressobj(_WBITS)
    try:
        text = stream.decompress(body)
    except zlib.error:
        return _before_the_damage(body), b"", "the gzip stream is damaged"
    return text, stream.unused_data, None if stream.eof else "the gzip stream is cut"


def _before_the_damage(body: bytes) -> bytes:
    stream = zlib.decompressobj(_WBITS)
    saved = []
    try:
        for at in range(0, len(body), _PIECE):
            saved.append(stream.decompress(body[at : at + _PIECE]))  # noqa: PERF401 - keeps what precedes the damage
    except zlib.error:
        pass
    return b"".join(saved)
