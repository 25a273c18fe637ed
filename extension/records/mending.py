"""Reads one envelope of a body, mending what is cut: within a bounded number of steps. Pure; nothing raises.

The pieces of a cut record are joined by taking out what stands between them, a seam. What is tried, and how far, is
counted: for all that is broken in one body there is one allowance (`Steps`).
"""

from __future__ import annotations

import json
import re

PIECES = 64  # of one record, and places at which reading on is tried
LONGEST_TAIL = 4 * 1024 * 1024  # characters of a cut record that wait for the next body
SHORTEST = 64  # characters of an envelope of the platform's; a body has as many entries as that allows, and ENTRIES
ENTRIES = 1000
STEPS, FREE_STEPS = 3, 1024 * 1024  # for each character of a body, and for any: what mending may cost
FAILURES = 1000  # scans that may fail, and one more for each KiB, until mending ends
FAILURE = 256  # steps that a scan which fails costs beside what it looks at: an exception is made
WINDOW = 4096  # characters that are scanned at first where something is broken
LOOKAHEAD = 16  # characters behind the place of an error that the scanner may have looked at
HEAD_LENGTH = 200  # characters of a seam that begins where the trouble is: more blanks than that are not looked for

WHITESPACE = " \t\n\r"
_MARKS = (",", "]", "")  # what may stand behind an envelope; "": a body that ends there
_HEAD = r'\{"time":"[^"]{1,40}","type":"(?:function|extension)","record":'
_OPENING = re.compile(r"\[\s*" + _HEAD)  # a body that goes on with a cut record begins so
_CUT = re.compile(_HEAD)
_SEAM = re.compile(r"\}\s*,\s*" + _HEAD)  # what stands between two pieces in one body
_NEXT = re.compile(r',\s*(?=\{"time":)')
_BLANKS = re.compile(r"[ \t\n\r]*")

# The C scanner gives the bounds of each envelope. A number stays its own text, so none is too large or changes its
# form; as bytes, so that `{"type":5}` is not mistaken for `{"type":"5"}`. (A class of our own takes ten times as long.)
numeral = str.encode
_BROKEN = object()  # in place of the value of what cannot be read
_scan = json.JSONDecoder(parse_int=numeral, parse_float=numeral, parse_constant=numeral).scan_once  # type: ignore[attr-defined]


class Steps:
    """What is left of a body's allowance for mending. A step is a character that is scanned, copied or searched.

    When it is used up pieces are no longer joined, and what follows something broken is not tried before it is taken.
    When nearly as much again is used up, the rest of the body becomes one entry.
    """

    __slots__ = ("_failures", "_spent_at", "entries", "failures", "left", "taken")

    def __init__(self, size: int) -> None:
        self.left = STEPS * size + FREE_STEPS
        self._spent_at = -2 * size - FREE_STEPS
        self.taken = 0
        self.failures = 0  # scans that have failed
        self._failures = FAILURES + size // 1024
        self.entries = ENTRIES + size // SHORTEST  # that may still be made

    def take(self, count: int) -> None:
        """Count so many steps."""
        self.left -= count
        self.taken += count

    def failed(self, count: int) -> None:
        """Count a scan that has failed, and looked at so much."""
        self.failures += 1
        self.take(FAILURE + count)

    @property
    def may_mend(self) -> bool:
        """Whether there is some allowance left for joining and trying."""
        return self.left > 0 and self.failures < self._failures

    @property
    def are_spent(self) -> bool:
        """Whether nothing more may be tried in this body."""
        return self.left <= self._spent_at or self.entries <= 0


def plain_text(value: object) -> str | None:
    """Return a JSON string's value; None for anything else, numbers among it."""
    return value if isinstance(value, str) else None


def envelope_at(text: str, position: int, steps: Steps) -> tuple[str, object, int] | None:
    """Return text, value and end of the envelope at `position`, its pieces joined; None if it cannot be read.

    Cut between two digits it can be JSON as it stands: `[{"n":1},{"time":"T2","type":"function","record":0}]`.
    """
    whole, looked_to = _scanned(text, position, steps)
    if whole:
        if _SEAM.search(text, position, whole[2]) is None:
            return whole
        return _joined(text, position, whole[2], steps) or whole
    return _joined(text, position, looked_to, steps)


