"""Compaction: whatever is done when, and wherever it is killed, the same lines are read."""

from __future__ import annotations

import itertools
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from adaptive_batching.cli import main
from adaptive_batching.logs.compaction import plan
from adaptive_batching.logs.compaction.run import Done, compact
from adaptive_batching.logs.reading import Reading
from tests.fakes.s3 import Moto, clean_environ, moto
from tests.fakes.shipped import Shipped, report, started, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

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


def test_the_same_is_read_from_compacted_objects_beside_their_sources_and_without_them(tmp_path: Path) -> None:
    ship(tmp_path / "logs")
    first = rows(tmp_path / "logs", tmp_path / "cache")
    done = run(tmp_path / "logs")
    assert (done.objects, done.made, done.deleted, done.left) == (24, 6, 0, {})
    for cache in (tmp_path / "cache", None, tmp_path / "cache"):
        assert rows(tmp_path / "logs", cache) == first
    done = run(tmp_path / "logs", delete=True)
    assert (done.objects, done.made, done.deleted, done.left) == (0, 0, 24, {})
    assert files(tmp_path / "logs", "gz") == []
    for cache in (tmp_path / "cache", None, tmp_path / "cache"):
        assert rows(tmp_path / "logs", cache) == first


@pytest.mark.parametrize("when", ["before", "after"])
def test_stopped_at_any_change_the_same_is_read_and_the_next_run_ends_it(when: str, tmp_path: Path) -> None:
    ship(tmp_path / "logs", 4, hours=16)  # two of one function's day
    first = rows(tmp_path / "logs", tmp_path / "cache")
    for number in itertools.count(1):
        folder = tmp_path / f"logs{number}"
        shutil.copytree(tmp_path / "logs", folder)
        try:
            run(folder, delete=True, put_between=lambda source, n=number: Stopping(source, n, made=when == "after"))
        except KeyboardInterrupt:
            assert rows(folder, tmp_path / "cache") == first
            run(folder, delete=True)
        else:
            break
        assert rows(folder, tmp_path / "cache") == first
        assert files(folder, "gz") == []
    assert number == 4 + len(files(tmp_path / f"logs{number}", "parquet")) + 1


@pytest.mark.parametrize("begun", ["at once", "when all was compacted", "when half was deleted"])
@pytest.mark.parametrize(
    ("kind", "number"), [("read", 1), ("read", 2), ("read", 3), ("read", 5), ("put", 1), ("delete", 1)]
)
def test_what_another_compaction_deletes_meanwhile_is_no_damage(
    kind: str, number: int, begun: str, tmp_path: Path
) -> None:
    ship(tmp_path / "logs", 6, hours=20)
    first = rows(tmp_path / "logs")
    if begun != "at once":
        run(tmp_path / "logs")
    for file in files(tmp_path / "logs", "gz")[::2] if "half" in begun else ():
        file.unlink()
    others: list[Done] = []

    def another() -> None:
        others.append(run(tmp_path / "logs", delete=True))

    done = run(tmp_path / "logs", delete=True, put_between=lambda source: Meanwhile(source, kind, number, another))
    assert bool(others) == (kind != "put" or begun == "at once")
    for one in (done, *others):
        assert (one.left, one.unfit, one.damaged) == ({}, 0, False)
    assert files(tmp_path / "logs", "gz") == []
    assert len(files(tmp_path / "logs", "parquet")) == 4  # one for each day of a function: nothing is stored twice
    assert rows(tmp_path / "logs") == first


@pytest.mark.parametrize(
    ("begun", "number"),
    [("at once", 1), ("at once", 2), ("at once", 12), ("when all was compacted", 1), ("when all was compacted", 6)],
)
def test_what_is_compacted_and_deleted_while_it_is_read_is_not_missing(begun: str, number: int, tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    first = rows(tmp_path / "logs")
    if begun != "at once":
        run(tmp_path / "logs")
    others: list[Done] = []

    def another() -> None:
        others.append(run(tmp_path / "logs", delete=True))

    assert rows(tmp_path / "logs", put_between=lambda source: Meanwhile(source, "read", number, another)) == first
    assert [one.deleted for one in others] == [12]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7])
