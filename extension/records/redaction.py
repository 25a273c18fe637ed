"""Takes secrets and personal data out of records: each is replaced by a marker such as `[redacted:email]`. Pure.

In JSON, an object or text that is JSON, values alone change: strings are matched as what they say, without their
escapes, and a number in which something is found becomes a marker. Order, nesting and number of members stay, and so do
their names, except for what REDACT finds in one. Each search takes time in proportion to the length of the text.
"""

from __future__ import annotations

import json
import re

from extension.records.mending import numeral
from extension.records.objects import encode_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    class Pattern(Protocol):
        """What the user wants removed."""

        def spans(self, text: str) -> list[tuple[int, int]]:
            """Return what is part of any match, in order."""


NAMES = ("aws-keys", "bearer", "email", "card", "ipv4")
PATTERN = "pattern"
DEPTH = 4  # levels of JSON text in strings of JSON text
LOCAL, DOMAIN_LABELS = 64, 8  # characters before an @; labels behind it
OCTET = 255
KEY_LENGTH = 40  # characters of a secret access key
LEAST_TOKEN = 20  # characters from which on a word of letters alone may be a key, or behind `Bearer` a token
SHORTEST = 6  # characters of what can be found: a@b.io

_KEY_ID = re.compile(r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}")
_SECRET = re.compile(
    r"(?i:secret[_ -]?(?:access[_ -]?)?key)[\"'\\]{0,4}(?:\s{0,3}(?:[=:]>?|[>,])\s{0,3}|\s{1,3})(?:b?[\"'\\]{1,4})?"
    r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_SECRET_NAME = re.compile(r"(?i)secret[_ -]?(?:access[_ -]?)?key$")
_SECRET_VALUE = re.compile(r"[A-Za-z0-9/+]{40}")
_BEARER = re.compile(r"(?i:bearer)[ \t]{1,4}([A-Za-z0-9._~+/-]{8,}=*)")
_LOCAL = re.compile(r"[\w.%+-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![^\W_])")
_CARDS = (  # one by one: behind a card of 16 digits 12/27 may stand, which the longer form takes for a part of it
    re.compile(r"[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}"),
    re.compile(r"[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}\1[0-9]{1,3}"),
    re.compile(r"3[0-9]{3}([ -])[0-9]{6}\1[0-9]{4,5}"),
    re.compile(r"[2-6][0-9]{12,18}"),
)
_MAY_BE_CARD = re.compile(r"[2-6][0-9]{3}[ -]?[0-9]{4}")
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_NUMBER_BEFORE, _NUMBER_BEHIND = re.compile(r"(?<=[0-9]\.)"), re.compile(r"\.[0-9]")
_ESCAPE = re.compile(r"\\(?:[bfnrt]|u[0-9A-Fa-f]{4})")
_BEHIND_ESCAPE = re.compile(r"(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4})")
_MARK = re.compile(r'["{}\[\]]|-?[0-9][-+.eE0-9]*')
_COLON = re.compile(r"[ \t\n\r]*:")
_HEAD = re.compile(r'\{\s*"time"\s*:\s*"[^"\\]*"\s*,\s*"type"\s*:\s*"[^"\\]*"\s*,\s*"record"\s*:\s*')
_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]
_decode = json.JSONDecoder(parse_int=numeral, parse_float=numeral, parse_constant=numeral).decode


def record_at(raw: str) -> int:
    """Return where the record begins in the text of an envelope; 0 where its members stand in another order."""
    head = _HEAD.match(raw)
    return head.end() if head else 0


class Redaction:
    """What is taken out: some of NAMES, and what a pattern of the user's matches."""

    def __init__(self, names: Sequence[str], pattern: Pattern | None = None) -> None:
        self._names = [name for name in NAMES if name in names]
        self._pattern = pattern

    def envelope(self, raw: str) -> str:
        """Return the text of an envelope with its record redacted; the same if there is nothing in it."""
        at = record_at(raw)
        if raw[at] == '"':
            old, end = _scan_string(raw, at + 1)
            if raw[end:].strip() == "}":
                new = self.text(old)
                return raw if new == old else f"{raw[:at]}{encode_string(new)}{raw[end:]}"
        return self._json(raw, protected=True)

    def text(self, text: str, name: str = "", depth: int = 0) -> str:
        """Return a string redacted; `name` is that of the member it is the value of."""
        spans = self._spans(text, name)
        looks_like_json = text.lstrip()[:1] in ("{", "[") and depth < DEPTH
        if looks_like_json and (spans or self._pattern or "\\u" in text) and _is_json(text):
            return self._json(text, depth=depth + 1)
        return _replaced(text, spans)

    def _json(self, text: str, depth: int = 0, *, protected: bool = False) -> str:
        """Return JSON redacted. `protected`: it is an envelope, whose time and type stay."""
        reaching = _Reaching(self._pattern.spans(text) if self._pattern else [])
        found: list[str] = []
        done = position = level = 0
        name = ""
        while mark := _MARK.search(text, position):
            start, position = mark.span()
            if mark[0] in ("{", "["):
                level += 1
            elif mark[0] in ("}", "]"):
                level -= 1
            else:
                is_text = mark[0] == '"'
                old = mark[0]
                if is_text:
                    old, position = _scan_string(text, position)
                if is_text and _COLON.match(text, position):
                    name = old
                    new = _replaced(old, self._listed(old))
                elif protected and level == 1 and name in ("time", "type"):
                    continue
                elif reaching.take(start, position, is_text=is_text) and old:
                    new = _marker(PATTERN)
                elif is_text:
                    new = self.text(old, name, depth)
                else:
                    spans = self._spans(old, name)
                    new = _marker(min(spans)[2]) if spans else old
                if new != old:
                    found += [text[done:start], encode_string(new)]
                    done = position
        return "".join([*found, text[done:]])

    def _spans(self, text: str, name: str) -> list[tuple[int, int, str]]:
        spans = self._listed(text)
        if len(text) == KEY_LENGTH and "aws-keys" in self._names and _SECRET_NAME.search(name[-LOCAL:]):
            spans += [(0, KEY_LENGTH, "aws-keys")] if _SECRET_VALUE.fullmatch(text) else []
        if self._pattern:
            spans += [(start, end, PATTERN) for start, end in self._pattern.spans(text)]
        return spans

    def _listed(self, text: str) -> list[tuple[int, int, str]]:
        if len(text) < SHORTEST or (len(text) < LEAST_TOKEN and text.isalpha()):
            return []  # as most names of members, and many values
        return [(start, end, name) for name in self._names for start, end in _FINDERS[name](text)]


