"""Cuts one POST body into its envelopes, whatever the bytes are. Pure; nothing raises.

Beside the regular case (a JSON array of envelopes) it mends what the platform itself breaks: a record over maxBytes is
cut inside its JSON value, each piece arrives in an envelope of its own, in one body or at the seam of two
(`…"record":{"message":"AAAA},{"time":"T2","type":"function","record":AAAA"}}`). Source: lambda-protocol 6.3.
What cannot be saved becomes one entry of type `extension.unparsed`; its neighbours are kept.

Whatever the bytes are, the work is bounded: reading what is whole takes time in proportion to its length, and for all
that is broken in one body together there is an allowance of steps. See `Steps`.
"""

from __future__ import annotations

import json
import re

from extension.records import objects, plain
from extension.records.mending import WHITESPACE, Steps, continued, envelope_at, plain_text, resume, skip, unfinished

UNPARSED = "extension.unparsed"
UNPARSED_TEXT = 65536  # characters of an unreadable body that are kept
TIME_LENGTH = 40  # a longer `time` is not one

_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]
_LINE = re.compile(r'\{"time":"([0-9TZ:.+-]{1,40})","type":"(function|extension)","record":"')  # nearly all there is


class Entry:
    """One envelope of a POST: its own text, and what the extension needs to know of it."""

    __slots__ = ("raw", "readable", "record", "time", "type")

    def __init__(self, raw: str, kind: str, time: str, record: object, *, readable: bool = True) -> None:
        self.raw = raw
        self.type = kind
        self.time = time  # "" if absent or not a time
        self.record = record
        self.readable = readable


def split(
    body: bytes, tail: str, now_text: str, steps: Steps | None = None, *, singly: bool = False
) -> tuple[list[Entry | plain.Lines], str]:
    """Return the entries of one body, and the beginning of a record that the next may finish ("" if there is none).

    Plain lines that follow each other are one entry, unless `singly`. `tail` is what the body before left so;
    `now_text` is the time given to what cannot be read. `steps` counts what mending costs.
    """
    is_regular = not tail
    try:
        text = body.decode()
    except UnicodeDecodeError:  # a cut may go through a character: mended when joined
        text, is_regular = body.decode(errors="surrogateescape"), False
    text = text.removeprefix("\ufeff")  # a byte order mark
    steps = steps or Steps(len(text) + len(tail))
    found: list[Entry | plain.Lines] = []
    if tail:
        joined = continued(text, tail, steps)
        found += [] if joined else [unparsed(tail, now_text)]
        text = joined or text
    position = skip(text, 0)
    if position == len(text):
        return found, ""
    if text[position] != "[":
        return [*found, unparsed(text, now_text)], ""
    position = skip(text, position + 1)
    if text[position : position + 1] == "]":
        rest = text[position + 1 :]
        return [*found, *([unparsed(rest, now_text)] if rest.strip(WHITESPACE) else [])], ""
    is_worth_it = is_regular and len(body) >= plain.WORTH and not singly
    lines = plain.find(text, body) if is_worth_it else None
    return _read_array(text, position, found, now_text, steps, lines, is_regular=is_regular)


def _read_array(
    text: str,
    position: int,
    found: list[Entry | plain.Lines],
    now_text: str,
    steps: Steps,
    lines: plain.Plain | None,
    *,
    is_regular: bool,
) -> tuple[list[Entry | plain.Lines], str]:
    """Read entry after entry. `is_regular`: the body is UTF-8, and does not go on with a record of the one before."""
    while True:
        if is_regular:
            if lines and (some := lines.at(position)):
                found.append(some)
                position = some.end
                continue
            begun, position = position, _regular(text, position, found, singly=lines is not None)
            if lines and position > begun:
                continue
        steps.entries -= 1
        envelope = None if steps.are_spent else envelope_at(text, position, steps)
        if envelope is None:
            place = resume(text, position, steps)
            if place is None:
                left = unfinished(text, position, steps)
                return found + ([] if left else [unparsed(text[position:], now_text)]), left
            stop, position_after = place
            found.append(unparsed(text[position:stop], now_text))
            position = position_after
            continue
        raw, value, end = envelope
        found.append(_entry(raw if is_regular else _valid(raw), value, now_text))
        end = skip(text, end)
        mark = text[end : end + 1]
        position = skip(text, end + 1)
        if mark == ",":
            continue
        if mark == "]" and position == len(text):
            return found, ""
        place = resume(text, end, steps)  # cut short, or something behind the array
        found.append(unparsed(text[end : place[0] if place else len(text)], now_text))
        if place is None:
            return found, ""
        position = place[1]


def _regular(text: str, position: int, found: list[Entry | plain.Lines], *, singly: bool) -> int:
    """Take the lines from `position` on, or one, that need half a scan of their own; return where the next begins."""
    while head := _LINE.match(text, position):
        try:
            record, end = _scan_string(text, head.end())
        except ValueError:
            break
        if not text.startswith("},{", end):  # a line, and another envelope: no need to scan the rest of it
            break
        found.append(Entry(text[position : end + 1], head[2], head[1], record))
        position = end + 2
        if singly:
            break
    return position


def unparsed(text: str, now_text: str) -> Entry:
    """Return text that cannot be read as a record of its own."""
    kept = _valid(text[:UNPARSED_TEXT])
    raw = f'{{"time":"{now_text}","type":"{UNPARSED}","record":{objects.encode_string(kept)}}}'
    return Entry(raw, UNPARSED, now_text, kept, readable=False)


def _entry(raw: str, value: object, now_text: str) -> Entry:
    if not isinstance(value, dict) or (kind := plain_text(value.get("type"))) is None:
        return unparsed(raw, now_text)
    time = plain_text(value.get("time")) or ""
    plain = len(time) <= TIME_LENGTH and time.isascii() and time.isprintable()  # it becomes a header of the object
    return Entry(raw, kind, time if plain else "", value.get("record"))


def _valid(text: str) -> str:
    """Return the text with bytes that are not UTF-8 as U+FFFD: a line of JSON has to be UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
