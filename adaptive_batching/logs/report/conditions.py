"""The conditions of `--fail-if`: `timeouts > 0 or p95_ms > 1000`, evaluated for one function after the other. Pure.

    condition  = all {"or" all};  all = one {"and" one};  one = "not" one | comparison
    comparison = sum ("<" | "<=" | ">" | ">=" | "==" | "=" | "!=") sum
    sum        = product {("+" | "-") product};  product = value {("*" | "/") value}
    value      = number | name | "(" condition or sum ")" | "-" value

A figure that is not known (no report came, no timeout is known) makes a comparison false, and so does a division by 0.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Figures = Mapping[str, float | None]
    Value = Callable[[Figures], float | bool | None]

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign><=|>=|==|!=|[<>=()+*/-]))")
_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
}
_SUMS = {"+": operator.add, "-": operator.sub}
_PRODUCTS = {"*": operator.mul, "/": operator.truediv}
#: The deepest nesting of parentheses, "not" and signs: far below what the interpreter's stack takes.
_DEEPEST = 50


class ConditionError(ValueError):
    """The text is not a condition. The message quotes it and says where it stops being one."""


@dataclass(frozen=True)
class Condition:
    """A condition that was read. `names` are the figures in it, in the order in which they occur."""

    text: str
    names: tuple[str, ...]
    _holds: Value

    def holds(self, figures: Figures) -> bool:
        """Return whether it holds for these figures."""
        return bool(self._holds(figures))


def parse(text: str, names: Iterable[str]) -> Condition:
    """Read a condition over figures with these names. Raises ConditionError."""
    parser = _Parser(text, sorted(names))
    holds = parser.whole()
    return Condition(text, tuple(dict.fromkeys(parser.used)), holds)


class _Parser:
    """Recursive descent. A value knows whether it is a truth or a number, so `1 and 2` is refused when it is read."""

    def __init__(self, text: str, names: list[str]) -> None:
        self._text, self._names = text, names
        self._tokens = list(self._split())
        self._at = 0
        self._depth = 0
        self.used: list[str] = []

    def _split(self) -> Iterable[tuple[str, str, int]]:
        at = 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                raise self._error(f"{self._text[at]!r} has no meaning in it")
            word = match[match.lastgroup]
            kind = "sign" if word.lower() in ("and", "or", "not") else match.lastgroup
            yield kind, word.lower() if kind == "sign" else word, match.start(match.lastgroup)
            at = match.end()

    def _error(self, why: str) -> ConditionError:
        return ConditionError(f"{self._text!r} is not a condition such as 'timeouts > 0 or p95_ms > 1000': {why}")

    def _peek(self) -> str:
        """Return the sign that comes next, or nothing."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "sign":
            return self._tokens[self._at][1]
        return ""

    def _take(self, *signs: str) -> str:
        if (sign := self._peek()) in signs:
            self._at += 1
            return sign
        return ""

    def whole(self) -> Value:
        """Return the condition."""
        value, is_truth = self._or()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} is not expected there")
        if not is_truth:
            raise self._error("it compares nothing")
        return value

    def _or(self) -> tuple[Value, bool]:
        return self._joined("or", any, lambda: self._joined("and", all, self._not))

    def _joined(
        self, word: str, join: Callable[[Iterable[object]], bool], inner: Callable[[], tuple[Value, bool]]
    ) -> tuple[Value, bool]:
        first, is_truth = inner()
        parts = [first]
        while self._take(word):
            part, other = inner()
            if not (is_truth and other):
                raise self._error(f"{word!r} joins comparisons, not numbers")
            parts.append(part)
        if len(parts) == 1:
            return first, is_truth
        return lambda figures: join(part(figures) for part in parts), True

    def _not(self) -> tuple[Value, bool]:
        if not self._take("not"):
            return self._comparison()
        self._deeper()
        value, is_truth = self._not()
        self._depth -= 1
        if not is_truth:
            raise self._error("'not' stands before a comparison, not before a number")
        return lambda figures: not value(figures), True

    def _comparison(self) -> tuple[Value, bool]:
        left, is_truth = self._sum()
        sign = self._take(*_COMPARISONS)
        if not sign:
            return left, is_truth
        right, other = self._sum()
        if is_truth or other:
            raise self._error(f"{sign!r} compares numbers")
        compare = _COMPARISONS[sign]

        def holds(figures: Figures) -> bool:
            one, two = left(figures), right(figures)
            return one is not None and two is not None and compare(one, two)

        return holds, True

    def _sum(self) -> tuple[Value, bool]:
        return self._computed(_SUMS, lambda: self._computed(_PRODUCTS, self._value))

    def _computed(
        self, signs: Mapping[str, Callable[[float, float], float]], inner: Callable[[], tuple[Value, bool]]
    ) -> tuple[Value, bool]:
        value, is_truth = inner()
        while sign := self._take(*signs):
            right, other = inner()
            if is_truth or other:
                raise self._error(f"{sign!r} stands between numbers")
            value = _both(signs[sign], value, right)
        return value, is_truth

    def _value(self) -> tuple[Value, bool]:
        self._deeper()
        try:
            return self._unsigned()
        finally:
            self._depth -= 1

    def _unsigned(self) -> tuple[Value, bool]:
        if self._take("-"):
            value, is_truth = self._value()
            if is_truth:
                raise self._error("'-' stands before a number")
            return _both(operator.sub, lambda _: 0.0, value), False
        if self._take("("):
            found = self._or()
            if not self._take(")"):
                raise self._error("a ')' is missing")
            return found
        if self._at >= len(self._tokens):
            raise self._error("it ends too early")
        kind, word, _ = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            number = float(word)
            return lambda _: number, False
        if kind == "sign":
            raise self._error(f"{word!r} is not expected there")
        if word not in self._names:
            raise self._error(f"there is no figure {word!r}, but {', '.join(self._names)}")
        self.used.append(word)
        return lambda figures: figures.get(word), False

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep")


def _both(compute: Callable[[float, float], float], left: Value, right: Value) -> Value:
    def value(figures: Figures) -> float | None:
        one, two = left(figures), right(figures)
        if one is None or two is None:
            return None
        try:
            return compute(one, two)
        except (ZeroDivisionError, OverflowError):
            return None

    return value
