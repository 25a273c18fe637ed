"""`Reading`: what a command on shipped logs gets. It opens the source and makes the views `logs` and `objects`."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from adaptive_batching.logs.sources.inflating import inflated
from adaptive_batching.logs.sql import rules, views
from adaptive_batching.logs.sql.columns import derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adaptive_batching.console import Console
    from adaptive_batching.logs.sql.rules import Completeness

_KEY = re.compile(r"(?:.*/)?(?P<function>[^/]+)-(?P<ms>\d{10,})-(?P<unique>[0-9a-f-]{36})\.log(?:\.gz)?$")


class SourceError(Exception):
    """The source cannot be read. The message is a sentence. Exit code 2."""


class NothingFound(Exception):  # noqa: N818 - it is no error
    """There is nothing to print. The message is a sentence. Exit code 1."""


@dataclass(frozen=True)
class Window:
    """A window of time: aware moments, both included, or None."""

    since: datetime | None = None
    until: datetime | None = None


class Logs:
    """An opened source: the views `logs` and `objects` on a connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, window: Window, zone: tzinfo) -> None:
        self.connection = connection
        self.window = window
        self.zone = zone

    def complete(self) -> Completeness:
        """Return what is known about lines that are missing, double or unreadable."""
        return rules.complete(self.connection, since=self.window.since is not None)


class Reading:
    """What is to be read, as the options say."""

    def __init__(
        self,
        source: str | None,
        *,
        notes: Console | None = None,
        functions: Sequence[str] = (),
        local: bool = False,
        **_later: object,
    ) -> None:
        if not source:
            raise SourceError("SOURCE is missing: s3://bucket/prefix or a folder; or set ADAPTIVE_BATCHING_LOGS")
        self._folder = Path(source)
        if not self._folder.is_dir():
            raise SourceError(f"{source!r} is not a folder")
        self._functions = functions
        self._notes = notes
        self.zone: tzinfo = datetime.now().astimezone().tzinfo or UTC if local else UTC
        self.damaged = False

    @contextmanager
    def open(self) -> Iterator[Logs]:
        """Read the source. The completeness is printed when the block ends."""
        connection = duckdb.connect(config={"memory_limit": "300MB", "autoinstall_known_extensions": "false"})
        connection.execute("set enable_progress_bar = false")
        with TemporaryDirectory() as scratch:
            self._load(connection, Path(scratch) / "lines.ndjson")
        logs = Logs(connection, Window(), self.zone)
        connection.execute(views.logs("lines", None, None))
        yield logs
        found = logs.complete()
        self.damaged = bool(found.damaged or found.unreadable)
        if self._notes:
            self._notes.say(found.sentence)

    def _load(self, connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        columns = ", ".join(f"{name} {kind}" for name, kind in views.OBJECTS.items())
        connection.execute(f"create temp table objects ({columns})")
        files = sorted(file for file in self._folder.rglob("*") if file.is_file())
        with scratch.open("wb") as out:
            for file in files:
                key = str(file.relative_to(self._folder))
                name = _KEY.match(key)
                if not name or not any(fnmatchcase(name["function"], one) for one in self._functions or ["*"]):
                    continue
                body = file.read_bytes()
                text, damage = inflated(body)
                lines = [line for line in text.split(b"\n") if line.strip()]
                out.writelines(line + b"\n" for line in lines)
                first = datetime.fromtimestamp(int(name["ms"]) / 1000, UTC).replace(tzinfo=None)
                modified = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
                connection.execute(
                    "insert into objects values (?, ?, null, null, ?, ?, ?, null, ?, null, ?, null, '{}', ?)",
                    [key, name["function"], f"{first:%Y-%m-%d}", first, len(body), modified, len(lines), damage],
                )
        connection.execute(f"""
            create temp table raw as select * from
                (select key as object, function as of, unnest(range(1, lines + 1)) as line from objects order by key)
                positional join read_json('{scratch}', format = 'newline_delimited', records = true,
                    ignore_errors = true, maximum_object_size = 67108864, columns = {{time: 'VARCHAR',
                    type: 'VARCHAR', record: 'VARCHAR', requestId: 'VARCHAR', environment: 'VARCHAR',
                    sequence: 'VARCHAR'}})""")
        connection.execute("""update raw set type = 'insights.unreadable', record = coalesce(record, '')
            where type is null or try_cast(time as timestamp) is null""")
        connection.execute(f"""
            create temp table lines as select function, d.* from ({derived("raw")}) d
            left join objects on objects.key = d.object order by {views.ORDER}""")
        connection.execute("""update objects set environment = found.environment
            from (select object, any_value(environment) as environment from lines group by object) found
            where found.object = objects.key""")
