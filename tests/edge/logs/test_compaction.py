"""Compaction: whatever was compacted when, the same lines are read."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from adaptive_batching.cli import main
from adaptive_batching.logs.compaction import plan
from adaptive_batching.logs.reading import Reading
from tests.edge.logs.compacting import BEGUN, DAY, LATER, Meanwhile, files, rows, run, ship
from tests.fakes.shipped import Shipped, text

if TYPE_CHECKING:
    from pathlib import Path


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
