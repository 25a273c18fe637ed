"""Whatever a stream went through, what is read of it is what zlib reads, fed with one byte after the other."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.sources.inflating import inflated

_LINE = b'{"time":"2026-11-20T08:00:00.000Z","type":"function","record":"%d"}\n'
_PIECE = 256  # bytes of a damaged stream that are read or lost together
_TEXTS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.integers(0, 10_000), max_size=60).map(lambda numbers: b"".join(_LINE % number for number in numbers)),
)


@st.composite
def members(draw: st.DrawFn) -> bytes:
    """A gzip stream, as several programs write them: with a name in its header, or a checksum, or without."""
    text, level = draw(_TEXTS), draw(st.sampled_from([0, 1, 6, 9]))
    name = draw(st.sampled_from(["", "lines.json"]))
    made = io.BytesIO()
    with gzip.GzipFile(name, "wb", level, made, mtime=draw(st.sampled_from([0, 1_700_000_000]))) as file:
        file.write(text)
    return made.getvalue()


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Members one after the other, cut, with bytes that are others, or with more behind."""
    body = bytearray(b"".join(draw(st.lists(members(), min_size=1, max_size=3))))
    last = len(body) - 1
    for _ in range(draw(st.integers(0, 2))):
        # The header, its flags and the checksums at the end are hit as often as all that is between.
        place = draw(st.one_of(st.integers(2, 12), st.just(3), st.integers(last - 7, last), st.integers(2, last)))
        body[place] = draw(st.integers(0, 255))
    end = draw(st.one_of(st.just(len(body)), st.integers(2, len(body))))
    return bytes(body[:end]) + draw(st.sampled_from([b"", b"\0" * 7, b"x", b"\x1f\x8b"]))


def plainly(body: bytes) -> tuple[bytes, bool]:
    """Return what zlib reads, and whether it reads all of it."""
    text = b""
    while body:
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        taken = 0
        try:
            while taken < len(body) and not stream.eof:
                text += stream.decompress(body[taken : taken + 1])
                taken += 1
        except zlib.error:
            return text, False
        if not stream.eof:
            return text, False
        body = body[taken:]
        if body and not body.startswith(b"\x1f\x8b"):
            return text, not body.strip(b"\0")
    return text, True


@given(streams())
def test_what_is_read_is_what_zlib_reads(body: bytes) -> None:
    expected, whole = plainly(body)
    text, damage = inflated(body)
    assert (damage is None) == (whole and expected != b"")
    if damage is None or "cut" in damage:
        assert text == expected
    else:
        assert expected.startswith(text)


@pytest.mark.parametrize("flag", [0x20, 0x40, 0x80])
def test_a_header_with_flags_that_nobody_uses_is_damage(flag: int) -> None:
    body = bytearray(gzip.compress(b"{}\n"))
    body[3] |= flag
    assert inflated(bytes(body)) == (b"", "the gzip stream is damaged")


@given(_TEXTS.filter(bool), st.integers(0, 4000))
def test_what_precedes_the_damage_is_read(text: bytes, place: int) -> None:
    body = bytearray(gzip.compress(text, 0))  # as it is, after a header and the length
    body[15 + place % len(text)] ^= 1
    found, damage = inflated(bytes(body))
    assert damage == "the gzip stream is damaged"  # as its checksum tells, at its end
    assert len(found) >= len(text) - _PIECE
