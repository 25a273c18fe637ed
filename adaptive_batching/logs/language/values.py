"""What an expression is in SQL: its text and its kind, and how one kind is read as another.

Fields of a log have no types. A text that is a finite number counts as one where a number is wanted; where it is not
one, the value is missing (NULL).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adaptive_batching.logs.language import literals
from adaptive_batching.logs.sql import text as written

#: number: DOUBLE. text: VARCHAR. time: TIMESTAMP in UTC. truth: BOOLEAN, never NULL. level: one of LEVELS.
Kind = Literal["number", "text", "time", "truth", "level"]

#: From the least to the most severe.
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


@dataclass(frozen=True)
class Value:
    """An expression in SQL."""

    sql: str
    kind: Kind


def number(value: Value) -> str:
    """Return the value as a DOUBLE, or NULL. A time is its milliseconds since 1970, as in Logs Insights."""
    if value.kind == "number":
        return value.sql
    if value.kind == "time":
        return f"(epoch_us({value.sql}) / CAST(1000 AS DOUBLE))"
    if value.kind == "truth":
        return f"CAST({value.sql} AS DOUBLE)"
    cast = written.as_double(value.sql)
    return f"CASE WHEN isfinite({cast}) THEN {cast} END"


def text(value: Value) -> str:
    """Return the value as a VARCHAR: a whole number without a point, a time as 2026-11-20T09:15:02.150Z."""
    if value.kind in ("text", "level"):
        return value.sql
    if value.kind == "time":
        return f"strftime({value.sql}, '%Y-%m-%dT%H:%M:%S.%gZ')"
    if value.kind == "truth":
        return f"CAST(CAST({value.sql} AS INTEGER) AS VARCHAR)"
    whole = f"({value.sql}) = trunc({value.sql}) AND abs({value.sql}) < 1e15"
    return f"CASE WHEN {whole} THEN CAST(CAST({value.sql} AS BIGINT) AS VARCHAR) ELSE CAST({value.sql} AS VARCHAR) END"


def order(value: Value) -> tuple[str, ...]:
    """Return what a value is sorted by, as SQL: texts come before numbers, as Logs Insights sorts."""
    if value.kind == "level":
        return (rank(value.sql),)
    if value.kind != "text":
        return (value.sql,)
    return (f"({number(value)}) IS NOT NULL", number(value), value.sql)


def rank(sql: str) -> str:
    """Return the number of a level in SQL: 0 for TRACE. NULL if it is none of them."""
    listed = ", ".join(literals.text(one) for one in LEVELS)
    return f"list_position([{listed}], upper({sql}))"
