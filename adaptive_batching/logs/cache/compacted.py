"""Compacted objects: Parquet files with the columns of the view `logs`, and those of a segment that it has not.

What stands in a segment's own metadata stands in theirs, so that a reader knows their sources. Their lines are read
through a segment: one that has been made once is as fast as any other.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import duckdb

from adaptive_batching.logs.cache import room, segments
from adaptive_batching.logs.cache.segments import Origin
from adaptive_batching.logs.sources.source import ObjectError
from adaptive_batching.logs.sql import columns, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.cache.segments import Cache, Segment, Stored
    from adaptive_batching.logs.sources.compacted import Compacted
    from adaptive_batching.logs.sources.source import Source

_OWN = (columns.START, columns.SHAPE)
#: What is a part of the record is not written twice: it would double the size.
_FIELDS = f"if({columns.SHAPE} = 2, {columns.FIELDS}, null) as fields"
_WANTED = "object in (select unnest($keys::varchar[]))"
_SIZE = "coalesce(sum(coalesce(strlen(record), 0) + coalesce(strlen(message), 0)), 0)"
_HEAVY = f"coalesce(sum(strlen(record)) filter (strlen(record) > {segments.HEAVY_LINE}), 0)"
#: What cannot be derived again: rows are the same if these are.
_SHIPPED = "ts, type, request_id, environment, sequence, record"


def origin(listed: Compacted) -> Origin:
    """Return what tells a compacted object from others."""
    return Origin(listed.key, listed.size, listed.etag)


def write(connection: DuckDBPyConnection, file: Path, sources: Iterable[Stored], more: Sequence[str]) -> bool:
    """Write the lines of these objects, as the view `lines` has them, into a file. Return False without room for it.

    `more`: what DuckDB may use, one after the other, if little is not enough.
    """
    stored = tuple(sources)
    keys = {"keys": [one.key for one in stored]}
    names = ", ".join(_FIELDS if name == "fields" else name for name in (*views.LOGS, *_OWN))
    query = f"select {names} from lines where {_WANTED} order by {views.ORDER}"
    connection.execute(f"set memory_limit = '{room.LITTLE}'")  # for questions about long lines it is more

    def work() -> bool:
        ((size, lines, heavy),) = connection.execute(
            f"select {_SIZE}, count(*), {_HEAVY} from lines where {_WANTED}", keys
        ).fetchall()
        rows = segments.rows(int(size), lines, int(heavy))
        segments.write(connection, query, file, stored, parameters=keys, rows=rows)
        return True

    return room.with_room(connection, more, work) or False


def fetched(source: Source, key: str, file: Path, connection: DuckDBPyConnection) -> Segment:
    """Copy a compacted object into a file. Return what it holds. Raises ObjectError."""
    file.write_bytes(source.read(key)[0])
    try:
        return segments.read(connection, [file])[0]
    except (LookupError, TypeError, ValueError):
        raise ObjectError("it is not a compacted object, or damaged") from None


def convert(source: Source, listed: Compacted, cache: Cache, scratch: Path, connection: DuckDBPyConnection) -> None:
    """Make a segment of a compacted object. Raises ObjectError."""
    file = scratch / "compacted.parquet"
    held = fetched(source, listed.key, file, connection)
    names = [name for name in (*views.LOGS, *_OWN) if name != "fields"]
    query = f"select {', '.join(names)} from read_parquet($file)"
    whole = {"file": str(file)}
    rows = min(held.rows, segments.measured(connection, [str(file)]))
    written = cache.place(listed.function, listed.date) / f"{uuid.uuid4()}.parquet"

    def work() -> bool:
        segments.write(connection, query, written, held.objects, (), whole, origin=origin(listed), rows=rows)
        return True

    try:
        if not room.with_room(connection, room.MORE, work):
            raise ObjectError(f"its lines are too long to be read with {room.MORE[-1]} of memory")
    except (duckdb.InvalidInputException, duckdb.BinderException, duckdb.SerializationException) as error:
        raise ObjectError(f"its lines cannot be read: {str(error).partition(chr(10))[0]}") from None
    finally:
        file.unlink(missing_ok=True)


def the_same(connection: DuckDBPyConnection, file: Path) -> set[str]:
    """Return the keys of the objects whose lines in the view `lines` are exactly those in a compacted file."""
    hashed = f"select object, count(*) as count, sum(hash(line, {_SHIPPED})::hugeint) as lines"
    query = f"""with there as ({hashed} from lines group by object),
            packed as ({hashed} from read_parquet($file) group by object)
        select object from there join packed using (object, count, lines)"""
    rows = connection.execute(query, {"file": str(file)}).fetchall()
    return {key for (key,) in rows}
