"""What tests of compaction ship, read and run, and sources to which something happens at a moment."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.compaction.run import Done, compact
from adaptive_batching.logs.reading import Reading
from tests.fakes.shipped import Shipped, report, started, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from adaptive_batching.logs.reading import Logs
    from adaptive_batching.logs.sources.source import Source

DAY = timedelta(days=1)
#: Two days and a half, all of it old enough.
BEGUN = datetime(2025, 1, 9, 13, 15, tzinfo=UTC)
LATER = BEGUN + timedelta(days=6)
SECONDS = 60


def ship(folder: Path, objects: int = 24, lines: int = 3, hours: int = 60) -> dict[str, dict[str, str]]:
    """Ship objects of two functions over two days and a half, or so many hours. Return their metadata, by key."""
    ships = [Shipped(folder, name) for name in ("orders", "stock", "orders")]
    for number in range(objects):
        at = BEGUN + timedelta(hours=hours) * number / objects
        made: list[Any] = [
            f"[ERROR] ValueError: {number}\nTraceback (most recent call last):\n  x\nValueError: {number}"
        ]
        made += [{"level": "warn", "message": {"traceId": "t", "n": line}} for line in range(lines)]
        made += ['{"message": "as text", "milestone": "M"}', "2026-11-20T09:15:02.150Z\tr\tINFO\thello\n"]
        logged = [text(one, request=f"r{number}", time=at) for one in made]
        ships[number % 3](started(f"r{number}", time=at), *logged, report(f"r{number}", time=at, init_ms=3))
    return {key: metadata for one in ships for key, metadata in one.metadata.items()}


def rows(
    source: Path | str,
    cache: Path | None = None,
    *,
    put_between: Any = None,  # noqa: ANN401
    **asked: Any,  # noqa: ANN401
) -> tuple[list[tuple[Any, ...]], Any]:
    """All lines, what is known of their objects, and whether they are complete."""
    reading = Reading(str(source), cache=cache, no_cache=cache is None, since=asked.pop("since", "all"), **asked)
    if put_between:
        reading.source = put_between(reading.source)
    with reading.open() as logs:
        return taken(logs)


def taken(logs: Logs) -> tuple[list[tuple[Any, ...]], Any]:
    """The same, of what is open."""
    lines = logs.connection.execute("from logs order by object, line").fetchall()
    known = "key, function, environment, version, date, first_ts, size, records, lines, reason, metadata, damage"
    objects = logs.connection.execute(f"select {known} from objects order by key").fetchall()
    return [*lines, *objects], logs.complete()


def run(source: Path | str, *, delete: bool = False, now: datetime = LATER, put_between: Any = None) -> Done:  # noqa: ANN401
    reading = Reading(str(source), no_cache=True, since="all")
    if put_between:
        reading.source = put_between(reading.source)
    return compact(reading, DAY, now, delete=delete, progress=lambda _done, _all: None)


def files(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.rglob(f"*.{kind}"))


class Stopping:
    """A source that stops the program at its n-th change, before or after it was made."""

    def __init__(self, source: Source, changes: int, *, made: bool) -> None:
        self._source, self._left, self._made = source, changes, made

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the source
        return getattr(self._source, name)

    def put(self, key: str, file: Path) -> bool:
        if self._last() and not self._made:
            raise KeyboardInterrupt
        stored = self._source.put(key, file)
        if self._left == 0:
            raise KeyboardInterrupt
        return stored

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        for key in keys:
            if self._last() and not self._made:
                raise KeyboardInterrupt
            self._source.delete([key])
            if self._left == 0:
                raise KeyboardInterrupt
        return {}

    def _last(self) -> bool:
        self._left -= 1
        return self._left == 0


class Meanwhile:
    """A source to which something else is done just before its n-th request of a kind (read, put or delete)."""

    def __init__(self, source: Source, kind: str, number: int, done: Callable[[], object]) -> None:
        self._source, self._kind, self._left, self._done = source, kind, number, done
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the source
        return getattr(self._source, name)

    def _asked(self, kind: str) -> None:
        with self._lock:  # whoever reads at the same time reads afterwards
            self._left -= kind == self._kind
            if self._left == 0 and kind == self._kind:
                self._done()

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        self._asked("read")
        return self._source.read(key)

    def put(self, key: str, file: Path) -> bool:
        self._asked("put")
        return self._source.put(key, file)

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        self._asked("delete")
        return self._source.delete(keys)