class _Reaching:
    """Matches that begin outside values, at a name or a quote: the values that they reach are taken out whole."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._left = spans[::-1]

    def take(self, start: int, end: int, *, is_text: bool) -> bool:
        """Return whether such a match reaches the value from `start` to `end`; values are taken in order."""
        is_reached = False
        while self._left and self._left[-1][0] < end:
            begin, stop = self._left[-1]
            is_outside = begin <= start  # or else it is the value's own
            is_reached = is_reached or (is_outside and stop > start + is_text)
            if is_outside and stop > end:
                break  # it may reach the next value too
            self._left.pop()
        return is_reached


def _marker(name: str) -> str:
    return f"[redacted:{name}]"


def _replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    """Return the text with a marker in the place of each span; of those that overlap the first names it."""
    if not spans:
        return text
    found: list[str] = []
    done = 0
    for start, end, name in sorted(spans):
        if start >= done:
            found += [text[done:start], _marker(name)]
        done = max(done, end)
    return "".join([*found, text[done:]])


def _is_json(text: str) -> bool:
    try:
        _decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_word(text: str, found: re.Match[str]) -> bool:
    return _begins_word(text, found.start()) and not text[found.end() : found.end() + 1].isalnum()


def _begins_word(text: str, at: int) -> bool:
    """Return whether no letter or digit stands before: one that an escape ends, as in JSON text, does not count."""
    return not text[at - 1 : at].isalnum() or bool(_BEHIND_ESCAPE.match(text, at))


def _is_lone_word(text: str, found: re.Match[str]) -> bool:
    """Return whether it is no part of a longer number or version either, with a dot and a digit beside it."""
    if _NUMBER_BEFORE.match(text, found.start()) or _NUMBER_BEHIND.match(text, found.end()):
        return False
    return _is_word(text, found)


def _matches(
    text: str, expression: re.Pattern[str], is_right: Callable[[str, re.Match[str]], bool], group: int = 0
) -> Iterator[tuple[int, int]]:
    """Yield where the right matches are, those that overlap too: a wrong one may hold the beginning of a right one."""
    at = 0
    while found := expression.search(text, at):
        if is_right(text, found):
            yield found.span(group)
        at = found.start() + 1


def _aws_keys(text: str) -> Iterator[tuple[int, int]]:
    if "A" in text:
        yield from _matches(text, _KEY_ID, _is_word)
    if "ecret" in text or "ECRET" in text:
        yield from _matches(text, _SECRET, lambda *_: True, 1)


def _bearer(text: str) -> Iterator[tuple[int, int]]:
    if "earer" in text or "EARER" in text:
        yield from _matches(text, _BEARER, _is_token, 1)


def _is_token(text: str, found: re.Match[str]) -> bool:
    token = found[1]
    return _begins_word(text, found.start()) and (len(token) >= LEAST_TOKEN or any(map(str.isdigit, token)))


def _email(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("@")
    done = 0
    while at >= 0:
        local = _LOCAL.search(text, max(at - LOCAL, done), at)
        if local and (domain := _DOMAIN.match(text, at + 1)):
            done = domain.end()
            escape = _ESCAPE.match(text, local.start() - 1, at - 1)  # in JSON text: its letter is not the address's
            yield escape.end() if escape else local.start(), done
        at = text.find("@", max(at + 1, done))


def _card(text: str) -> Iterator[tuple[int, int]]:
    if _MAY_BE_CARD.search(text):
        for expression in _CARDS:
            yield from _matches(text, expression, _is_card)


def _is_card(text: str, found: re.Match[str]) -> bool:
    if not _is_lone_word(text, found):
        return False
    digits = [int(one) for one in reversed(found[0]) if one.isdigit()]
    luhn = sum(digits) + sum(digit - 9 * (digit > 4) for digit in digits[1::2])  # noqa: PLR2004 - 5 doubled is 1 + 0
    return luhn % 10 == 0 and len(set(digits)) > 1


def _ipv4(text: str) -> Iterator[tuple[int, int]]:
    if text.count(".") >= 3:  # noqa: PLR2004 - as an address has
        yield from _matches(text, _ADDRESS, _is_address)


def _is_address(text: str, found: re.Match[str]) -> bool:
    return _is_lone_word(text, found) and all(int(octet) <= OCTET for octet in found[0].split("."))


_FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "aws-keys": _aws_keys,
    "bearer": _bearer,
    "email": _email,
    "card": _card,
    "ipv4": _ipv4,
}
