"""The views `logs` and `objects`: what every command reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.logs.sql import columns as columns_

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.sources.keys import Window

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
    "compacted": "VARCHAR",  # the key of the object that has its lines, if the object itself is not there any more
}
#: The order of lines, everywhere.
ORDER = "ts, environment, sequence, line"


def create(
    connection: DuckDBPyConnection,
    objects: list[tuple[object, ...]],
    files: dict[Path, list[str] | None],
    window: Window,
) -> None:
    """Make the views: `objects` of rows, `logs` of the segments' lines of these objects that are in the window.

    `files` are the segments, with the objects that are to be read of each; None: all of it. A view `lines` has the
    lines outside of the window as well.
    """
    columns = ", ".join(
        f"unnest($c{number}::{kind}[]) as {name}" for number, (name, kind) in enumerate(OBJECTS.items())
    )
    values = [list(column) for column in zip(*objects, strict=True)] or [[] for _ in OBJECTS]
    connection.execute(
        f"create or replace temp table objects as select {columns}", {f"c{n}": one for n, one in enumerate(values)}
    )
    made = {"message": columns_.MESSAGE, "fields": columns_.FIELDS}
    shown = ", ".join(f"{made[name]} as {name}" if name in made else name for name in LOGS)
    nothing = ", ".join(f"null::{kind} as {name}" for name, kind in LOGS.items())
    whole = [str(file) for file, some in files.items() if some is None]
    parts = [(str(file), key) for file, some in files.items() for key in some or ()]
    read = [f"select * from read_parquet({literals(whole)})"] if whole else []
    if parts:
        held = "select unnest($files::varchar[]) as filename, unnest($keys::varchar[]) as object"
        names, keys = zip(*parts, strict=True)
        connection.execute(f"create or replace temp table parts as {held}", {"files": [*names], "keys": [*keys]})
        some = literals(dict.fromkeys(names))
        read.append(f"""select * exclude filename from read_parquet({some}, filename = true)
            semi join parts using (filename, object)""")
    lines = " union all by name ".join(read) or f"select {nothing}, 1 as start, 1 as shape limit 0"
    connection.execute(f"create or replace temp view lines as {lines}")
    connection.execute(f"create or replace temp view logs as select {shown} from lines {_where(window)}")


def _where(window: Window) -> str:
    bounds = [
        *([f"ts >= {moment(window.since)}"] if window.since else []),
        *([f"ts <= {moment(window.until)}"] if window.until else []),
    ]
    return f"where {' and '.join(bounds)}" if bounds else ""


def moment(when: datetime) -> str:
    """Return a moment as SQL. `when` is aware."""
    return f"make_timestamp({int(when.timestamp())}{when.microsecond:06d})"


def literals(texts: Iterable[str]) -> str:
    """Return texts as a list in SQL."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
