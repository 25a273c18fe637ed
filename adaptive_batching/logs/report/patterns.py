"""The patterns that are counted over time: three that everybody wants to know of, and those of a TOML file. Pure.

[[pattern]]
name = "payment refused"
text = "402 Payment Required"   # or: regex = "status=(402|403)"
functions = ["orders-*"]        # all, if it is left out
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

#: The most patterns, and the longest name and text of one, in characters.
MOST, LONGEST = 30, 500
_MEMBERS = {"name", "text", "regex", "functions"}


class PatternsError(ValueError):
    """The file does not say patterns. The message says what is wrong, and how a pattern is written."""


@dataclass(frozen=True)
class Pattern:
    """A text, or a regular expression (RE2), that is looked for in the records of functions and extensions."""

    name: str
    text: str = ""
    regex: str = ""
    functions: tuple[str, ...] = ()  # glob patterns; none: every function


#: What is counted without a file.
KNOWN = (
    Pattern("Too many connections", "Too many connections"),
    Pattern("API Rate Limit Exceeded", "API Rate Limit Exceeded"),
    Pattern("ERROR", "ERROR"),
)


def parse(toml: str) -> tuple[Pattern, ...]:
    """Return the known patterns and those of a file; one of the same name replaces. Raises PatternsError."""
    try:
        document = tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PatternsError(f"it is not TOML: {error}") from None
    if unknown := sorted(set(document) - {"pattern"}):
        raise PatternsError(f"it has {unknown[0]!r}; a pattern begins with [[pattern]]")
    entries = document.get("pattern", [])
    if not isinstance(entries, list):
        raise PatternsError("a pattern begins with [[pattern]], in two brackets")
    found = {one.name: one for one in KNOWN}
    own: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        one = _pattern(number, entry)
        if (first := own.setdefault(one.name, number)) != number:
            raise PatternsError(f"patterns {first} and {number} have one name, {one.name!r}; give each its own")
        found[one.name] = one
    if len(found) > MOST:
        raise PatternsError(f"there are {len(found)} patterns, the known ones among them; {MOST} are the most")
    return tuple(found.values())


def _pattern(number: int, entry: object) -> Pattern:
    which = f"pattern {number}"
    if not isinstance(entry, dict):
        raise PatternsError(f"{which} is not a table; it begins with [[pattern]]")
    if unknown := sorted(set(entry) - _MEMBERS):
        raise PatternsError(f"{which} has {unknown[0]!r}; it may have name, text or regex, and functions")
    for member in ("name", "text", "regex"):
        value = entry.get(member, "")
        if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
            raise PatternsError(f"{which}: {member} is not a text of at most {LONGEST} characters")
    if not entry.get("name", "").strip():
        raise PatternsError(f"{which} has no name")
    if bool(entry.get("text")) == bool(entry.get("regex")):
        raise PatternsError(f"{which} ({entry['name']!r}) must have either a text or a regex")
    functions = entry.get("functions", [])
    if not isinstance(functions, list) or not all(isinstance(one, str) and one for one in functions):
        raise PatternsError(f"{which} ({entry['name']!r}): functions is a list of names, which may have * in them")
    return Pattern(entry["name"], entry.get("text", ""), entry.get("regex", ""), tuple(functions))