def _scanned(text: str, position: int, steps: Steps) -> tuple[tuple[str, object, int] | None, int]:
    """Return the envelope at `position`; if there is none, also how far it was looked: the rest changes nothing."""
    if not steps.failures:
        value, end = _attempt(text, position)
        if value is not _BROKEN:
            return _marked(text, position, value, end, steps), len(text)
        steps.take(position // 8)  # the exception has counted the lines before it
    window = WINDOW
    while True:  # in pieces: an error costs as much as stands before it
        piece = text[position : position + window]
        value, end = _attempt(piece, 0)
        is_broken = value is _BROKEN
        if not is_broken and (end < len(piece) or position + end == len(text)):
            return _marked(text, position, value, position + end, steps), len(text)
        broke_at = end + LOOKAHEAD if is_broken else len(piece)
        steps.failed(min(broke_at, len(piece)))
        if broke_at < len(piece):
            return None, position + broke_at
        if position + window >= len(text) or steps.are_spent:
            return None, len(text)
        window *= 4


def _attempt(text: str, position: int) -> tuple[object, int]:
    """Return value and end of what stands at `position`; _BROKEN and where it broke if it cannot be read.

    What is in the middle of a string where the text ends breaks there.
    """
    try:
        value, end = _scan(text, position)
    except StopIteration as error:
        return _BROKEN, int(error.value)
    except json.JSONDecodeError as error:
        return _BROKEN, len(text) if error.msg.startswith("Unterminated") else error.pos
    except RecursionError:  # as deep as that it is not mended
        return _BROKEN, position
    return value, end


def _marked(text: str, position: int, value: object, end: int, steps: Steps) -> tuple[str, object, int] | None:
    """Return an envelope, unless it has more behind it: the second piece of a cut record can look like one."""
    return (text[position:end], value, end) if _is_marked(text, end, steps) else None


def _is_marked(text: str, end: int, steps: Steps) -> bool:
    """Return whether an envelope may end here, by what stands behind it."""
    mark = skip(text, end)
    steps.take(mark - end)
    return text[mark : mark + 1] in _MARKS


def _joined(text: str, position: int, looked_to: int, steps: Steps) -> tuple[str, object, int] | None:
    """Take out one seam after the other until the envelope at `position` can be read and holds none.

    The first is one that begins before `looked_to`: what stands behind it was not the trouble. Where the rest cannot be
    read without its seams, they are the record's own.
    """
    if not steps.may_mend or not _CUT.match(text, position):
        return None
    before, at, found = "", position, None
    seam = _SEAM.search(text, position, looked_to + HEAD_LENGTH)
    for _ in range(PIECES):
        if seam is None or not steps.may_mend:
            break
        steps.take(seam.end() - at)
        before += text[at : seam.start()]
        at = seam.end()
        seam = _SEAM.search(text, at)
        whole, broke_early = _scanned_behind(before, text, at, seam.start() + 1 if seam else len(text), steps)
        if broke_early or (whole and not (seam and seam.end() < whole[2])):
            return whole or found
        found = found or whole
    return found


def _scanned_behind(
    before: str, text: str, at: int, end: int, steps: Steps
) -> tuple[tuple[str, object, int] | None, bool]:
    """Scan `before` and what stands at `at`, up to `end` at first; also whether no piece that may follow can help.

    Most records end with their last piece. One that holds what looks like a seam goes on behind it.
    """
    fixed = len(before) + end - at
    while True:
        piece = before + text[at:end]
        steps.take(len(piece))
        value, stop = _attempt(piece, 0)
        if value is not _BROKEN:
            follows = at + stop - len(before)  # or it ends in the middle of what was joined
            is_whole = stop > len(before) and _is_marked(text, follows, steps)
            return ((piece[:stop], value, follows) if is_whole else None), False
        steps.failed(0)
        if stop + LOOKAHEAD < len(piece):
            return None, stop + LOOKAHEAD < fixed
        if end == len(text) or not steps.may_mend:
            return None, False
        end = min(at + 4 * max(end - at, FAILURE), len(text))


def continued(text: str, tail: str, steps: Steps) -> str:
    """Return the body with the tail of the one before joined to its first envelope; "" if it does not go on with it."""
    opening = _OPENING.match(text, skip(text, 0))
    if not opening:
        return ""
    joined = "[" + tail + text[opening.end() :]
    if envelope_at(joined, 1, steps) is not None:
        return joined
    stands_alone = _is_valid(envelope_at(text, skip(text, text.index("[") + 1), steps))
    return joined if not stands_alone and unfinished(joined, 1, steps) else ""


def _is_valid(envelope: tuple[str, object, int] | None) -> bool:
    """Return whether this is more than a piece, which can look like an envelope whose record is a number or a list."""
    record = envelope[1].get("record") if envelope and isinstance(envelope[1], dict) else None
    return isinstance(record, dict) or plain_text(record) is not None


def unfinished(text: str, position: int, steps: Steps) -> str:
    """Return the beginning of a cut record that ends this body, without what closed the array; "" if there is none."""
    if steps.are_spent or not _CUT.match(text, position) or len(text) - position > LONGEST_TAIL:
        return ""
    rest = text[position:].rstrip(WHITESPACE)
    inner = rest[:-1].rstrip(WHITESPACE)
    return inner[:-1] if rest.endswith("]") and inner.endswith("}") else ""


def resume(text: str, position: int, steps: Steps) -> tuple[int, int] | None:
    """Return where what cannot be read ends, and where the next readable envelope begins; None if there is none."""
    if steps.are_spent:
        return None
    if not steps.may_mend:
        place = _NEXT.search(text, position + 1)
        return place and place.span()
    for number, place in enumerate(_NEXT.finditer(text, position + 1)):
        if number == PIECES:
            break
        if _is_valid(envelope_at(text, place.end(), steps)):
            return place.start(), place.end()
    return None


def skip(text: str, position: int) -> int:
    """Return where the blanks at `position` end."""
    if text[position : position + 1] not in WHITESPACE:
        return position
    return _BLANKS.match(text, position).end()  # type: ignore[union-attr]  # it matches anything
