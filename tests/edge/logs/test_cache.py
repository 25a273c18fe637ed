"""The cache: whatever happens to it, and whoever shares it, the same lines are read."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.cache import segments
from adaptive_batching.logs.cache.segments import MOST, Cache
from adaptive_batching.logs.reading import Reading
from tests.fakes.shipped import BEGIN, Shipped, report, started, text

if TYPE_CHECKING:
    from pathlib import Path

READ = """
import sys
from adaptive_batching.logs.reading import Reading
with Reading(sys.argv[1], cache=__import__("pathlib").Path(sys.argv[2])).open() as logs:
    print(logs.connection.execute("select count(*), sum(hash(object, line, record, ts)::hugeint) from logs").fetchone())
"""


def ship(folder: Path, objects: int, environments: int = 4, lines: int = 20) -> None:
    ships = [Shipped(folder, ("orders", "stock")[number % 2]) for number in range(environments)]
    for number in range(objects):
        one = ships[number % len(ships)]
        at = BEGIN + timedelta(minutes=7 * number)
        made = [text(f"{number} {line} " + "x" * 200, request=f"r{number}", time=at) for line in range(lines)]
        one(started(f"r{number}", time=at), *made, report(f"r{number}", time=at))


def rows(folder: Path, cache: Path | None) -> list[tuple[Any, ...]]:
    with Reading(str(folder), cache=cache, no_cache=cache is None).open() as logs:
        found = logs.connection.execute("from logs order by object, line").fetchall()
        assert logs.complete().whole
        return found


def files(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.parquet"))


def test_the_same_lines_are_read_without_a_cache_and_the_first_and_the_second_time(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 12)
    first = rows(tmp_path / "logs", tmp_path / "cache")
    made = files(tmp_path / "cache")
    assert len(first) == 12 * 22
    assert rows(tmp_path / "logs", tmp_path / "cache") == first
    assert files(tmp_path / "cache") == made
    assert rows(tmp_path / "logs", None) == first


def test_nobody_else_may_read_the_cache(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 2)
    rows(tmp_path / "logs", tmp_path / "cache")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_the_cache_is_where_the_user_has_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert segments.home() == tmp_path / "adaptive-batching" / "logs"


def test_what_is_new_is_added_and_what_is_gone_is_not_read(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 4)
    rows(tmp_path / "logs", tmp_path / "cache")
    ship(tmp_path / "logs", 4)
    assert rows(tmp_path / "logs", tmp_path / "cache") == rows(tmp_path / "logs", None)
    for environment in ("orders", "stock"):  # whole environments, so that nothing is missing
        for file in (tmp_path / "logs").rglob(f"{environment}-*"):
            if environment == "orders":
                file.unlink()
    assert rows(tmp_path / "logs", tmp_path / "cache") == rows(tmp_path / "logs", None)


def test_an_object_that_was_changed_is_read_again(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 3)
    rows(tmp_path / "logs", tmp_path / "cache")
    one = next((tmp_path / "logs").rglob("*.gz"))
    one.write_bytes(one.read_bytes())  # another time of change
    other = Shipped(tmp_path / "logs", environment="b")
    other.compressed = False
    key = other(text("new"))
    (tmp_path / "logs" / key).replace(one)
    found = rows(tmp_path / "logs", tmp_path / "cache")
    assert found == rows(tmp_path / "logs", None)
    assert rows(tmp_path / "logs", tmp_path / "cache") == found


def test_many_segments_of_a_day_are_merged(tmp_path: Path) -> None:
    expected = 0
    for _ in range(MOST + 2):
        ship(tmp_path / "logs", 1, environments=1)
        expected += 22
        assert len(rows(tmp_path / "logs", tmp_path / "cache")) == expected
    assert len(files(tmp_path / "cache")) <= 2
    assert rows(tmp_path / "logs", tmp_path / "cache") == rows(tmp_path / "logs", None)


def test_a_merge_that_was_killed_before_it_deleted_what_it_merged_changes_nothing(tmp_path: Path) -> None:
    kept: dict[Path, bytes] = {}
    for _ in range(MOST + 1):
        ship(tmp_path / "logs", 1, environments=1)
        kept |= {file: file.read_bytes() for file in files(tmp_path / "cache")}
        found = rows(tmp_path / "logs", tmp_path / "cache")
    for file, body in kept.items():  # as they were before
        file.write_bytes(body)
    assert rows(tmp_path / "logs", tmp_path / "cache") == found
    assert len(files(tmp_path / "cache")) == 1


def test_a_segment_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 4)
    found = rows(tmp_path / "logs", tmp_path / "cache")
    for number, file in enumerate(files(tmp_path / "cache")):
        file.write_bytes(b"PAR1 no" if number else b"")
    assert rows(tmp_path / "logs", tmp_path / "cache") == found


def test_what_was_not_read_for_longest_is_deleted_when_the_cache_is_full(tmp_path: Path) -> None:
    for name in ("a", "b"):
        ship(tmp_path / name, 4)
        rows(tmp_path / name, tmp_path / "cache")
    old = set(files(tmp_path / "cache"))
    for file in old:
        os.utime(file, (1, 1))
    ship(tmp_path / "c", 4)
    rows(tmp_path / "c", tmp_path / "cache")
    new = set(files(tmp_path / "cache")) - old
    cache = Cache(tmp_path / "cache", f"folder {(tmp_path / 'c').resolve()}")
    cache.evict(new, budget=sum(file.stat().st_size for file in new) + 1)
    assert set(files(tmp_path / "cache")) == new
    assert rows(tmp_path / "a", tmp_path / "cache") == rows(tmp_path / "a", None)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_and_run_again_the_same_lines_are_read(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    ship(tmp_path / "logs", 120, lines=60)
    words = [sys.executable, "-c", READ, str(tmp_path / "logs"), str(tmp_path / "cache")]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed leaves what it set aside
    for _ in range(4):
        process = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        wanted = chance.randrange(1, 3) + len(list((tmp_path / "cache").rglob("*.p*")))
        while process.poll() is None and time.monotonic() < deadline:
            if len(list((tmp_path / "cache").rglob("*.p*"))) >= wanted:
                break
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert rows(tmp_path / "logs", tmp_path / "cache") == rows(tmp_path / "logs", None)
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_commands_that_run_at_once_share_a_cache(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 80, lines=40)
    words = [sys.executable, "-c", READ, str(tmp_path / "logs"), str(tmp_path / "cache")]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate(timeout=60)[0] for process in running}
    assert len(said) == 1
    assert said.pop().startswith("(3360, ")
    with_cache = rows(tmp_path / "logs", tmp_path / "cache")
    assert with_cache == rows(tmp_path / "logs", None)


def test_while_one_reads_another_may_convert_and_does_not_delete(tmp_path: Path) -> None:
    ship(tmp_path / "logs", 2)
    with Reading(str(tmp_path / "logs"), cache=tmp_path / "cache").open() as logs:
        for _ in range(MOST + 1):
            ship(tmp_path / "logs", 1, environments=1)
            rows(tmp_path / "logs", tmp_path / "cache")
        assert logs.connection.execute("select count(*) from logs").fetchone() == (44,)
    rows(tmp_path / "logs", tmp_path / "cache")
    assert len(files(tmp_path / "cache")) <= MOST
