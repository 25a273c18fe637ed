"""Whatever can be translated runs: DuckDB refuses no statement, whatever is compared, calculated or nested."""

from __future__ import annotations

import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adaptive_batching.logs.language import conditions
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.functions import AGGREGATE, SCALAR
from adaptive_batching.logs.language.insights import statement
from adaptive_batching.logs.language.names import COLUMNS, SPECIAL
from tests.edge.logs.language.lines import Line, loaded

ROWS = [
    Line(0, 1, "f", "WARN", {"price": 3, "user": "a", "a": {"b": [1, {"c": None}]}}),
    Line(1, 2, "g", None, {"price": "x", "user": True, "duration_ms": "soon", "time": 5}),
    Line(2, 3, "g", "ERROR", "text"),
]
NAMES = st.sampled_from(["price", "user", "a.b", "a.b.1.c", "absent", "x", "n", *SPECIAL, *COLUMNS])
ATOMS = st.one_of(
    NAMES,
    st.integers(-9, 10**20).map(str),
    st.floats(0, 1e300).map(repr),
    st.sampled_from(["'a'", "'3'", '""', "'2026-11-20T09:00:00Z'", "'%_'"]),
    st.sampled_from(["bin(5m)", "bin(1w)", "bin(2mo)", "bin(999999y)", "bin(1ms)"]),
)


def calls(inner: st.SearchStrategy[str], table: dict[str, object]) -> st.SearchStrategy[str]:
    names = st.sampled_from(sorted(table))
    return st.tuples(names, st.lists(inner, min_size=1, max_size=3)).map(lambda two: f"{two[0]}({', '.join(two[1])})")


def conditions_of(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "=="]), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["like /a/", "not like 'a'", "=~ /x|y/", "in [1, 'a']", "not in ['3']"])).map(
            " ".join
        ),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"not ({one})"),
        inner.map(lambda one: f"ispresent({one})"),
    )


EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        calls(inner, dict(SCALAR)),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "^"]), inner).map(" ".join),
        conditions_of(inner),
    ),
    max_leaves=6,
)
GROUPED = st.one_of(
    calls(EXPRESSIONS, dict(AGGREGATE)), st.just("count(*)"), EXPRESSIONS.map(lambda one: f"pct({one}, 95)")
)
COMMANDS = st.one_of(
    EXPRESSIONS.map(lambda one: f"fields {one} as x"),
    NAMES.map(lambda one: f"display {one}"),
    conditions_of(EXPRESSIONS).map(lambda one: f"filter {one}"),
    st.tuples(EXPRESSIONS, st.sampled_from(["", " desc"])).map(lambda two: f"sort {two[0]}{two[1]}, price"),
    st.tuples(GROUPED, EXPRESSIONS).map(lambda two: f"stats {two[0]} as n by {two[1]} as x"),
    GROUPED.map(lambda one: f"stats {one} * 2 as n"),
    st.tuples(GROUPED, GROUPED, EXPRESSIONS).map(
        lambda of: f"stats {of[0]} as n, n + {of[1]} as m, m - n as o, coalesce(n, m, o) as x by {of[2]} as k"
    ),
    EXPRESSIONS.map(lambda one: f"dedup {one}"),
    st.just("limit 2"),
)


@settings(max_examples=300)
@example("fields substr(price, 1e300, -1e300) as x | fields substr(user, a.b ^ 99, 10000000000) as n")
@given(st.lists(COMMANDS, min_size=1, max_size=4).map(" | ".join))
def test_a_query_that_is_translated_runs(query: str) -> None:
    with contextlib.suppress(LanguageError):
        found = statement(query)
        rows = loaded(ROWS).execute(found.sql).fetchall()
        assert all(len(row) == len(found.columns) for row in rows)


@settings(max_examples=150)
@given(
    st.tuples(EXPRESSIONS, st.sampled_from(["=", "<", ">="]), st.sampled_from(["warn", "3", "'x y'", "a-b/c", "5e3"]))
)
def test_an_expression_that_is_translated_runs(parts: tuple[str, str, str]) -> None:
    with contextlib.suppress(LanguageError):
        sql = conditions.expression(" ".join(parts))
        loaded(ROWS).execute(f"select count(*) filter ({sql}), count({sql}) = count(*) from logs").fetchall()
