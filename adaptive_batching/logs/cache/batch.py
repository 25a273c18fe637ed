"""A batch: objects of one function and day, inflated into one file of lines, and from there into a segment.

DuckDB reads one row for each line that is not blank, in order; one of NULLs where it cannot read the line. Only a batch
with such lines goes through Python, which reads some of them (lone surrogates, bytes that are not UTF-8) and makes rows
of type `insights.unreadable` of the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.cache import room, segments
from adaptive_batching.logs.sources.source import ObjectError, SourceError
from adaptive_batching.logs.sql.columns import derived, moment, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.cache.segments import Stored

#: Bytes of text in a batch.
FULL = 48_000_000
#: DuckDB has buffers of twice the longest line: a short bound saves memory.
_SHORTEST_BOUND = 1_000_000
_MEMBER = b'"environment":"'
_ENVIRONMENT = re.compile(_MEMBER + rb"([\w-]+)")
UNREADABLE = "insights.unreadable"
_COLUMNS = ", ".join(
    f"{name}: 'VARCHAR'" for name in ("time", "type", "record", "requestId", "environment", "sequence")
)


@dataclass
class Batch:
    """Objects whose lines are in one file."""

    file: Path
    function: str
    replaces: tuple[str, ...] = ()
    more: tuple[str, ...] = room.MORE  # memory for DuckDB, one after the other, if LITTLE is not enough
    objects: list[tuple[Stored, datetime]] = field(default_factory=list)  # with the time of the key
    size: int = 0  # bytes of text
    longest: int = 0  # bytes of a line, or of an object that is so short that it makes no difference
    heavy: int = 0  # bytes of lines that are heavy

    def __post_init__(self) -> None:
        # The batch before may have left its lines: the same pages again cost half of what new ones do.
        self._out = os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600), "wb")

    def add(self, stored: Stored, first: datetime, text: bytes) -> None:
        """Append the text of an object: whole lines, as many as `stored` says."""
        with self._scratch():
            self._out.write(text)
        short = len(text) < _SHORTEST_BOUND  # of such a one the average tells enough, and its lines are not looked at
        lengths = [len(text)] if short else [len(line) for line in text.split(b"\n")]
        self.objects.append((stored, first))
        self.size += len(text)
        self.longest = max(self.longest, *lengths)
        self.heavy += 0 if short else sum(one for one in lengths if one > segments.HEAVY_LINE)

    def convert(self, connection: DuckDBPyConnection, folder: Path) -> dict[str, ObjectError]:
        """Write the segment into a folder. Return what is wrong with the objects if that cannot be, by key."""
        written = folder / f"{uuid.uuid4()}.parquet"
        part = written.with_suffix(".check")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._scratch(), self._out:
            self._out.truncate()
        try:
            why = self._written(connection, part)
            if why:
                return {one.key: ObjectError(why) for one, _ in self.objects}
            part.replace(written)
        finally:
            part.unlink(missing_ok=True)
        return {}

    def _written(self, connection: DuckDBPyConnection, part: Path) -> str:
        """Write the segment. Return why that cannot be, or "" if it is there."""

        def work() -> str:
            if self._try(connection, part):
                return ""
            self._mend(connection)
            return "" if self._try(connection, part) else "its lines cannot be told apart"

        why = room.with_room(connection, self.more, work)
        return f"its lines are too long to be read with {self.more[-1]} of memory" if why is None else why

    def _try(self, connection: DuckDBPyConnection, part: Path) -> bool:
        """Write the segment, and return whether each line is one that can be read."""
        stored = [one for one, _ in self.objects]
        query = f"select {quoted(self.function)} as function, * from ({derived(f'({self._lines()})')})"
        rows = segments.rows(self.size, sum(one.lines for one in stored), self.heavy)
        segments.write(connection, query, part, stored, self.replaces, self._parameters(), rows=rows)
        whole = connection.execute(
            """select count(*) = count(object) and count(*) = count(type) and count(*) = count(ts) and count(*) = $lines
            from read_parquet($file)""",
            {"lines": sum(one.lines for one in stored), "file": str(part)},
        ).fetchone()
        return bool(whole and whole[0])

    def _lines(self) -> str:
        """Return a query of the lines, each with its object and number."""
        # The right side is collected before the left one is read, so it is the one with short rows. (The other way
        # round, batches with a few very long lines could do with less memory.)
        return f"""select * from {self._reading()} positional join
            (select object, unnest(range(1, lines + 1)) as line
             from (select unnest($keys::varchar[]) as object, unnest($lines::bigint[]) as lines))"""

    def _reading(self) -> str:
        bound = min(max(self.longest + 1, _SHORTEST_BOUND), 2**31)
        return f"""read_json({quoted(str(self.file))}, format = 'newline_delimited', records = true,
            ignore_errors = true, maximum_object_size = {bound}, columns = {{{_COLUMNS}}})"""

    def _parameters(self) -> dict[str, Any]:
        return {"keys": [one.key for one, _ in self.objects], "lines": [one.lines for one, _ in self.objects]}

    def _mend(self, connection: DuckDBPyConnection) -> None:
        """Write the file again: without blank lines, and with lines that DuckDB can read instead of those it cannot."""
        lines, places = self._without_blank_lines()
        refused = self._refused(connection, lines)
        for place in refused:
            lines[place] = readable(lines[place]) or lines[place]
        unreadable = set(self._refused(connection, lines)) if refused else set()
        nearest = _nearest(places, unreadable)
        for place in sorted(unreadable):
            stored, first = self.objects[places[place]]
            near = nearest[place]
            time, environment = _said(lines[near]) if near is not None else (None, None)
            row = {
                "time": time or first.astimezone(UTC).isoformat(timespec="milliseconds"),
                "type": UNREADABLE,
                "record": lines[place].decode("utf-8", "replace"),
                "environment": environment or stored.environment,
            }
            lines[place] = json.dumps(row).encode()
        self._write(lines)

    def _without_blank_lines(self) -> tuple[list[bytes], list[int]]:
        """Return the lines of all objects, and for each the place of its object. DuckDB knows the same six blanks."""
        text, left = self.file.read_bytes().split(b"\n"), 0
        kept: list[bytes] = []
        places: list[int] = []
        for number, (stored, first) in enumerate(self.objects):
            own = [line for line in text[left : left + stored.lines] if line.strip()]
            left += stored.lines
            kept += own
            places += [number] * len(own)
            self.objects[number] = (replace(stored, lines=len(own)), first)
        return kept, places

    def _refused(self, connection: DuckDBPyConnection, lines: list[bytes]) -> list[int]:
        """Return the places of the lines that DuckDB cannot read as lines of ours."""
        self._write(lines)
        rows = connection.execute(f"""
            select place from (select row_number() over () - 1 as place, type, time from {self._reading()})
            where type is null or {moment("time")} is null order by place""").fetchall()
        return [place for (place,) in rows]

    def _write(self, lines: list[bytes]) -> None:
        with self._scratch():
            self.file.write_bytes(b"".join(line + b"\n" for line in lines))

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[None]:
        """Raise SourceError if the file of lines cannot be written: that is not the cache's fault."""
        try:
            yield
        except OSError as error:
            raise SourceError(
                f"the lines cannot be written into {str(self.file.parent)!r} for a moment: {error.strerror}; "
                "TMPDIR names another folder"
            ) from None


def environment(text: bytes) -> str | None:
    """Return the environment that the last line names: a folder has no metadata."""
    found = _ENVIRONMENT.match(text, max(0, text.rfind(_MEMBER)))
    return found[1].decode() if found else None


def readable(line: bytes) -> bytes | None:
    """Return a line without what DuckDB refuses and Python reads, or None if it is no line of ours. Pure."""
    try:
        found = json.loads(line.decode("utf-8-sig", "replace"))
        if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in ("time", "type")):
            return None
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _nearest(places: list[int], unreadable: set[int]) -> list[int | None]:
    """Return for each line the readable one of its object that stands before it, else after it. Pure."""
    found: list[int | None] = [None] * len(places)
    for order in (range(len(places)), range(len(places) - 1, -1, -1)):
        last: int | None = None
        for place in order:
            last = place if place not in unreadable else last
            if found[place] is None and last is not None and places[last] == places[place]:
                found[place] = last
    return found


def _said(line: bytes) -> tuple[str | None, str | None]:
    """Return time and environment of a line that DuckDB can read, or nothing where Python is stricter."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None, None
    return found.get("time"), found.get("environment")
