"""The cache: a folder of segments. A segment is a Parquet file with the lines of some objects of one function and day.

What a segment holds stands in the file itself: key-value metadata `objects`, a JSON list. A segment is written as
`.part` and renamed, so that a file with the name of a segment is whole. A merged segment names those that it
`replaces`: they do not count from the moment it exists, whenever they are deleted. At each moment of a crash the same
lines are read.

Two locks (flock, which ends with the process): `converting` is held by who adds segments; `reading` is shared by all
who read, so that who merges or deletes, for which it is exclusive, finds nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.sources.source import Item

#: Of the segments' format: another one begins another cache.
VERSION = "3"
#: Segments of one function and day; more are merged.
MOST = 16
#: Segments above this size, in bytes, are left as they are when others are merged.
LARGE = 64_000_000
#: Lines of a row group, and their bytes: more of either took more memory than DuckDB is given.
ROWS, _GROUP_BYTES = 20_480, 20_000_000
_VECTOR = 2_048  # lines that DuckDB takes at once
#: Lines of a row group of segments whose lines are long: more than 2.5 KB on average, or many bytes of heavy lines.
_LONG = 3 * _VECTOR
HEAVY_LINE, _HEAVY = 4_096, 8_000_000
OPTIONS = "format parquet, compression zstd, compression_level 1"
BUDGET = 5_000_000_000  # bytes


@dataclass(frozen=True)
class Stored:
    """What is known of an object that was converted."""

    key: str
    size: int
    etag: str
    lines: int
    damage: str | None
    environment: str | None
    metadata: dict[str, str]
    modified: str = ""  # ISO 8601


@dataclass(frozen=True)
class Segment:
    """A segment, and the objects in it.

    `origin`: the compacted object that it was made from. `rows`: lines of a row group, few where lines are long.
    """

    file: Path
    objects: tuple[Stored, ...]
    replaces: tuple[str, ...] = ()
    origin: Origin | None = None
    rows: int = ROWS

    @property
    def is_long(self) -> bool:
        """Whether its lines are so long that a query, which takes _VECTOR at once, needs room for them."""
        return self.rows <= _LONG


@dataclass(frozen=True)
class Origin:
    """A compacted object: what has all three is the same."""

    key: str
    size: int
    etag: str


def home() -> Path:
    """Return the folder of the user's caches (XDG)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adaptive-batching" / "logs"


