"""Turns expressions into SQL."""

from __future__ import annotations

import datetime as dt
import difflib
from typing import TYPE_CHECKING

from adaptive_batching.logs.language import functions, literals, values
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
from adaptive_batching.logs.language.values import LEVELS, Value
from adaptive_batching.logs.sql import text as written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Names = Callable[[str], Value]

#: Above this, a DOUBLE no longer tells neighbouring whole numbers apart.
_EXACT = 2**53
#: Lengths of a unit in microseconds. Weeks begin on Mondays, and 1970 did on a Thursday.
_MICROSECONDS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_WEEK, _MONDAY = 7 * 86_400_000_000, 4 * 86_400_000_000
_MONTHS = {"mo": 1, "q": 3, "y": 12}


class Translator:
    """Translates expressions over rows, in which `names` says what a name stands for.

    `known` are columns that were computed before, by the text of their expression: count(*). `lines` says whether rows
    are lines, which have a time. With `inside` the functions of many rows are allowed: it translates their arguments,
    and `names` knows what is the same for a whole group.
    """

    def __init__(
        self,
        names: Names,
        known: Mapping[str, Value] | None = None,
        inside: Translator | None = None,
        *,
        lines: bool = True,
    ) -> None:
        self._names = names
        self._known = known or {}
        self._inside = inside
        self._lines = lines

    def condition(self, node: Node) -> str:
        """Return a condition: never NULL. Raises LanguageError if the expression is not one."""
        found = self.value(node)
        if found.kind != "truth":
            raise LanguageError(f"{_source(node)} is not a condition; compare it with something")
        return found.sql

    def value(self, node: Node) -> Value:  # noqa: PLR0911 - one for each kind of node
        """Return the SQL for an expression."""
        if isinstance(node, Call | Bin) and node.source in self._known:
            return self._known[node.source]
        match node:
            case Name():
                return self._names(node.name)
            case Number():
                return Value(literals.number(node.value), "number")
            case Text():
                return Value(literals.text(node.value), "text")
            case Call():
                return self._call(node)
            case Bin():
                return self._bin(node)
            case Arithmetic():
                return self._arithmetic(node)
            case _:
                return Value(self._truth(node), "truth")

    def _truth(self, node: Comparison | Like | In | Absent | Negation | Junction) -> str:
        match node:
            case Comparison():
                return self._comparison(node.operator, node.left, node.right)
            case Like():
                return _certain(self._like(node))
            case In():
                return self._in(node)
            case Absent():
                present = f"({self.value(node.inner.left).sql}) IS NOT NULL"
                return f"({present} AND NOT {self._truth(node.inner)})"
            case Negation():
                return f"(NOT {self.condition(node.inner)})"
            case Junction():
                return "(" + f" {node.operator.upper()} ".join(map(self.condition, node.inner)) + ")"

    def _like(self, node: Like) -> str:
        left, pattern = values.text(self.value(node.left)), literals.text(node.pattern)
        return f"regexp_matches({left}, {pattern})" if node.regex else f"contains({left}, {pattern})"

    def _in(self, node: In) -> str:
        return "(" + " OR ".join(self._comparison("=", node.left, item) for item in node.items) + ")"

    def _comparison(self, operator: str, left: Node, right: Node) -> str:
        first, second = self.value(left), self.value(right)
        kinds = {first.kind, second.kind}
        if "level" in kinds and isinstance(right, Text):
            return _certain(f"{values.rank(first.sql)} {operator} {values.rank(literals.text(level(right.value)))}")
        if kinds == {"time", "text"}:
            return _certain(_timed(operator, first, left, second, right))
        if kinds <= {"text", "level"}:
            return _certain(_texts(operator, first, second, right))
        if kinds == {"time"}:
            return _certain(f"{first.sql} {operator} {second.sql}")
        if isinstance(right, Text) and not right.quoted and not _is_number(right.value):
            if first.kind == "truth":
                raise LanguageError(f"{_source(left)} is a condition already; write it alone, or with `not` before it")
            raise LanguageError(f"{_source(left)} is a number, and {right.value!r} is not")
        if first.kind == "text" and isinstance(right, Number) and _is_long(right) and operator in ("=", "!="):
            return _certain(f"{first.sql} {operator} {literals.text(right.source)}")
        return _certain(f"{values.number(first)} {operator} {values.number(second)}")

    def _call(self, node: Call) -> Value:
        aggregate = functions.AGGREGATE.get(node.function)
        function = aggregate or functions.SCALAR.get(node.function)
        if function is None:
            known = [*functions.SCALAR, *functions.AGGREGATE, "bin"]
            close = difflib.get_close_matches(node.function, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
            raise LanguageError(f"the function {node.function!r} is not known; {hint}")
        if aggregate and self._inside is None:
            raise LanguageError(
                f"{_source(node)} is a function of many lines; it stands in stats, and not in another one"
            )
        if node.function in functions.TIMED and not self._lines:
            raise LanguageError(f"{_source(node)} needs lines; behind stats there are groups, which have no time")
        if not function.least <= len(node.arguments) <= function.most:
            wanted = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
            raise LanguageError(f"{_source(node)} has {len(node.arguments)} arguments; {node.function} takes {wanted}")
        if node.function in ("pct", "percentile"):
            return function.build([self._argument(node.arguments[0]), _percent(node)])
        if node.function == "count" and node.arguments == (Name("*"),):
            return function.build([])
        read = self._argument if aggregate else self.value
        return function.build([read(argument) for argument in node.arguments])

    def _argument(self, node: Node) -> Value:
        assert self._inside is not None  # noqa: S101 - `_call` refuses it
        return self._inside.value(node)

    def _bin(self, node: Bin) -> Value:
        moment = self._names("@timestamp").sql
        if node.unit in _MONTHS:
            return Value(f"time_bucket(to_months({node.count * _MONTHS[node.unit]}), {moment})", "time")
        width, shift = (node.count * _WEEK, _MONDAY) if node.unit == "w" else (node.count * _MICROSECONDS[node.unit], 0)
        number = f"CAST(floor((epoch_us({moment}) - {shift}) / CAST({width} AS DOUBLE)) AS BIGINT)"
        return Value(f"make_timestamp({number} * {width} + {shift})", "time")

    def _arithmetic(self, node: Arithmetic) -> Value:
        sql = values.number(self.value(node.operands[0]))
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            second = values.number(self.value(operand))
            if operator == "^":
                sql = f"pow({sql}, {second})"
            elif operator in "/%":  # what is divided by 0 is missing
                sql = f"({sql} {operator} nullif({second}, 0))"
            else:
                sql = f"({sql} {operator} {second})"
        return Value(sql, "number")


def level(word: str) -> str:
    """Return the level that a word means: WARN for warning. Raises LanguageError if it means none."""
    found = next((name for name, words in written.LEVELS.items() if word.upper() in words), None)
    if found is None:
        raise LanguageError(f"{word!r} is not a level; levels are {', '.join(LEVELS)}")
    return found


def _texts(operator: str, first: Value, second: Value, right: Node) -> str:
    """Compare texts; numbers if both are numbers, unless one of them is in quotes."""
    plain = f"{first.sql} {operator} {second.sql}"
    if isinstance(right, Text) and (right.quoted or not _is_number(right.value)):
        return plain
    if operator in ("=", "!=") and isinstance(right, Text):
        either = f"({first.sql} = {second.sql} OR coalesce({_numbers('=', first, second)}, false))"
        return either if operator == "=" else f"NOT {either}"
    both = f"({values.number(first)}) IS NOT NULL AND ({values.number(second)}) IS NOT NULL"
    return f"CASE WHEN {both} THEN {_numbers(operator, first, second)} ELSE {plain} END"


def _numbers(operator: str, first: Value, second: Value) -> str:
    return f"{values.number(first)} {operator} {values.number(second)}"


def _timed(operator: str, first: Value, left: Node, second: Value, right: Node) -> str:
    """Compare a time with a text, which is a time as ISO 8601 writes it."""
    return f"{_moment(first, left)} {operator} {_moment(second, right)}"


def _moment(value: Value, node: Node) -> str:
    if value.kind == "time":
        return value.sql
    if not isinstance(node, Text):
        return f"TRY_CAST({value.sql} AS TIMESTAMP)"
    try:
        found = dt.datetime.fromisoformat(node.value)
    except ValueError:
        raise LanguageError(f"{node.value!r} is not a time such as 2026-11-20T09:15:02Z") from None
    if found.tzinfo is not None:
        found = found.astimezone(dt.UTC).replace(tzinfo=None)
    return f"TIMESTAMP {literals.text(found.isoformat(sep=' '))}"


def _percent(node: Call) -> Value:
    given = node.arguments[1]
    if not isinstance(given, Number) or not 0 <= given.value <= 100:  # noqa: PLR2004 - percent
        raise LanguageError(f"{_source(node)} needs a number from 0 to 100 as its second argument")
    return Value(repr(given.value / 100), "number")


def _certain(sql: str) -> str:
    """Return a condition that is false where a value is missing."""
    return f"coalesce({sql}, false)"


def _is_long(node: Number) -> bool:
    return node.source.isdigit() and node.value >= _EXACT


def _is_number(text: str) -> bool:
    try:
        return "_" not in text and abs(float(text)) < float("inf")
    except ValueError:
        return False


def _source(node: Node) -> str:
    return repr(node.source)