def test_what_is_deleted_while_it_is_read_and_is_nowhere_else_is_missing(number: int, tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    run(tmp_path / "logs")
    for file in files(tmp_path / "logs", "parquet")[3:]:
        file.unlink()
    first, whole = rows(tmp_path / "logs")  # three objects of one function, compacted, and four of the other

    def another() -> None:
        for file in files(tmp_path / "logs", "gz"):
            file.unlink()

    found, complete = rows(tmp_path / "logs", put_between=lambda source: Meanwhile(source, "read", number, another))
    missing = 7 - max(number, 4) + 1
    assert complete.damaged == missing
    assert complete.lines == whole.lines - missing * (whole.lines // 12)
    assert [row[0] for row in found[-12:]] == [row[0] for row in first[-12:]]  # of all objects it is said


def test_a_damaged_object_beside_those_that_another_compaction_deletes_is_left(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    (damaged, *_) = files(tmp_path / "logs", "gz")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    first = rows(tmp_path / "logs")
    done = run(
        tmp_path / "logs",
        delete=True,
        put_between=lambda source: Meanwhile(source, "read", 2, lambda: run(tmp_path / "logs", delete=True)),
    )
    assert (done.left, done.unfit, done.damaged) == ({}, 1, True)
    assert files(tmp_path / "logs", "gz") == [damaged]
    assert rows(tmp_path / "logs") == first


def test_what_came_late_is_compacted_by_itself(tmp_path: Path) -> None:
    ship(tmp_path / "logs")
    run(tmp_path / "logs", delete=True)
    ship(tmp_path / "logs", 6)
    first = rows(tmp_path / "logs")
    before = len(files(tmp_path / "logs", "parquet"))
    done = run(tmp_path / "logs", delete=True)
    assert (done.objects, done.deleted) == (6, 6)
    assert len(files(tmp_path / "logs", "parquet")) == before + done.made
    assert rows(tmp_path / "logs") == first


def test_two_that_compacted_different_listings_have_no_line_twice(tmp_path: Path) -> None:
    ship(tmp_path / "a")
    first = rows(tmp_path / "a")
    kept = files(tmp_path / "a", "gz")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for file in files(tmp_path / "b", "gz")[::2]:
        file.unlink()
    run(tmp_path / "a")
    run(tmp_path / "b")
    shutil.copytree(tmp_path / "b" / "compacted", tmp_path / "a" / "compacted", dirs_exist_ok=True)
    assert rows(tmp_path / "a", tmp_path / "cache") == first
    done = run(tmp_path / "a", delete=True)
    assert (done.deleted, done.left) == (len(kept), {})
    assert rows(tmp_path / "a", tmp_path / "cache") == first == rows(tmp_path / "a")


def test_what_is_damaged_or_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    cut, strange = files(tmp_path / "logs", "gz")[:2]
    cut.write_bytes(cut.read_bytes()[:-9])
    Shipped(tmp_path / "logs").put(b"42\n", BEGUN)
    strange.write_bytes(b"")
    first = rows(tmp_path / "logs")
    done = run(tmp_path / "logs", delete=True)
    assert (done.unfit, done.deleted, len(files(tmp_path / "logs", "gz"))) == (3, 10, 3)
    assert rows(tmp_path / "logs") == first
    assert not first[1].whole


def test_a_compacted_object_that_is_not_the_same_keeps_its_sources(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    shutil.copytree(tmp_path / "logs", tmp_path / "other")
    run(tmp_path / "logs")
    for number, file in enumerate(files(tmp_path / "logs", "parquet")):
        if number == 0:
            file.write_bytes(file.read_bytes()[:-7])
    done = run(tmp_path / "logs", delete=True)
    (why,) = set(done.left.values())
    assert why.endswith("it is not a compacted object, or damaged")
    assert len(done.left) + done.deleted == 12
    assert sum(file.exists() for file in (tmp_path / "logs" / key for key in done.left)) == len(done.left)
    complete = rows(tmp_path / "logs")[1]
    assert complete.damaged == 1
    assert complete.lines == rows(tmp_path / "other")[1].lines


@pytest.mark.parametrize(
    ("kind", "length", "lines"), [("object", 20_000, 2_400), ("object", 200_000, 240), ("text", 200_000, 240)]
)
def test_long_lines_are_compacted_in_more_objects(length: int, lines: int, kind: str, tmp_path: Path) -> None:
    ships = Shipped(tmp_path / "logs", "orders", now=BEGUN)
    for number in range(4):
        record = {"message": {"traceId": "t", "n": number, "filler": "ä" * (length // 2)}}
        ships(*(text(str(record) if kind == "text" else record, request="r") for _ in range(lines // 4)))
    counted = "select object, count(*), sum(hash(record, message)::hugeint) from logs group by 1 order by 1"

    def read() -> tuple[list[Any], bool]:
        with Reading(str(tmp_path / "logs"), no_cache=True, since="all").open(told=False) as logs:
            return logs.connection.execute(counted).fetchall(), logs.complete().whole

    first = read()
    assert [row[1] for row in first[0]] == [lines // 4] * 4
    done = run(tmp_path / "logs")
    assert (done.objects, done.left, done.unfit) == (4, {}, 0)
    assert 1 <= done.made <= 4
    assert run(tmp_path / "logs").made == 0
    listing = Reading(str(tmp_path / "logs"), no_cache=True).listed()
    assert all(day.is_done("") for day in plan.days(listing, DAY, LATER))  # in however many it is
    done = run(tmp_path / "logs", delete=True)
    assert (done.made, done.deleted, done.left) == (0, 4, {})
    assert read() == first


def test_a_day_that_memory_does_not_suffice_for_keeps_no_other_from_being_compacted(tmp_path: Path) -> None:
    ship(tmp_path / "logs")
    first = rows(tmp_path / "logs")

    def too_much() -> None:
        raise duckdb.OutOfMemoryException("as DuckDB says it")

    done = run(tmp_path / "logs", put_between=lambda source: Meanwhile(source, "put", 1, too_much))
    assert done.made == 5
    assert done.left == {"orders 2025-01-09": "DuckDB's memory does not suffice for its lines"}
    assert rows(tmp_path / "logs") == first
    assert run(tmp_path / "logs").made == 1


def test_objects_that_cannot_be_read_keep_no_other_day_from_being_compacted(tmp_path: Path) -> None:
    ship(tmp_path / "logs")
    dates = sorted({file.parent.parent for file in files(tmp_path / "logs", "gz")})
    for number, file in enumerate(files(dates[0], "gz")):
        file.write_bytes([b"", file.read_bytes()[:5], b"no line"][number % 3])
    done = run(tmp_path / "logs", delete=True)
    assert (done.made, done.left, done.damaged) == (5, {}, True)
    assert done.unfit == len(files(tmp_path / "logs", "gz")) == len(files(dates[0], "gz")) > 0


def test_a_day_that_did_not_end_long_ago_is_left(tmp_path: Path) -> None:
    ship(tmp_path / "logs")
    dates = sorted({file.parent.parent.name.removeprefix("date=") for file in files(tmp_path / "logs", "gz")})
    end = datetime.fromisoformat(dates[0]).replace(tzinfo=UTC) + DAY
    assert run(tmp_path / "logs", now=end + DAY - timedelta(seconds=1)).made == 0
    assert run(tmp_path / "logs", now=end + DAY).days == 2  # of two functions
    assert {file.parent.name for file in files(tmp_path / "logs", "parquet")} == {f"date={dates[0]}"}


@pytest.mark.parametrize("seed", range(2))
def test_a_window_has_the_same_lines(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    ship(tmp_path / "logs", 40)
    shutil.copytree(tmp_path / "logs", tmp_path / "compacted", copy_function=shutil.copy2)
    run(tmp_path / "compacted", delete=bool(seed))
    for _ in range(4):
        since = BEGUN + timedelta(minutes=chance.randrange(60 * 60))
        asked: dict[str, Any] = {"since": since.isoformat()}
        asked["until"] = (since + timedelta(minutes=chance.randrange(60 * 30))).isoformat()
        asked["functions"] = chance.choice([(), ("orders",), ("s*",)])
        assert rows(tmp_path / "compacted", tmp_path / "c", **asked) == rows(tmp_path / "logs", tmp_path / "d", **asked)


def test_objects_are_put_together_up_to_a_size(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    items = Reading(str(tmp_path / "logs"), no_cache=True).listed().items
    most = 3 * max(one.size for one in items)
    parts = plan.parts(items, most)
    assert sorted(one.key for part in parts for one in part) == sorted(one.key for one in items)
    assert all(sum(one.size for one in part) <= most for part in parts)
    assert len(parts) == 4
    assert len(plan.parts(items, 1)) == 12


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["logs", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_commands_on_what_was_compacted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path / "logs")
    words = ("search", "--format", "json", "--cache", tmp_path / "cache", tmp_path / "logs")
    first = told(capsys, *words)
    assert first[0] == 0
    code, out, _ = told(capsys, "compact", "--delete-sources", tmp_path / "logs")
    assert code == 0
    assert out.startswith("24 objects of 6 days (")
    assert out.rstrip().endswith("; 24 sources deleted")
    assert told(capsys, *words) == first
    assert told(capsys, "compact", tmp_path / "logs") == (0, "nothing is to be compacted\n", "")
    code, out, err = told(capsys, "search", "--format", "raw", "--request-id", "r1", tmp_path / "logs")
    assert (code, out) == (3, "")
    assert "it was deleted when its lines were in compacted/function=" in err
    assert told(capsys, "fetch", "--into", tmp_path / "fetched", tmp_path / "logs")[0] == 0
    assert rows(tmp_path / "fetched") == rows(tmp_path / "logs")
    code, out, _ = told(capsys, "fetch", "--into", tmp_path / "fetched", tmp_path / "logs")
    assert (code, out) == (0, "0 objects, 0 bytes; 6 were there already\n")


def test_less_than_a_day_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path / "logs", 3)
    code, _, err = told(capsys, "compact", "--older-than", "23h", tmp_path / "logs")
    assert (code, "--older-than '23h' is less than 1d" in err) == (2, True)


@pytest.fixture(scope="module")
def s3() -> Iterator[Moto]:
    with moto() as server:
        yield server


@pytest.fixture
def bucket(s3: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Moto, str]:
    for name, value in clean_environ(**s3.environ()).items():
        monkeypatch.setenv(name, value)
    prefix = tmp_path.name
    for key, metadata in ship(tmp_path / "made", 30).items():
        body = (tmp_path / "made" / key).read_bytes()
        s3.client().put_object(Bucket=s3.bucket, Key=f"{prefix}/{key}", Body=body, Metadata=metadata)
    return s3, f"s3://{s3.bucket}/{prefix}/"


def test_a_bucket(bucket: tuple[Moto, str], tmp_path: Path) -> None:
    source = bucket[1]
    first = rows(source, tmp_path / "cache")
    assert first[1].whole
    assert (run(source).made, rows(source, tmp_path / "cache") == first) == (6, True)
    again = Reading(source, no_cache=True, since="all")
    (key, *_) = [one.key for one in again.listed().compacted]
    (tmp_path / "x").write_bytes(b"another")
    assert again.source.put(key, tmp_path / "x") is False  # If-None-Match: nobody writes over another's
    done = run(source, delete=True)
    assert (done.made, done.deleted) == (0, 30)
    assert again.listed().items == []
    assert rows(source, tmp_path / "cache") == first == rows(source)


COMPACT = """
import sys
from adaptive_batching.cli import main
sys.exit(main(["logs", "compact", "--delete-sources", sys.argv[1]]))
"""


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_and_run_again_the_same_is_read(
    seed: int, bucket: tuple[Moto, str], tmp_path: Path
) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    server, source = bucket
    first = rows(source, tmp_path / "cache")
    client, prefix = server.client(), source.removeprefix(f"s3://{server.bucket}/")

    def keys() -> frozenset[str]:
        return frozenset(
            one["Key"] for one in client.list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", [])
        )

    seen, killed = keys(), 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", COMPACT, source], stdout=subprocess.DEVNULL)
        changes, deadline = chance.randrange(1, 5), time.monotonic() + SECONDS
        while changes and process.poll() is None and time.monotonic() < deadline:
            now = keys()
            changes -= now != seen
            seen = now
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
        assert rows(source, tmp_path / "cache") == first
    assert killed
    assert run(source, delete=True).left == {}
    assert not [key for key in keys() if key.endswith(".gz")]
    assert rows(source, tmp_path / "cache") == first == rows(source)


@pytest.mark.parametrize("changes", [0, 1, 3])
def test_two_compactions_at_once_end_well(changes: int, bucket: tuple[Moto, str], tmp_path: Path) -> None:
    """The second begins with the first, or once the first has changed something, while it does the other days."""
    server, source = bucket
    client, prefix = server.client(), source.removeprefix(f"s3://{server.bucket}/")
    for key, metadata in ship(tmp_path / "more", 70).items():
        body = (tmp_path / "more" / key).read_bytes()
        client.put_object(Bucket=server.bucket, Key=f"{prefix}{key}", Body=body, Metadata=metadata)
    first = rows(source, tmp_path / "cache")

    def keys() -> frozenset[str]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=prefix)
        return frozenset(one["Key"] for page in pages for one in page.get("Contents", []))

    def begun() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COMPACT, source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    seen, left, deadline = keys(), changes, time.monotonic() + SECONDS
    with begun() as one:
        while left and one.poll() is None and time.monotonic() < deadline:
            now = keys()
            left -= now != seen
            seen = now
        with begun() as two:
            said = [(process.communicate(timeout=SECONDS), process.returncode) for process in (one, two)]
    assert [(code, err) for (_, err), code in said] == [(0, ""), (0, "")]
    assert not [out for (out, _), _ in said if "left as they are" in out]
    assert not [key for key in keys() if key.endswith(".gz")]
    assert rows(source, tmp_path / "cache") == first == rows(source)
