"""Cuts one POST body into its envelopes, whatever the bytes are. Pure; nothing raises.

Beside the regular case (a JSON array of envelopes) it mends what the platform itself breaks: a record over maxBytes is
cut inside its JSON value, each piece arrives in an envelope of its own, in one body or at the seam of two
(`…"record":{"message":"AAAA},{"time":"T2","type":"function","record":AAAA"}}`). Source: lambda-protocol 6.3.
What cannot be saved becomes one entry of type `extension.unparsed`; its neighbours are kept.
"""

from __future__ import annotations

import json
import re

from extension.records import objects

UNPARSED = "extension.unparsed"
UNPARSED_TEXT = 65536  # characters of an unreadable body that are kept
TIME_LENGTH = 40  # a longer `time` is not one
PIECES = 64  # of one record, and places at which reading on is tried: a broken body must not cost more than that
LONGEST_TAIL = 16 * 1024 * 1024  # characters of a cut record that wait for the next body

_WHITESPACE = " \t\n\r"
_MARKS = (",", "]", "")  # what may stand behind an envelope; "": a body that ends there
_HEAD = r'\{"time":"[^"]{1,40}","type":"(?:function|extension)","record":'
_OPENING = re.compile(r"\[\s*" + _HEAD)  # a body that goes on with a cut record begins so
_CUT = re.compile(_HEAD)
_LINE = re.compile(r'\{"time":"([0-9TZ:.+-]{1,40})","type":"(function|extension)","record":"')  # nearly all there is
_SEAM = re.compile(r"\}\s*,\s*" + _HEAD)  # what stands between two pieces in one body
_NEXT = re.compile(r',\s*(?=\{"time":)')


class Numeral(str):
    """A number's own text; a type of its own, so that `{"type":5}` is not mistaken for `{"type":"5"}`."""

    __slots__ = ()


# The C scanner gives the bounds of each envelope; numbers stay text, so none is too large or changes its form.
_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]
_scan = json.JSONDecoder(parse_int=Numeral, parse_float=Numeral, parse_constant=Numeral).scan_once  # type: ignore[attr-defined]


class Entry:
    """One envelope of a POST: its own text, and what the extension needs to know of it."""

    __slots__ = ("raw", "readable", "record", "time", "type")

    def __init__(self, raw: str, kind: str, time: str, record: object, *, readable: bool = True) -> None:
        self.raw = raw
        self.type = kind
        self.time = time  # "" if absent or not a time
        self.record = record
        self.readable = readable


def split(body: bytes, tail: str, now_text: str) -> tuple[list[Entry], str]:
    """Return the entries of one body, and the beginning of a record that the next may finish ("" if there is none).

    `tail` is what the body before left so; `now_text` is the time given to what cannot be read.
    """
    try:
        text, irregular = str(body, "utf-8"), bool(tail)
    except UnicodeDecodeError:
        text, irregular = (
            str(body, "utf-8", "surrogateescape"),
            True,
        )  # a cut may go through a character: mended when joined
    text = text.removeprefix("\ufeff")  # a byte order mark
    found: list[Entry] = []
    if tail:
        joined = _continued(text, tail)
        found += [] if joined else [unparsed(tail, now_text)]
        text = joined or text
    position = _skip(text, 0)
    if position == len(text):
        return found, ""
    if text[position] != "[":
        return [*found, unparsed(text, now_text)], ""
    position = _skip(text, position + 1)
    if text[position : position + 1] == "]":
        rest = text[position + 1 :]
        return [*found, *([unparsed(rest, now_text)] if rest.strip(_WHITESPACE) else [])], ""
    return _read_array(text, position, found, now_text, irregular=irregular)


def _read_array(
    text: str, position: int, found: list[Entry], now_text: str, *, irregular: bool
) -> tuple[list[Entry], str]:
    while True:
        if not irregular and (head := _LINE.match(text, position)):
            try:
                record, end = _scan_string(text, head.end())
            except ValueError:
                end = len(text)
            if text.startswith("},{", end):  # a line, and another envelope: no need to scan the rest of it
                found.append(Entry(text[position : end + 1], head[2], head[1], record))
                position = end + 2
                continue
        envelope = _envelope(text, position)
        if envelope is None:
            place = _resume(text, position)
            if place is None:
                left = _unfinished(text, position)
                return found + ([] if left else [unparsed(text[position:], now_text)]), left
            stop, position_after = place
            found.append(unparsed(text[position:stop], now_text))
            position = position_after
            continue
        raw, value, end = envelope
        found.append(_entry(_valid(raw) if irregular else raw, value, now_text))
        end = _skip(text, end)
        mark = text[end : end + 1]
        position = _skip(text, end + 1)
        if mark == ",":
            continue
        if mark == "]" and position == len(text):
            return found, ""
        place = _resume(text, end)  # cut short, or something behind the array
        found.append(unparsed(text[end : place[0] if place else len(text)], now_text))
        if place is None:
            return found, ""
        position = place[1]


