"""The functions that a query can call, as SQL. What they mean is what Logs Insights' reference says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.logs.language import values
from adaptive_batching.logs.language.values import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Callable

#: The order of lines: what is earliest and latest.
ORDER = ("ts", "environment", "sequence", "line")
_MANY = 50
#: Characters of the longest text.
_LONGEST = 2**31 - 1


@dataclass(frozen=True)
class Function:
    """A function: how many arguments it takes, from `least` to `most`, and the SQL for them."""

    least: int
    most: int
    build: Callable[[list[Value]], Value]


def _numeric(template: str) -> Callable[[list[Value]], Value]:
    return lambda given: Value(template.format(*map(values.number, given)), "number")


def _listed(name: str, read: Callable[[Value], str], kind: Kind) -> Callable[[list[Value]], Value]:
    return lambda given: Value(f"{name}({', '.join(map(read, given))})", kind)


def _textual(template: str, kind: Kind = "text") -> Callable[[list[Value]], Value]:
    return lambda given: Value(template.format(*map(values.text, given)), kind)


def _coalesce(given: list[Value]) -> Value:
    if len({value.kind for value in given}) == 1:
        return Value(f"coalesce({', '.join(value.sql for value in given)})", given[0].kind)
    return Value(f"coalesce({', '.join(map(values.text, given))})", "text")


def _substr(given: list[Value]) -> Value:
    text, start, *length = given
    count = f", {_place(length[0])}" if length else ""
    return Value(f"substring({values.text(text)}, {_place(start)} + 1{count})", "text")  # Logs Insights counts from 0


def _place(value: Value) -> str:
    """Return a number of characters: whole, and within what DuckDB takes."""
    return f"CAST(least(greatest(floor({values.number(value)}), 0), {_LONGEST}) AS BIGINT)"


SCALAR = {
    "ispresent": Function(1, 1, lambda given: Value(f"(({given[0].sql}) IS NOT NULL)", "truth")),
    "isempty": Function(1, 1, lambda given: Value(f"(coalesce({values.text(given[0])}, '') = '')", "truth")),
    "isblank": Function(1, 1, lambda given: Value(f"(trim(coalesce({values.text(given[0])}, '')) = '')", "truth")),
    "coalesce": Function(1, _MANY, _coalesce),
    "abs": Function(1, 1, _numeric("abs({})")),
    "ceil": Function(1, 1, _numeric("ceil({})")),
    "floor": Function(1, 1, _numeric("floor({})")),
    "greatest": Function(1, _MANY, _listed("greatest", values.number, "number")),
    "least": Function(1, _MANY, _listed("least", values.number, "number")),
    "concat": Function(1, _MANY, _listed("concat", values.text, "text")),
    "strlen": Function(1, 1, _textual("CAST(length({}) AS DOUBLE)", "number")),
    "strcontains": Function(2, 2, _textual("CAST(coalesce(contains({}, {}), false) AS DOUBLE)", "number")),
    "substr": Function(2, 3, _substr),
    "replace": Function(3, 3, _textual("replace({}, {}, {})")),
    "tolower": Function(1, 1, _textual("lower({})")),
    "toupper": Function(1, 1, _textual("upper({})")),
    "trim": Function(1, 1, _textual("trim({})")),
    "tomillis": Function(1, 1, lambda given: Value(values.number(given[0]), "number")),
}


def _count(given: list[Value]) -> Value:
    return Value(f"CAST(count({given[0].sql if given else '*'}) AS DOUBLE)", "number")


def _extreme(name: str) -> Callable[[list[Value]], Value]:
    """Return min or max: of the numbers if there are any, else of the texts."""

    def build(given: list[Value]) -> Value:
        (value,) = given
        if value.kind == "truth":
            return Value(f"{name}({values.number(value)})", "number")
        if value.kind != "text":
            return Value(f"{name}({value.sql})", value.kind)
        return Value(f"coalesce(arg_{name}({value.sql}, {values.number(value)}), {name}({value.sql}))", "text")

    return build


def _edge(direction: str) -> Callable[[list[Value]], Value]:
    """Return earliest or latest: the value of the first or last line that has one."""
    order = ", ".join(f"{name} {direction}" for name in ORDER)

    def build(given: list[Value]) -> Value:
        sql = given[0].sql
        return Value(f"first({sql} ORDER BY {order}) FILTER (({sql}) IS NOT NULL)", given[0].kind)

    return build


def _percentile(given: list[Value]) -> Value:
    return Value(f"quantile_cont({values.number(given[0])}, {given[1].sql})", "number")


#: Functions of many lines, for `stats`.
AGGREGATE = {
    "count": Function(0, 1, _count),
    "count_distinct": Function(1, 1, lambda given: Value(f"CAST(count(DISTINCT {given[0].sql}) AS DOUBLE)", "number")),
    "sum": Function(1, 1, _numeric("sum({})")),
    "avg": Function(1, 1, _numeric("avg({})")),
    "min": Function(1, 1, _extreme("min")),
    "max": Function(1, 1, _extreme("max")),
    "median": Function(1, 1, _numeric("quantile_cont({}, 0.5)")),
    "stddev": Function(1, 1, _numeric("stddev_samp({})")),
    **dict.fromkeys(("pct", "percentile"), Function(2, 2, _percentile)),
    "earliest": Function(1, 1, _edge("ASC")),
    "latest": Function(1, 1, _edge("DESC")),
}
#: Those that need the time of each row.
TIMED = ("earliest", "latest")
