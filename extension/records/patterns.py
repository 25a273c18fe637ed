"""Regular expressions whose cost grows with the length of the text alone, whatever the text is. Pure.

Python's `re` parses a pattern and says what one character matches. It does not run the pattern over a text on its own,
for it tries one way after the other: `a*a*b` takes the cube of the length, and even `"[^"]*x` the square. It looks only
for the beginning of the pattern, as far as that can match in few ways (BOUND). From there on an automaton takes all
ways at once, one step for each character. What an automaton cannot have (back-references, look-around) is refused, and
so are repeats of repeats, of which each multiplies its size.
"""

from __future__ import annotations

import re
import warnings

try:
    from re import _compiler, _parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_compile as _compiler
    import sre_parse as _parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    Item: TypeAlias = tuple[Any, Any]  # what the parser makes: a code and its argument

BOUND = 1000  # steps that `re` may take at one place of the text
MOST_PLACES = 300  # of an automaton
REMEMBERED = 8192  # steps of an automaton, fewer of a large one; then it forgets all and goes on

_SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN"}
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT"}
_REFUSED = {
    **dict.fromkeys(("GROUPREF", "GROUPREF_EXISTS"), "a back-reference"),
    **dict.fromkeys(("ASSERT", "ASSERT_NOT", "FAILURE"), "look-around"),
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repeat",
}
_ACCEPT = 0  # the place at which a match ends


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