def unparsed(text: str, now_text: str) -> Entry:
    """Return text that cannot be read as a record of its own."""
    kept = _valid(text[:UNPARSED_TEXT])
    raw = f'{{"time":"{now_text}","type":"{UNPARSED}","record":{objects.encode_string(kept)}}}'
    return Entry(raw, UNPARSED, now_text, kept, readable=False)


def plain_text(value: object) -> str | None:
    """Return a JSON string's value; None for anything else, numbers among it."""
    return value if isinstance(value, str) and not isinstance(value, Numeral) else None


def _envelope(text: str, position: int) -> tuple[str, object, int] | None:
    """Return text, value and end of the envelope at `position`, its pieces joined; None if it cannot be read.

    Cut between two digits it can be JSON as it stands: `[{"n":1},{"time":"T2","type":"function","record":0}]`.
    """
    whole = _scanned(text, position)
    if whole and _SEAM.search(text, position, whole[2]) is None:
        return whole
    return _joined(text[: whole[2]] if whole else text, position) or whole


def _scanned(text: str, position: int) -> tuple[str, object, int] | None:
    try:
        value, end = _scan(text, position)
    except (ValueError, StopIteration, RecursionError):
        return None
    # the second piece of a cut record can look like an envelope that has more behind it
    return (text[position:end], value, end) if text[(mark := _skip(text, end)) : mark + 1] in _MARKS else None


def _joined(text: str, position: int) -> tuple[str, object, int] | None:
    """Take out one seam after the other until the envelope at `position` can be read."""
    if not _CUT.match(text, position):
        return None
    before, at = "", position
    for number, seam in enumerate(_SEAM.finditer(text, position)):
        if number == PIECES:
            break
        before += text[at : seam.start()]
        at = seam.end()
        whole = _scanned(before + text[at:], 0)
        if whole is not None and whole[2] > len(before):
            return whole[0], whole[1], at + whole[2] - len(before)
    return None


def _continued(text: str, tail: str) -> str:
    """Return the body with the tail of the one before joined to its first envelope; "" if it does not go on with it."""
    opening = _OPENING.match(text, _skip(text, 0))
    if not opening:
        return ""
    joined = "[" + tail + text[opening.end() :]
    if _envelope(joined, 1) is not None:
        return joined
    stands_alone = _is_valid(_envelope(text, _skip(text, text.index("[") + 1)))
    return joined if not stands_alone and _unfinished(joined, 1) else ""


def _is_valid(envelope: tuple[str, object, int] | None) -> bool:
    """Return whether this is more than a piece, which can look like an envelope whose record is a number or a list."""
    record = envelope[1].get("record") if envelope and isinstance(envelope[1], dict) else None
    return isinstance(record, dict) or plain_text(record) is not None


def _unfinished(text: str, position: int) -> str:
    """Return the beginning of a cut record that ends this body, without what closed the array; "" if there is none."""
    if not _CUT.match(text, position) or len(text) - position > LONGEST_TAIL:
        return ""
    rest = text[position:].rstrip(_WHITESPACE)
    inner = rest[:-1].rstrip(_WHITESPACE)
    return inner[:-1] if rest.endswith("]") and inner.endswith("}") else ""


def _resume(text: str, position: int) -> tuple[int, int] | None:
    """Return where what cannot be read ends, and where the next readable envelope begins; None if there is none."""
    for number, place in enumerate(_NEXT.finditer(text, position + 1)):
        if number == PIECES:
            break
        if _is_valid(_envelope(text, place.end())):
            return place.start(), place.end()
    return None


def _entry(raw: str, value: object, now_text: str) -> Entry:
    if not isinstance(value, dict) or (kind := plain_text(value.get("type"))) is None:
        return unparsed(raw, now_text)
    time = plain_text(value.get("time")) or ""
    plain = len(time) <= TIME_LENGTH and time.isascii() and time.isprintable()  # it becomes a header of the object
    return Entry(raw, kind, time if plain else "", value.get("record"))


def _valid(text: str) -> str:
    """Return the text with bytes that are not UTF-8 as U+FFFD: a line of JSON has to be UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position
