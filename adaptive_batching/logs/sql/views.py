"""The views `logs` and `objects`: what every command reads. Pure: SQL as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

#: The columns of the view `logs`, with their types.
LOGS = {
    "ts": "TIMESTAMP",  # UTC
    "function": "VARCHAR",
    "type": "VARCHAR",  # platform.start, function, extension, insights.unreadable, …
    "request_id": "VARCHAR",
    "environment": "VARCHAR",
    "sequence": "BIGINT",
    "level": "VARCHAR",  # TRACE DEBUG INFO WARN ERROR FATAL
    "message": "VARCHAR",
    "trace_id": "VARCHAR",
    "xray_id": "VARCHAR",  # the root: 1-…-…
    "milestone": "VARCHAR",
    "span": "VARCHAR",
    "error": "VARCHAR",  # `ValueError: text`
    "status": "VARCHAR",
    "duration_ms": "DOUBLE",
    "fields": "VARCHAR",  # a JSON object
    "record": "VARCHAR",
    "object": "VARCHAR",  # its key
    "line": "BIGINT",  # from 1
}
#: The columns of the view `objects`, with their types.
OBJECTS = {
    "key": "VARCHAR",
    "function": "VARCHAR",
    "environment": "VARCHAR",
    "version": "VARCHAR",
    "date": "VARCHAR",
    "first_ts": "TIMESTAMP",
    "size": "BIGINT",
    "etag": "VARCHAR",
    "modified": "TIMESTAMP",
    "records": "BIGINT",  # as the metadata says
    "lines": "BIGINT",  # as counted
    "reason": "VARCHAR",
    "metadata": "VARCHAR",  # JSON
    "damage": "VARCHAR",  # null: whole
}
#: The order of lines, everywhere.
ORDER = "ts, environment, sequence, line"


def logs(lines: str, since: datetime | None, until: datetime | None) -> str:
    """Return the statement that makes the view `logs`: the lines of a window, both ends included.

    A line without a time (one that cannot be read) counts as within.
    """
    where = " and ".join(
        [
            *([f"(ts is null or ts >= {moment(since)})"] if since else []),
            *([f"(ts is null or ts <= {moment(until)})"] if until else []),
        ]
    )
    return f"create or replace temp view logs as select {', '.join(LOGS)} from {lines}{where and f' where {where}'}"


def moment(when: datetime) -> str:
    """Return a moment as SQL. `when` is aware."""
    return f"make_timestamp({int(when.timestamp())}{when.microsecond:06d})"


def literals(texts: Iterable[str]) -> str:
    """Return texts as a list in SQL."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