class Pattern:
    """One pattern. Raises PatternError if it is none, or one that is refused.

    Line breaks that end a text are not a part of it.
    """

    def __init__(self, text: str, remembered: int = REMEMBERED) -> None:
        items, flags = parsed(text)
        self._all = _Automaton(items, flags, remembered)
        searched = _trimmed(items)
        begins, self._is_whole = beginning(searched, flags)
        self._beginning = compiled(begins, flags).search if begins or self._is_whole else None
        self._some = self._all if self._is_whole else _Automaton(searched, flags, remembered)

    def search(self, text: str) -> bool:
        """Return whether it matches anywhere in the text."""
        text = text.rstrip("\n")
        at = 0
        if self._beginning:
            begins = self._beginning(text)
            if begins is None or self._is_whole:
                return begins is not None
            at = begins.start()
        return self._some.matches(text, at)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return what is part of any match, the longest from each place included; neighbours are one."""
        return self._all.spans(text.rstrip("\n")) if self.search(text) else []


class _Automaton:
    """All ways through a pattern at once. A place takes a character, looks at its neighbours, or leads to others."""

    def __init__(self, items: list[Item], flags: int, remembered: int) -> None:
        self._takes: list[Any] = [None]  # place: what it takes, as a compiled expression of one character
        self._looks: list[Any] = [None]  # place: what must hold between two characters
        self._next: list[list[int]] = [[]]
        self._known: dict[str, Any] = {}
        self._alike: dict[str, str] = {}  # a character: the first that was found to be taken by the same places
        self._firsts: dict[object, str] = {}  # what takes it: the first such character
        self._first = self._sequence(items, _ACCEPT, flags)
        self._has_looks = any(self._looks)
        self._most = remembered, remembered // (len(self._next) // 16 + 1)  # steps; those with a set of places each
        self._tables: dict[tuple[frozenset[int], str], _Table] = {}
        self._steps: dict[object, Any] = {}
        self.made = 0  # steps, since it has forgotten all

    # making it, from its end

    def _place(self, following: list[int], takes: Any = None, looks: Any = None) -> int:  # noqa: ANN401
        if len(self._next) >= MOST_PLACES:
            raise PatternError(f"it is too large: with its repeats written out it has over {MOST_PLACES} parts")
        self._takes.append(takes)
        self._looks.append(looks)
        self._next.append(following)
        return len(self._next) - 1

    def _sequence(self, items: Iterable[Item], then: int, flags: int) -> int:
        for item in reversed(list(items)):
            then = self._item(item, then, flags)
        return then

    def _item(self, item: Item, then: int, flags: int) -> int:
        code, value = item[0].name, item[1]
        if code in _SINGLE:
            return self._place([then], takes=self._one(item, flags))
        if code == "AT":
            return self._place([then], looks=self._one(item, flags))
        if code == "SUBPATTERN":
            return self._sequence(value[3], then, flags | int(value[1]) & ~int(value[2]))
        if code == "BRANCH":
            return self._place([self._sequence(branch, then, flags) for branch in value[1]])
        if code not in _REPEATS:
            raise PatternError(f"{code.lower().replace('_', ' ')} is not supported")
        least, most, repeated = value
        behind = then
        if most is _parser.MAXREPEAT:
            then = self._place([])
            self._next[then] = [self._sequence(repeated, then, flags), behind]
        else:
            for _ in range(most - least):
                then = self._place([self._sequence(repeated, then, flags), behind])
        for _ in range(least):
            then = self._sequence(repeated, then, flags)
        return then

    def _one(self, item: Item, flags: int) -> Any:  # noqa: ANN401 - a re.Pattern of what is no text
        name = f"{flags} {item}"
        if name not in self._known:
            self._known[name] = compiled([item], flags)
        return self._known[name]

    # going through it

    def _closure(self, places: Iterable[int], before: str, after: str) -> tuple[list[int], bool]:
        """Return the places that may take the next character, and whether a match may end here.

        `before` is of the last character's kind ("": there is none), `after` the next one ("": there is none).
        """
        around = before + after + "x" if after else before  # a line break is never the last character
        todo, seen, taking = list(places), set(places), []
        while todo:
            place = todo.pop()
            if self._takes[place]:
                taking.append(place)
            elif not self._looks[place] or self._looks[place].match(around, len(before)):
                fresh = [one for one in self._next[place] if one not in seen]
                seen.update(fresh)
                todo += fresh
        return taking, _ACCEPT in seen

    def _kind(self, character: str) -> str:
        """Return a character that looks the same to its neighbours."""
        if not self._has_looks or not character:
            return ""
        if character == "\n":
            return character
        if character.isalnum() or character == "_":
            return "a" if character.isascii() else "\u00e9"
        return " "

    def alike(self, character: str) -> str:
        """Return the character that stands for all that no place and no neighbour tells from this one."""
        found = self._alike.get(character)
        if found is None:
            if len(self._alike) > self._most[0]:
                self._alike.clear()
            takes = [one.match(character) is None for one in self._known.values()]
            found = self._firsts.setdefault((self._kind(character), *takes), character)
            if len(self._firsts) > self._most[0]:
                self._firsts.clear()
            self._alike[character] = found
        return found

    def table(self, places: frozenset[int], before: str) -> _Table:
        """Return the table for what may be at these places, behind a character of this kind."""
        if self.made > self._most[0] or len(self._tables) > self._most[1]:
            for table in self._tables.values():
                table.clear()
            self._tables.clear()
            self.made = 0
        key = places, before
        if key not in self._tables:
            self._tables[key] = _Table(self, places, before)
        return self._tables[key]

    def step(self, places: frozenset[int], before: str, character: str) -> _Table | None:
        """Return the table behind this character; None if a match ends before it."""
        self.made += 1
        taking, ended = self._closure(places, before, character)
        if ended:
            return None
        behind = [self._next[one][0] for one in taking if self._takes[one].match(character)]
        return self.table(frozenset((*behind, self._first)), self._kind(character))

    def matches(self, text: str, at: int) -> bool:
        """Return whether there is a match that begins at `at` or later."""
        table: _Table | None = self.table(frozenset((self._first,)), self._before(text, at))
        for character in text[at:] if at else text:
            table = table[character]  # type: ignore[index]
            if table is None:
                return True
        return self._closure(table.places, table.before, "")[1]  # type: ignore[union-attr]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return what is part of any match: two passes, since what a place leads to is known from the end."""
        ends = self._ends(text)
        found: list[tuple[int, int]] = []
        places = frozenset((self._first,))
        for at, character in enumerate(map(self.alike, text)):
            taken = self._remembered(self._taken, places, self._before(text, at), character)
            places = self._remembered(self._with_first, taken)
            if taken and not taken.isdisjoint(ends[at + 1]):
                begin = found.pop()[0] if found and found[-1][1] == at else at
                found.append((begin, at + 1))
        return found

    def _before(self, text: str, at: int) -> str:
        """Return the kind of the character before this place; "" if there is none, or nothing looks at it."""
        return self._kind(text[at - 1]) if at and self._has_looks else ""

    def _ends(self, text: str) -> list[frozenset[int]]:
        """Return, for each place between two characters, from where in the automaton the end can be reached."""
        good = self._remembered(self._reaching, frozenset(), self._before(text, len(text)), "")
        found = [good]
        for at in range(len(text) - 1, -1, -1):
            good = self._remembered(self._reaching, good, self._before(text, at), self.alike(text[at]))
            found.append(good)
        return found[::-1]

    def _reaching(self, good: frozenset[int], before: str, after: str) -> frozenset[int]:
        """Return what reaches the end, by no character or by `after` and what is `good` behind it."""
        taking = {
            one
            for one, takes in enumerate(self._takes)
            if takes and after and self._next[one][0] in good and takes.match(after)
        }
        reaching = taking | {_ACCEPT}
        around = before + after + "x" if after else before
        backward: dict[int, list[int]] = {}
        for one, following in enumerate(self._next):
            looks = self._looks[one]
            if not self._takes[one] and (not looks or looks.match(around, len(before))):
                for behind in following:
                    backward.setdefault(behind, []).append(one)
        todo = list(reaching)
        while todo:
            fresh = [one for one in backward.get(todo.pop(), ()) if one not in reaching]
            reaching.update(fresh)
            todo += fresh
        return frozenset(reaching)

    def _taken(self, places: frozenset[int], before: str, character: str) -> frozenset[int]:
        taking, _ = self._closure(places, before, character)
        return frozenset(self._next[one][0] for one in taking if self._takes[one].match(character))

    def _with_first(self, places: frozenset[int]) -> frozenset[int]:
        return places | {self._first}

    def _remembered(self, function: Any, *arguments: Any) -> frozenset[int]:  # noqa: ANN401
        key = (function.__name__, *arguments)
        if key not in self._steps:
            if len(self._steps) > self._most[1]:
                self._steps.clear()
            self._steps[key] = function(*arguments)
        return self._steps[key]  # type: ignore[no-any-return]


