"""Which regular expressions the extension refuses (docs/filtering.md, Patterns). Pure."""

from __future__ import annotations

import re
import warnings
from re import _parser  # type: ignore[attr-defined, unused-ignore]  # typeshed has no such module, or has it by chance
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_REFUSED = {
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a back-reference",
    "ASSERT": "look-around",
    "ASSERT_NOT": "look-around",
    "FAILURE": "look-around",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repeat",
}


def refusal(text: str) -> str:
    """Return why a pattern is refused, or "". What is refused for its size alone is not found."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _refused(_parser.parse(text), repeated=False)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return f"that is not a regular expression ({error})"


def _refused(items: Iterable[tuple[Any, Any]], *, repeated: bool) -> str:
    for code, value in items:
        name, inner = str(code), []
        again = repeated
        if name in _REFUSED:
            return f"{_REFUSED[name]} is refused"
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            if repeated and value[1] > 1:
                return "a repeat of a repeat is refused"
            again, inner = repeated or value[1] > 1, [value[2]]
        elif name == "SUBPATTERN":
            inner = [value[3]]
        elif name == "BRANCH":
            inner = value[1]
        if found := next(filter(None, (_refused(one, repeated=again) for one in inner)), ""):
            return found
    return ""