class Cache:
    """The segments of one source."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._root = folder
        readable = re.sub(r"[^\w.-]+", "-", identity.rpartition("/")[2])[-40:]
        self.folder = folder / f"{readable}-{hashlib.sha256(f'{VERSION} {identity}'.encode()).hexdigest()[:16]}"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)

    @contextlib.contextmanager
    def opened(self, waiting: Callable[[], None]) -> Iterator[Opened]:
        """Hold both locks; `Opened.read_only` lets others convert, too. `waiting` is called if another one converts."""
        with (
            (self.folder / ".converting.lock").open("w") as converting,
            (self.folder / ".reading.lock").open("w") as reading,
        ):
            try:
                fcntl.flock(converting, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                waiting()
                fcntl.flock(converting, fcntl.LOCK_EX)
            yield Opened(self, converting, reading)

    def place(self, function: str, date: str) -> Path:
        """Return the folder of a function's day."""
        safe = re.sub(r"[^\w.-]+", "_", function)[:64].strip(".") or "_"
        if safe != function:
            safe += f"-{hashlib.sha256(function.encode()).hexdigest()[:8]}"
        return self.folder / safe / date

    def evict(self, keep: set[Path], budget: int = BUDGET) -> None:
        """Delete the segments that were not read for longest, until the rest of all sources is within the budget.

        Call it while nobody else reads this source. Segments of sources that others read are left.
        """
        files = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in self._root.rglob("*.parquet"))
        total = sum(size for _, size, _ in files)
        for _, size, file in files:
            if total <= budget:
                return
            if file not in keep and self._delete(file):
                total -= size

    def _delete(self, file: Path) -> bool:
        if not file.is_relative_to(self.folder):
            with (self._root / file.relative_to(self._root).parts[0] / ".reading.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return False
                file.unlink(missing_ok=True)
        else:
            file.unlink(missing_ok=True)
        return True


class Opened:
    """A cache whose locks are held."""

    def __init__(self, cache: Cache, converting: IO[str], reading: IO[str]) -> None:
        self.cache = cache
        self._converting, self._reading = converting, reading

    def alone(self) -> bool:
        """Return whether nobody else reads, and keep others from it until `read_only`."""
        try:
            fcntl.flock(self._reading, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def read_only(self) -> None:
        """From now on others may convert, and nobody may delete what is read."""
        fcntl.flock(self._reading, fcntl.LOCK_SH)
        fcntl.flock(self._converting, fcntl.LOCK_UN)

    def segments(self, connection: DuckDBPyConnection, days: Iterable[tuple[str, str]]) -> list[Segment]:
        """Return the segments of functions' days that count. A file that is none is deleted."""
        files = [file for one in days for file in sorted(self.cache.place(*one).glob("*.parquet"))]
        found = read(connection, files)
        replaced = {name for one in found for name in one.replaces}
        return [one for one in found if one.file.name not in replaced]

    def clean(self, days: Iterable[tuple[str, str]], counted: Iterable[Segment]) -> None:
        """Delete what does not count: unfinished files, and segments that others replace."""
        names = {one.file for one in counted}
        for day in days:
            for file in self.cache.place(*day).iterdir() if self.cache.place(*day).is_dir() else ():
                if file not in names:
                    file.unlink(missing_ok=True)

    def merge(self, connection: DuckDBPyConnection, counted: list[Segment]) -> list[Segment]:
        """Merge the segments of one function and day if there are too many. Return those that are left."""
        small = [one for one in counted if one.file.stat().st_size < LARGE]
        if len(counted) <= MOST or len(small) <= 1:
            return counted
        merged = small[0].file.with_name(f"{uuid.uuid4()}.parquet")
        stored = tuple(one for segment in small for one in segment.objects)
        names = tuple(one.file.name for one in small)
        files = [str(one.file) for one in small]
        rows = min(one.rows for one in small)
        write(connection, "select * from read_parquet($files)", merged, stored, names, {"files": files}, rows=rows)
        for one in small:
            one.file.unlink()
        return [*(one for one in counted if one not in small), Segment(merged, stored, names, rows=rows)]


def rows(size: int, lines: int, heavy: int = 0) -> int:
    """Return how many lines a row group should have, where so many lines have so many bytes of text. Pure.

    `heavy`: the bytes of lines of more than HEAVY_LINE, which may all stand together.
    """
    if heavy > _HEAVY:
        return _VECTOR
    typical = max(1, size // max(1, lines))
    return max(_VECTOR, min(ROWS, _GROUP_BYTES // typical // _VECTOR * _VECTOR))


def measured(connection: DuckDBPyConnection, files: list[str]) -> int:
    """Return how many lines a row group of the lines of these Parquet files should have."""
    found = connection.execute(
        """select (select coalesce(sum(total_uncompressed_size), 0) from parquet_metadata($files)),
            (select coalesce(sum(num_rows), 0) from parquet_file_metadata($files))""",
        {"files": files},
    ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate has one row
    return rows(int(found[0]), int(found[1]))


def write(  # noqa: PLR0913 - what a segment says of itself
    connection: DuckDBPyConnection,
    query: str,
    file: Path,
    stored: Iterable[Stored],
    replaces: tuple[str, ...] = (),
    parameters: dict[str, Any] | None = None,
    *,
    origin: Origin | None = None,
    rows: int = ROWS,
) -> None:
    """Write the rows of a query as a segment, in row groups of so many `rows`."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    made = asdict(origin) if origin else None
    objects = [vars(one) for one in stored]  # asdict copies, which took a tenth of a second for 5,000 objects
    about = json.dumps({"objects": objects, "replaces": replaces, "origin": made, "rows": rows})
    connection.execute(
        f"""copy ({query}) to '{_quoted(part)}'
            ({OPTIONS}, row_group_size {rows}, kv_metadata {{about: {_literal(about)}}})""",
        parameters or {},
    )
    part.replace(file)


def read(connection: DuckDBPyConnection, files: list[Path]) -> list[Segment]:
    """Return what segments hold. A file that is none (a damaged disk, another hand) is left out."""
    if not files:
        return []
    from duckdb import Error  # noqa: PLC0415 - the caller has loaded it

    query = "select file_name, decode(value) from parquet_kv_metadata($files) where decode(key) = 'about'"
    try:
        rows = connection.execute(query, {"files": [str(file) for file in files]}).fetchall()
    except Error:
        if len(files) == 1:
            return []
        return [segment for file in files for segment in read(connection, [file])]
    return [_segment(Path(name), json.loads(about)) for name, about in sorted(rows)]


def chosen(found: Iterable[Segment], wanted: set[str]) -> dict[Path, list[Stored]]:
    """Return which objects are read from which segment, so that each is read once. Pure.

    What a compacted object holds is read from there, although its sources may be there as well, or be in another
    compacted object, too.
    """
    left, taken = set(wanted), {}
    for segment in sorted(found, key=lambda one: (one.origin is None, one.origin.key if one.origin else "")):
        some = [one for one in segment.objects if one.key in left]
        left.difference_update(one.key for one in some)
        if some:
            taken[segment.file] = some
    return taken


def touch(found: Iterable[Segment]) -> None:
    """Note that segments were read: the others are deleted first."""
    for one in found:
        os.utime(one.file)


def is_current(stored: Stored, item: Item) -> bool:
    """Return whether what was converted is still what is listed."""
    return (stored.size, stored.etag) == (item.size, item.etag)


def _segment(file: Path, about: dict[str, Any]) -> Segment:
    origin = Origin(**about["origin"]) if about["origin"] else None
    stored = tuple(Stored(**one) for one in about["objects"])
    return Segment(file, stored, tuple(about["replaces"]), origin, about.get("rows", ROWS))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