class _Table(dict[str, "_Table | None"]):
    """Where each character leads from here; made when it is asked for, of those beyond ASCII for one of each kind."""

    __slots__ = ("_automaton", "before", "places")

    def __init__(self, automaton: _Automaton, places: frozenset[int], before: str) -> None:
        super().__init__()
        self._automaton = automaton
        self.places = places
        self.before = before

    def __missing__(self, character: str) -> _Table | None:
        like = self._automaton.alike(character)
        if like in self:
            table = self[like]
            if character.isascii():
                self._automaton.made += 1
                self[character] = table
            return table
        table = self[like] = self._automaton.step(self.places, self.before, like)
        return table


def parsed(text: str) -> tuple[list[Item], int]:
    """Return what the parser makes of a pattern, and its flags. Raises PatternError for what cannot be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = _parser.parse(text)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise PatternError(f"that is not a regular expression ({error})") from error
    items = list(made)
    _check(items, repeated=False)
    return items, int(made.state.flags)


def _check(items: Iterable[Item], *, repeated: bool) -> None:
    """Raise PatternError for what is refused."""
    for code, value in items:
        if code.name in _REFUSED:
            raise PatternError(f"{_REFUSED[code.name]} is refused, so that its time grows with the text alone")
        if code.name in _REPEATS:
            repeats = value[1] > 1
            if repeats and repeated:
                raise PatternError("a repeat of a repeat is refused, so that its time grows with the text alone")
            _check(value[2], repeated=repeated or repeats)
        elif code.name == "SUBPATTERN":
            _check(value[3], repeated=repeated)
        elif code.name == "BRANCH":
            for branch in value[1]:
                _check(branch, repeated=repeated)


def _trimmed(items: list[Item]) -> list[Item]:
    """Return a pattern that is found wherever this one is: what may repeat at its ends is there as seldom as it may."""
    found = list(items)
    for end in (0, -1):
        while found and found[end][0].name in _REPEATS:
            code, (least, _, repeated) = found[end]
            if least:
                found[end] = (code, (least, least, repeated))
                break
            del found[end]
    return found


def beginning(items: Iterable[Item], flags: int, bound: int = BOUND) -> tuple[list[Item], bool]:
    """Return the beginning of a pattern that takes few steps at any place, and whether that is all of it."""
    kept: list[Item] = []
    ways, size = 1, 0
    for item in items:
        code, value = item[0].name, item[1]
        bounds = _bounds(item)
        if bounds and ways * bounds[0] * (size + bounds[1]) <= bound:
            kept.append(_uncounted(item, flags))
            ways, size = ways * bounds[0], size + bounds[1]
            continue
        rest = bound // (ways * (size + 1))
        if code == "SUBPATTERN":
            inner, _ = beginning(value[3], flags, rest)
            kept += [(item[0], (None, value[1], value[2], _pattern(inner, flags)))]
        elif code == "BRANCH":
            branches = [beginning(one, flags, rest // len(value[1]))[0] for one in value[1]]
            kept += [(item[0], (None, [_pattern(one, flags) for one in branches]))] if all(branches) else []
        elif code in _REPEATS and value[0]:
            inner, _ = beginning(value[2], flags, rest)
            kept += inner
        return kept, False
    return kept, True


def _bounds(item: Item) -> tuple[int, int] | None:
    """Return in how many ways this can match at one place, and how many steps each takes; None if that is unbounded."""
    code, value = item[0].name, item[1]
    if code in _SINGLE or code == "AT":
        return 1, 1
    if code == "BRANCH":
        parts = [_bounds_of(one) for one in value[1]]
        return None if None in parts else (sum(one[0] for one in parts if one), sum(one[1] for one in parts if one) + 1)
    if code == "SUBPATTERN":
        return _bounds_of(value[3])
    least, most, repeated = value
    inner = _bounds_of(repeated)
    if inner is None or most > BOUND:
        return None
    ways = most - least + 1 if inner[0] == 1 else min(inner[0] ** (most + 1), BOUND + 1)
    return ways, most * inner[1] + 1


def _bounds_of(items: Iterable[Item]) -> tuple[int, int] | None:
    ways, size = 1, 0
    for item in items:
        bounds = _bounds(item)
        if bounds is None:
            return None
        ways, size = min(ways * bounds[0], BOUND + 1), size + bounds[1]
    return ways, size


def _uncounted(item: Item, flags: int) -> Item:
    """Return the same without numbers for its groups."""
    code, value = item[0], item[1]
    if code.name == "SUBPATTERN":
        return code, (None, value[1], value[2], _pattern([_uncounted(one, flags) for one in value[3]], flags))
    if code.name == "BRANCH":
        return code, (None, [_pattern([_uncounted(one, flags) for one in branch], flags) for branch in value[1]])
    if code.name in _REPEATS:
        return code, (value[0], value[1], _pattern([_uncounted(one, flags) for one in value[2]], flags))
    return item


def _pattern(items: list[Item], flags: int) -> Any:  # noqa: ANN401 - of the parser
    state = _parser.State()
    state.flags = flags
    return _parser.SubPattern(state, items)


def compiled(items: list[Item], flags: int) -> Any:  # noqa: ANN401 - a re.Pattern of what is no text
    """Return what `re` makes of a part of a pattern."""
    return _compiler.compile(_pattern(items, flags), flags)
