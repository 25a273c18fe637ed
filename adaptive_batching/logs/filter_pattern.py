"""CloudWatch's filter patterns: which log events a metric filter or a subscription filter would match. Pure.

Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" in the user
guide of CloudWatch Logs. docs/logs/match.md says what the guide leaves open, and what is done here.
"""

from __future__ import annotations

import json
import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.regex import Regex, RegexError
from adaptive_batching.values.json_text import no_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Test = Callable[[Any], bool]

#: Quotas of CloudWatch Logs: characters of a pattern, regular expressions in one, wildcards in the selectors of one.
LONGEST, REGEXES, WILDCARDS = 1024, 2, 3
_QUOTED, _BETWEEN_SIGNS = r'"((?:\\.|[^"\\])*)"', r"%([^%]*)%"
_TERM = re.compile(rf"(\?|-\s*)?(?:{_QUOTED}|{_BETWEEN_SIGNS}|(\w+))(?:\s+|$)", re.ASCII)
_NAME = r"\.[\w-]+|\.\*|\.\['[^']+'\]"
_SELECTOR = rf"\$((?:{_NAME})(?:{_NAME}|\[\d+\]|\[\*\])*)(?![\w.\[])"
_PART = re.compile(r"\['([^']+)'\]|\[(\d+)\]|([\w-]+)|\*", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_VALUE = rf"{_QUOTED}|{_BETWEEN_SIGNS}|([\w.*+-]+)"
_SINGLETONS = {"NULL": None, "TRUE": True, "FALSE": False}
_ORDER = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_ANY = object()  # any member, in the path of a selector


class FilterPatternError(ValueError):
    """CloudWatch would refuse the pattern, or it is of a kind that is not evaluated here. The message says which."""


class FilterPattern:
    """A pattern that was read. A log group may have five of them with regular expressions; `regexes` counts these."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise FilterPatternError(f"the pattern has {len(text):,} characters; CloudWatch takes {LONGEST:,}")
        self.regexes = 0
        kind = text.strip()[:1]
        if kind == "[":
            raise FilterPatternError(f"{text[:40]!r} is a space-delimited pattern; those are not evaluated here")
        self._test = _Json(self, text.strip()).read() if kind == "{" else self._terms(text.strip())

    def matches(self, event: str) -> bool:
        """Return whether a log event matches: one message, without the newline at its end."""
        return self._test(event)

    def regex(self, text: str) -> Test:
        """Return the test of a regular expression of the pattern."""
        self.regexes += 1
        if self.regexes > REGEXES:
            raise FilterPatternError(f"a pattern has at most {REGEXES} regular expressions")
        try:
            return Regex(text).found_in
        except RegexError as error:
            raise FilterPatternError(f"%{text}% {error}") from None

    def _terms(self, text: str) -> Test:
        """Read words, phrases, or a regular expression. `?` is ignored beside terms without it, as the guide says."""
        kinds: dict[str, list[Test]] = {"": [], "?": [], "-": []}
        at = 0
        while at < len(text):
            found = _TERM.match(text, at)
            if not found:
                raise FilterPatternError(
                    f"{text[at : at + 40]!r}: a term with more than letters, digits and _ stands in double quotes, and "
                    "blanks stand between terms"
                )
            sign, phrase, regex, word = found.groups()
            if regex is not None and (sign or found[0] != text):
                raise FilterPatternError(f"%{regex}% has to stand alone: it cannot be combined with other terms")
            kinds[(sign or "")[:1]].append(
                self.regex(regex) if regex is not None else _holds(word or _unescaped(phrase))
            )
            at = found.end()
        wanted, either, unwanted = kinds.values()
        if wanted or unwanted or not either:
            return lambda event: all(test(event) for test in wanted) and not any(test(event) for test in unwanted)
        return lambda event: any(test(event) for test in either)


class _Json:
    """Reads a pattern for JSON events from left to right: `||` of `&&` of conditions and parentheses."""

    def __init__(self, pattern: FilterPattern, text: str) -> None:
        self._pattern, self._text, self._at, self._wildcards = pattern, text, 0, 0

    def read(self) -> Test:
        self._needed(r"\{", "{")
        test = self._either()
        self._needed(r"\}$", "} at the end, && or ||")
        return lambda event: (found := _parsed(event)) is not None and test(found)

    def _either(self) -> Test:
        return self._chain(r"\|\|", any, lambda: self._chain("&&", all, self._one))

    def _chain(self, sign: str, join: Callable[[Iterable[bool]], bool], part: Callable[[], Test]) -> Test:
        tests = [part()]
        while self._taken(sign):
            tests.append(part())
        return lambda event: join(test(event) for test in tests)

    def _one(self) -> Test:
        if self._taken(r"\("):
            test = self._either()
            self._needed(r"\)", "), && or ||")
            return test
        found = self._needed(_SELECTOR, "( or a selector, such as $.name, $.list[0].name or $.['a.name']")
        path = [int(index) if index else quoted or name or _ANY for quoted, index, name in _PART.findall(found[1])]
        self._wildcards += path.count(_ANY)
        if path.count(_ANY) > 1 or self._wildcards > WILDCARDS:
            raise FilterPatternError(f"a selector has at most one wildcard, and a pattern at most {WILDCARDS}")
        if self._taken(r"NOT\s+EXISTS\b"):
            return lambda event: not _nodes(event, path)
        test = self._condition()
        return lambda event: any(test(node) for node in _nodes(event, path))

    def _condition(self) -> Test:
        """Read what is said of a node. One that is neither text nor a number meets no comparison, not even !=."""
        if found := self._taken(r"IS\s+(NULL|TRUE|FALSE)\b"):
            singleton = _SINGLETONS[found[1]]
            return lambda node: node is singleton
        sign = self._needed("!=|=|<=|>=|<|>", "=, !=, <, >, <=, >=, IS NULL, IS TRUE, IS FALSE or NOT EXISTS")[
            0
        ].strip()
        found = self._needed(_VALUE, 'a number, a word, a text in "" or a regular expression in %%')
        phrase, regex, bare = found.groups()
        number = Decimal(bare) if bare and _NUMBER.fullmatch(bare) else None
        if compare := _ORDER.get(sign):
            if number is None:
                raise FilterPatternError(f"{sign} compares numbers, and {found[0].strip()} is not one")
            return lambda node: isinstance(node, Decimal) and bool(compare(node, number))
        test = self._pattern.regex(regex) if regex is not None else _wild(bare or _unescaped(phrase))

        def equals(node: str | Decimal) -> bool:
            return node == number if number is not None and isinstance(node, Decimal) else test(str(node))

        return lambda node: isinstance(node, str | Decimal) and equals(node) == (sign == "=")

    def _taken(self, expression: str) -> re.Match[str] | None:
        """Go on behind what stands here, if it matches."""
        found = re.compile(rf"\s*(?:{expression})", re.ASCII).match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found

    def _needed(self, expression: str, said: str) -> re.Match[str]:
        if not (found := self._taken(expression)):
            rest = self._text[self._at :].strip()[:40]
            raise FilterPatternError(
                f"{f'{rest!r} stands' if rest else 'the pattern ends'} where there should be {said}"
            )
        return found


def _holds(term: str) -> Test:
    return lambda event: not term.strip() or term in event  # the guide: " " matches everything


def _wild(text: str) -> Test:
    """Return the test of a text. An asterisk at its beginning or end stands for anything; elsewhere it is one."""
    whole = re.compile(re.sub(r"^\\\*|\\\*$", ".*", re.escape(text)), re.DOTALL)
    return lambda value: whole.fullmatch(value) is not None


def _unescaped(phrase: str) -> str:
    return re.sub(r"\\(.)", r"\1", phrase)


def _nodes(event: object, path: list[Any]) -> list[Any]:
    found: list[Any] = [event]
    for part in path:
        if part is _ANY:
            members = [one.values() if isinstance(one, dict) else one for one in found if isinstance(one, dict | list)]
            found = [node for some in members for node in some]
        elif isinstance(part, int):
            found = [one[part] for one in found if isinstance(one, list) and part < len(one)]
        else:
            found = [one[part] for one in found if isinstance(one, dict) and part in one]
    return found


def _parsed(event: str) -> dict[str, Any] | None:
    """Return the event if it is a JSON object. Its numbers keep all their digits."""
    try:
        found = json.loads(event, parse_int=Decimal, parse_float=Decimal, parse_constant=no_json)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
