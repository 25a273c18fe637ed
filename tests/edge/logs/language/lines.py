"""Lines of logs for DuckDB and for plain Python: what a query makes of them is calculated in both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
from hypothesis import strategies as st

from adaptive_batching.logs.sql import views

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC)
WORDS = ("", "a", "ab", "Ab", "b", "ä", "10", "2", "3.5", "x'y", "1_0", "_", 'say "no"', "%", "nan", "line\nbreak")
ABSENT = object()


@dataclass(frozen=True)
class Line:
    """A line. `record` is what the function logged: an object, or text."""

    ms: int
    sequence: int
    function: str
    level: str | None
    record: dict[str, Any] | str

    @property
    def ts(self) -> datetime:
        return BEGIN + timedelta(milliseconds=self.ms)

    def member(self, name: str) -> str | None:
        """A member as text, as a query reads it."""
        found: Any = self.record
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is None or isinstance(found, str):
            return found
        return json.dumps(found)

    def text(self) -> str:
        return self.record if isinstance(self.record, str) else json.dumps(self.record, ensure_ascii=False)


def number(text: str | None) -> float | None:
    """A text as a number, if it is a finite one. To Python, too, 1_0 is one."""
    if "_" in (text or ""):
        return None
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


values = st.one_of(
    st.sampled_from(WORDS),
    st.integers(-5, 20),
    st.integers(-20, 20).map(lambda n: n / 4),
    st.booleans(),
    st.none(),
    st.just(ABSENT),
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any] | str:
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(WORDS))
    members = {name: draw(values) for name in ("price", "user")} | {"a": {"b": draw(values), "c": 1}}
    found = {name: value for name, value in members.items() if value is not ABSENT}
    found["a"] = {name: value for name, value in found["a"].items() if value is not ABSENT}
    return found


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    count = draw(st.integers(0, 25))
    return [
        Line(
            draw(st.integers(0, 4 * 3_600_000)),
            sequence,
            draw(st.sampled_from(["orders", "mail"])),
            draw(st.sampled_from([None, "INFO", "WARN", "ERROR"])),
            draw(records()),
        )
        for sequence in range(1, count + 1)
    ]


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One for all examples: to make one takes longer than most queries."""
    connection = duckdb.connect(config={"threads": "1"})
    columns = ", ".join(f"{name} {kind}" for name, kind in views.LOGS.items())
    connection.execute(f"create table logs ({columns})")
    return connection


def loaded(rows: Sequence[Line]) -> duckdb.DuckDBPyConnection:
    """A connection on which `logs` is a table of these lines."""
    connection = _connection()
    connection.execute("delete from logs")
    if rows:
        values: list[Any] = []
        for row in rows:
            fields = row.text() if isinstance(row.record, dict) else None
            moment = row.ts.replace(tzinfo=None)
            values += [moment, row.function, row.sequence, row.sequence, row.level, fields, row.text()]
        places = ", ".join(["(?, ?, 'function', 'e', ?, ?, ?, ?, ?)"] * len(rows))
        names = "ts, function, type, environment, sequence, line, level, fields, record"
        connection.execute(f"insert into logs ({names}) values {places}", values)
    return connection
