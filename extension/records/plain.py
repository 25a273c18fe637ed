"""Plain lines: the envelopes of a body whose record is a text, nearly all there is. Found by counting, not by scanning.

A body is cut at `},{"time":"`, which cannot stand inside a JSON string, for its first quote would end that. A piece is
plain if it begins with a time, the type `function` and the start of a string, and if the next quote that is not escaped
is its last character. That, valid escapes and the absence of control characters are checked for all pieces at once: a
plain piece holds nine quotes that are not escaped at least, so that if all together hold nine times as many, each holds
nine. Whatever does not add up is left to the scanner. Pure; nothing raises.
"""

from __future__ import annotations

import re
from itertools import compress

OPENING = '[{"time":"'
_BEGIN = OPENING[1:]
_BETWEEN = "}," + _BEGIN
_KIND = '","type":"function","record":"'
_QUOTES = 9  # of a plain piece, which lacks the opening quote of its time
_TIME_LENGTH = 40
_TIMES = re.compile("[0-9TZ:.+-]*")
_SAMPLE, _FEW_LINES, _FEW_ESCAPES = 4096, 8, 32  # characters of a body that are looked at first; in them
_UNICODE = re.compile(rb"\\u[0-9a-fA-F]{4}")
# What is no quote, backslash or control character.
_REST = bytes(code for code in range(32, 256) if code not in b'"\\')


WORTH = 16 * 1024  # bytes of a body from which on the passes over it cost less than they save


class Lines:
    """Plain lines that follow each other: each one's text from its time up to the quote that ends its record."""

    __slots__ = ("end", "probes", "record_at", "texts", "times", "unicode")

    def __init__(
        self,
        texts: list[str],
        probes: list[str],
        times: list[str],
        record_at: int,
        end: int,
        unicode: bool,  # noqa: FBT001
    ) -> None:
        self.texts = texts
        self.probes = probes  # the same with blanks in the place of escaped backslashes: `\\t` is always a tab in them
        self.times = times
        self.record_at = record_at  # where in each text its record begins, behind the quote
        self.end = end  # where the next envelope begins
        self.unicode = unicode  # there are escapes with numbers, which can stand for any character


class Plain:
    """The plain lines of one body; `at` gives them in order."""

    __slots__ = ("_good", "_number", "_position", "_probes", "_record_at", "_texts", "_times", "_unicode")

    def __init__(
        self,
        texts: list[str],
        probes: list[str],
        times: list[str],
        good: list[bool],
        record_at: int,
        unicode: bool,  # noqa: FBT001
    ) -> None:
        self._texts = texts
        self._probes = probes
        self._times = times
        self._good = good  # which pieces are plain; never the last
        self._record_at = record_at
        self._unicode = unicode
        self._number = 0
        self._position = 1  # of the piece with this number, its brace

    def at(self, position: int) -> Lines | None:
        """Return the plain lines from `position` on, which never goes back; None: what stands there is not plain."""
        first = self._number
        while self._position < position and first + 1 < len(self._texts):
            self._position += len(_BETWEEN) + len(self._texts[first])
            first += 1
        self._number = first
        if self._position != position or not self._good[first]:
            return None
        last = self._number = self._good.index(False, first)
        texts, probes, times = self._texts[first:last], self._probes[first:last], self._times[first:last]
        self._position += sum(map(len, texts)) + len(_BETWEEN) * len(texts)
        return Lines(texts, probes, times, self._record_at, self._position, self._unicode)


def find(text: str, body: bytes) -> Plain | None:
    """Return the plain lines of a body, given as text and as the UTF-8 of it; None if there are none."""
    kind_at = text.find('"', len(OPENING), len(OPENING) + _TIME_LENGTH + 1) - len(OPENING)
    if kind_at <= 0 or not text.startswith(OPENING) or _KIND not in text or _is_sparse(text[:_SAMPLE]):
        return None
    texts = text[len(OPENING) :].split(_BETWEEN)
    times = [one[:kind_at] for one in texts]
    found = _checked(texts, texts, times, kind_at, body)
    if found is None and b"\\\\" in body:
        probes = text[len(OPENING) :].replace("\\\\", "  ").split(_BETWEEN)
        found = _checked(texts, probes, times, kind_at, body.replace(b"\\\\", b"  "))
    return found


def _is_sparse(sample: str) -> bool:
    """Return whether the lines of a body that begins so are long and hold few escapes: the scanner is as fast there."""
    return len(sample) == _SAMPLE and sample.count(_BETWEEN) < _FEW_LINES and sample.count("\\") < _FEW_ESCAPES


def _checked(texts: list[str], probes: list[str], times: list[str], kind_at: int, body: bytes) -> Plain | None:
    """Return the pieces if all that look plain are so; None if not, or if none does.

    The form of the head is looked at in each one, and that the last character is a quote which is not escaped; the last
    piece is none of them, for another one must follow. An escaped backslash makes the count too high, never too low.
    """
    record_at = kind_at + len(_KIND)
    good = [
        probe.startswith(_KIND, kind_at) and len(probe) > record_at and probe[-1] == '"' and probe[-2] != "\\"
        for probe in probes
    ]
    good[-1] = False
    count = sum(good)
    if not count:
        return None
    others = " ".join([probe for probe, is_good in zip(probes, good, strict=True) if not is_good])
    least = _QUOTES * count + _BETWEEN.count('"') * len(texts) + _unescaped(others.encode(), 0)
    if _unescaped(body, least) != least:
        return None
    if not _TIMES.fullmatch("".join(set(compress(times, good)))):
        return None
    return Plain(texts, probes, times, good, record_at, b"\\u" in body)


def _unescaped(body: bytes, least: int) -> int:
    """Return how many quotes, control characters and faulty escapes there are beside valid escapes.

    A backslash behind another one counts too. If the count comes down to `least`, which it cannot be below, the rest is
    not looked for.
    """
    count = len(body.translate(None, _REST)) - 2 * body.count(b'\\"')
    for escape in (b"\\n", b"\\t", b"\\u", b"\\r", b"\\/", b"\\b", b"\\f"):
        if count == least:
            break
        count -= len(_UNICODE.findall(body)) if escape == b"\\u" else body.count(escape)
    return count
