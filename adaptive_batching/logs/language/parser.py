"""Reads expressions, as Logs Insights writes them: conditions, comparisons, arithmetic, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.nodes import (
    Absent,
    Arithmetic,
    Bin,
    Call,
    Comparison,
    In,
    Junction,
    Like,
    Name,
    Negation,
    Node,
    Number,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.logs.language.scanner import Scanner

#: Words that are not names of fields; `…` makes them one.
RESERVED = frozenset({"and", "or", "not", "like", "in", "as", "by", "asc", "desc"})
#: Parentheses within parentheses.
_DEEPEST = 50
#: What follows bin's number, in order of length: ms is not m.
_UNITS = ("ms", "mo", "s", "m", "h", "d", "w", "q", "y")
_LONG_UNITS = {
    **dict.fromkeys(("millisecond", "milliseconds", "msec"), "ms"),
    **dict.fromkeys(("second", "seconds", "sec"), "s"),
    **dict.fromkeys(("minute", "minutes", "min"), "m"),
    **dict.fromkeys(("hour", "hours", "hr"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
    **dict.fromkeys(("month", "months", "mon"), "mo"),
    **dict.fromkeys(("quarter", "quarters", "qtr"), "q"),
    **dict.fromkeys(("year", "years", "yr"), "y"),
}


class Parser:
    """Reads expressions from a scanner.

    With `bare` the right side of a comparison is a value, which needs no quotes: level >= warn. Otherwise a word there
    is a field, as in Logs Insights.
    """

    def __init__(self, scanner: Scanner, *, bare: bool = False) -> None:
        self.scanner = scanner
        self._bare = bare
        self._depth = 0

    def condition(self) -> Node:
        """Read `a or b`, and all that binds closer."""
        return self._joined("or", lambda: self._joined("and", self._negated))

    def _joined(self, word: str, inner: Callable[[], Node]) -> Node:
        start = self.scanner.at
        found = [inner()]
        while self.scanner.word(word):
            found.append(inner())
        return found[0] if len(found) == 1 else Junction(word, tuple(found), self.scanner.since(start))

    def _negated(self) -> Node:
        start = self.scanner.at
        count = 0
        while self.scanner.word("not"):
            count += 1
        inner = self._compared()
        return Negation(inner, self.scanner.since(start)) if count % 2 else inner

    def _compared(self) -> Node:
        scanner, start = self.scanner, self.scanner.at
        left = self.value()
        if scanner.sign("=~"):
            return Like(left, self._pattern(regex_only=True)[0], regex=True, source=scanner.since(start))
        if operator := scanner.sign("<=", ">=", "!=", "<>", "==", "=", "<", ">"):
            right = self._side()
            operator = {"==": "=", "<>": "!="}.get(operator, operator)
            return Comparison(operator, left, right, scanner.since(start))
        negated = bool(scanner.word("not"))
        if scanner.word("like"):
            pattern, regex = self._pattern()
            found: Like | In = Like(left, pattern, regex, scanner.since(start))
        elif scanner.word("in"):
            found = In(left, self._items(), scanner.since(start))
        elif negated:
            raise LanguageError(f"behind `not` stands {scanner.rest()}; `like` or `in` is expected there")
        else:
            return left
        return Absent(found, found.source) if negated else found

    def _pattern(self, *, regex_only: bool = False) -> tuple[str, bool]:
        found = self.scanner.regex()
        if found is not None:
            return found, True
        text = self.scanner.quoted()
        if text is None and self._bare:
            text = self.scanner.bare()
        if text is None:
            raise LanguageError(f"a pattern is expected, /…/ or a text in quotes, where {self.scanner.rest()} stands")
        return text, regex_only

    def _items(self) -> tuple[Number | Text, ...]:
        opening = self.scanner.sign("[", "(")
        if not opening:
            raise LanguageError(f"behind `in` a list is expected, [1, 2] or ['a', 'b'], not {self.scanner.rest()}")
        items = [self._literal()]
        while self.scanner.sign(","):
            items.append(self._literal())
        self._close("]" if opening == "[" else ")")
        return tuple(items)

    def _literal(self) -> Number | Text:
        found = self._bare_value() if self._bare else self._constant()
        if found is None:
            raise LanguageError(f"a number or a text in quotes is expected where {self.scanner.rest()} stands")
        return found

    def _bare_value(self) -> Text | None:
        start = self.scanner.at
        if (text := self.scanner.quoted()) is not None:
            return Text(text, source=self.scanner.since(start))
        text = self.scanner.bare()
        return None if text is None else Text(text, quoted=False, source=text)

    def _side(self) -> Node:
        """Read the right side of a comparison."""
        if not self._bare:
            return self.value()
        found = self._bare_value()
        if found is None:
            raise LanguageError(f"a value is expected where {self.scanner.rest()} stands")
        return found

    def value(self) -> Node:
        """Read a sum, and all that binds closer."""
        return self._calculated(("+", "-"), lambda: self._calculated(("*", "/", "%"), self._power))

    def _calculated(self, signs: tuple[str, ...], inner: Callable[[], Node]) -> Node:
        start = self.scanner.at
        operands, operators = [inner()], []
        while operator := self.scanner.sign(*signs):
            operators.append(operator)
            operands.append(inner())
        if not operators:
            return operands[0]
        return Arithmetic(tuple(operators), tuple(operands), self.scanner.since(start))

    def _power(self) -> Node:
        start = self.scanner.at
        base = self._signed()
        if not self.scanner.sign("^"):
            return base
        return Arithmetic(("^",), (base, self._signed()), self.scanner.since(start))

    def _signed(self) -> Node:
        start = self.scanner.at
        if not self.scanner.sign("-"):
            return self._atom()
        inner = self._atom()
        if isinstance(inner, Number):
            return Number(-inner.value, self.scanner.since(start))
        return Arithmetic(("-",), (Number(0.0), inner), self.scanner.since(start))

    def _atom(self) -> Node:
        scanner, start = self.scanner, self.scanner.at
        if scanner.sign("("):
            inner = self.nested(self.condition)
            self._close(")")
            return inner
        if (constant := self._constant()) is not None:
            return constant
        quoted = scanner.peek("`")
        name = scanner.name() if quoted or not scanner.peek_word(*RESERVED) else None
        if name is None:
            raise LanguageError(f"a field, a number or a text in quotes is expected where {scanner.rest()} stands")
        if quoted or not scanner.sign("("):
            return Name(name, scanner.since(start))
        if name.lower() == "bin":
            return self._bin(start)
        arguments: list[Node] = []
        if not scanner.sign(")"):
            arguments.append(self._argument(name))
            while scanner.sign(","):
                arguments.append(self._argument(name))
            self._close(")")
        return Call(name.lower(), tuple(arguments), scanner.since(start))

    def _argument(self, name: str) -> Node:
        if name.lower() == "count" and self.scanner.sign("*"):
            return Name("*", "*")
        return self.nested(self.condition)

    def _bin(self, start: int) -> Bin:
        scanner = self.scanner
        begin = scanner.at
        end = scanner.text.find(")", begin)
        written = "".join(scanner.text[begin : end if end >= 0 else None].split())
        digits = written[: len(written) - len(written.lstrip("0123456789"))]
        unit = written[len(digits) :].lower()
        unit = _LONG_UNITS.get(unit, unit)
        count = int(digits[:9] or "1")
        if end < 0 or unit not in _UNITS or count == 0 or len(digits) > 6:  # noqa: PLR2004 - 999,999 of a unit
            raise LanguageError(f"bin({written}) is not a period such as bin(5m); units are {', '.join(_UNITS)}")
        scanner.at = end
        scanner.sign(")")
        return Bin(count, unit, scanner.since(start))

    def _constant(self) -> Number | Text | None:
        start = self.scanner.at
        if (text := self.scanner.quoted()) is not None:
            return Text(text, source=self.scanner.since(start))
        number = self.scanner.number()
        return None if number is None else Number(float(number), number)

    def nested(self, inner: Callable[[], Node]) -> Node:
        """Read what stands in parentheses. Raises LanguageError if they are nested too deeply."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise LanguageError(f"parentheses are nested more than {_DEEPEST} deep")
        found = inner()
        self._depth -= 1
        return found

    def _close(self, sign: str) -> None:
        if not self.scanner.sign(sign):
            raise LanguageError(f"{sign!r} is expected where {self.scanner.rest()} stands")
