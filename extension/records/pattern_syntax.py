"""Patterns as the parser of `re` makes them: what is refused, and how much of one `re` itself may look for. Pure."""

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
SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN"}
REPEATS = {"MAX_REPEAT", "MIN_REPEAT"}
UNBOUNDED = _parser.MAXREPEAT
with_flags = _compiler._combine_flags  # noqa: SLF001 - flags, those to add, those to take away

_KNOWN = SINGLE | REPEATS | {"AT", "BRANCH", "SUBPATTERN"}
_OTHER = "what this version does not know"
_REFUSED = {
    **dict.fromkeys(("GROUPREF", "GROUPREF_EXISTS"), "a back-reference"),
    **dict.fromkeys(("ASSERT", "ASSERT_NOT", "FAILURE"), "look-around"),
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repeat",
}


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


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
        if code.name not in _KNOWN:
            what = _REFUSED.get(code.name, _OTHER)
            raise PatternError(f"{what} is refused, so that its time grows with the text alone")
        if code.name in REPEATS:
            repeats = value[1] > 1
            if repeats and repeated:
                raise PatternError("a repeat of a repeat is refused, so that its time grows with the text alone")
            _check(value[2], repeated=repeated or repeats)
        elif code.name == "SUBPATTERN":
            _check(value[3], repeated=repeated)
        elif code.name == "BRANCH":
            for branch in value[1]:
                _check(branch, repeated=repeated)


def trimmed(items: list[Item]) -> list[Item]:
    """Return a pattern that is found wherever this one is: what may repeat at its ends is there as seldom as it may."""
    found = list(items)
    for end in (0, -1):
        while found and found[end][0].name in REPEATS:
            code, (least, _, repeated) = found[end]
            if least:
                found[end] = (code, (least, least, repeated))
                break
            del found[end]
    return found


def beginning(items: Iterable[Item], bound: int = BOUND) -> tuple[list[Item], bool]:
    """Return the beginning of a pattern that takes few steps at any place, and whether that is all of it."""
    kept: list[Item] = []
    ways, size = 1, 0
    for item in items:
        code, value = item[0].name, item[1]
        bounds = _bounds(item)
        if bounds and ways * bounds[0] * (size + bounds[1]) <= bound:
            kept.append(_uncounted(item))
            ways, size = ways * bounds[0], size + bounds[1]
            continue
        rest = bound // (ways * (size + 1))
        if code == "SUBPATTERN":
            inner, _ = beginning(value[3], rest)
            kept += [(item[0], (None, value[1], value[2], _pattern(inner)))]
        elif code == "BRANCH":
            branches = [beginning(one, rest // len(value[1]))[0] for one in value[1]]
            kept += [(item[0], (None, [_pattern(one) for one in branches]))] if all(branches) else []
        elif code in REPEATS and value[0]:
            inner, _ = beginning(value[2], rest)
            kept += inner
        return kept, False
    return kept, True


def _bounds(item: Item) -> tuple[int, int] | None:
    """Return in how many ways this can match at one place, and how many steps each takes; None if that is unbounded."""
    code, value = item[0].name, item[1]
    if code in SINGLE or code == "AT":
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


def _uncounted(item: Item) -> Item:
    """Return the same without numbers for its groups."""
    code, value = item[0], item[1]
    if code.name == "SUBPATTERN":
        return code, (None, value[1], value[2], _pattern([_uncounted(one) for one in value[3]]))
    if code.name == "BRANCH":
        return code, (None, [_pattern([_uncounted(one) for one in branch]) for branch in value[1]])
    if code.name in REPEATS:
        return code, (value[0], value[1], _pattern([_uncounted(one) for one in value[2]]))
    return item


def _pattern(items: list[Item]) -> Any:  # noqa: ANN401 - of the parser
    return _parser.SubPattern(_parser.State(), items)


def compiled(items: list[Item], flags: int) -> Any:  # noqa: ANN401 - a re.Pattern of what is no text
    """Return what `re` makes of a part of a pattern."""
    return _compiler.compile(_pattern(items), flags)
