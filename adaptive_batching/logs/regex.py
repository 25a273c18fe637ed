"""Regular expressions as CloudWatch has them, in time proportional to the text. Pure.

They have no groups. So one is a list of alternatives, and each of these a row of places, which take a character or look
whether the text begins or ends here. All places that are possible are followed at once, where `re` would try one way
after the other: `%a*a*a*b%` would keep it busy for days.
"""

from __future__ import annotations

import re

_CLASS = r"\[\^?(?:\\.|[\w:#=@/;,. ^$?{}|*+-])+\]"
_ATOM = rf"\\[dDsSwW]|\\x[0-9A-Fa-f]{{2}}|\\[^\w\s]|{_CLASS}|[\w:#=@/;,. ^$|-]"
_ITEM = re.compile(rf"({_ATOM})([*+?]|\{{(?:\d+,?\d*|,\d+)\}})?", re.ASCII)
_WHOLE = re.compile(rf"(?:{_ITEM.pattern})+", re.ASCII)
_SIGNS: dict[str, tuple[int, int | None]] = {"": (1, 1), "*": (0, None), "+": (1, None), "?": (0, 1)}
#: The most places of an expression with its repeats written out, and the steps that are remembered.
MOST_PLACES, _REMEMBERED = 2_000, 10_000
_DIGITS = len(str(MOST_PLACES))


class RegexError(ValueError):
    """The text is not such an expression. The message follows on it: "is not …"."""


class Regex:
    """An expression. A set of places is a number whose bits are the places."""

    def __init__(self, text: str) -> None:
        if not _WHOLE.fullmatch(text):
            said = "letters, digits, blanks, :_#=@/;,- and ^ $ ? [] {} | \\ * + . without groups; \\x28 stands for ("
            raise RegexError(f"is not a regular expression that CloudWatch takes: {said}")
        items = [(found[1], *_repeat(found[2] or "")) for found in _ITEM.finditer(text)]
        if sum(max(least, most or 0, 1) for _, least, most in items) > MOST_PLACES:
            raise RegexError(f"is not evaluated here: with its repeats written out it has over {MOST_PLACES:,} parts")
        try:
            re.compile(text, re.ASCII)
        except re.error as error:
            raise RegexError(f"is not a regular expression: {error}") from None
        self._kinds: list[str] = []  # of each place: "" takes a character, ^ and $ look, | ends an alternative
        self._takes: dict[str, int] = {}  # a class of characters: the places that take one of it
        self._optional = self._again = self._accept = 0
        self._begin = 1
        for atom, least, most in [*items, ("|", 1, 1)]:
            self._place(atom, least, most)
        self._begin &= (1 << len(self._kinds)) - 1
        self._classes = [(re.compile(atom, re.ASCII), places) for atom, places in self._takes.items()]
        self._first, self._inside = self._closed(self._begin, begins=True), self._closed(self._begin)
        self._steps: dict[tuple[int, str], int] = {}

    def _place(self, atom: str, least: int, most: int | None) -> None:
        copies = max(least, most or 0, 1) if (least, most) != (0, 0) else 0
        for number in range(copies):
            place = 1 << len(self._kinds)
            if atom in ("^", "$", "|"):
                self._kinds.append(atom)
            else:
                self._kinds.append("")
                self._takes[atom] = self._takes.get(atom, 0) | place
            self._optional |= place if number >= least else 0
            self._again |= place if most is None and number == copies - 1 else 0
            if atom == "|":
                self._accept |= place
                self._begin |= place << 1

    def found_in(self, text: str) -> bool:
        """Return whether a part of the text matches."""
        end = len(text) - text.endswith("\n")  # `$` is also before a newline that ends the text
        places = self._first
        for at, character in enumerate(text):
            if at == end:
                places = self._closed(places, begins=at == 0, ends=True)
            if places & self._accept:
                return True
            known = self._steps.get((places, character))
            places = self._step(places, character) if known is None else known
        return bool(self._closed(places, begins=not text, ends=True) & self._accept)

    def _step(self, places: int, character: str) -> int:
        if len(self._steps) >= _REMEMBERED:
            self._steps.clear()
        taken = 0
        for one, takers in self._classes:
            if places & takers and one.fullmatch(character):
                taken |= places & takers
        made = self._closed(taken << 1 | taken & self._again) | self._inside
        self._steps[places, character] = made
        return made

    def _closed(self, places: int, *, begins: bool = False, ends: bool = False) -> int:
        """Return the places with those that can be reached from them without a character."""
        for number, kind in enumerate(self._kinds):
            place = 1 << number
            passed = self._optional & place or (kind == "^" and begins) or (kind == "$" and ends)
            if places & place and passed:
                places |= place << 1
        return places


def _repeat(sign: str) -> tuple[int, int | None]:
    """Return how often at least and at most; None: as often as it likes."""
    if sign in _SIGNS:
        return _SIGNS[sign]
    least, comma, most = sign[1:-1].partition(",")
    numbers = [MOST_PLACES + 1 if len(one) > _DIGITS else int(one or 0) for one in (least, most or least)]
    return numbers[0], None if comma and not most else numbers[1]
