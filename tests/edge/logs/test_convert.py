"""Objects are read ahead in groups: in order, whatever is wrong with one, and not a group longer than is wanted."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from adaptive_batching.logs.cache.batch import FULL
from adaptive_batching.logs.cache.convert import Job, convert
from adaptive_batching.logs.cache.segments import Cache
from adaptive_batching.logs.sources.folder import Folder
from adaptive_batching.logs.sources.keys import Window
from adaptive_batching.logs.sources.source import ObjectError
from tests.fakes.shipped import Shipped, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.logs.sources.source import Item

WINDOW = Window(None, None, timedelta(hours=1))


class Slow(Folder):
    """A folder that takes a while for each object, and does not have some."""

    connections = 2

    def __init__(self, folder: Path, seconds: float = 0.0, *gone: int) -> None:
        super().__init__(folder)
        self.seconds, self.gone, self.reads = seconds, gone, 0
        self._lock = threading.Lock()

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        with self._lock:
            self.reads += 1
        time.sleep(self.seconds)
        body, metadata = super().read(key)
        if any(f"line {number:04}" in body.decode() for number in self.gone):
            raise ObjectError("gone")
        return body, metadata


def shipped(folder: Path, count: int) -> None:
    ship = Shipped(folder, compressed=False)
    for number in range(count):
        ship(text(f"line {number:04}"))


def listed(source: Folder) -> list[Item]:
    return source.listed(WINDOW, ()).items


def job(source: Folder, folder: Path, connection: duckdb.DuckDBPyConnection, progress: Callable[[int], None]) -> Job:
    return Job(source, Cache(folder / "cache", "it"), folder, connection, (), progress)


@pytest.mark.parametrize("count", [3, 7, 8, 31, 129, 1000])
def test_lines_are_in_the_order_of_their_objects_and_one_that_cannot_be_read_concerns_no_other(
    count: int, tmp_path: Path
) -> None:
    shipped(tmp_path / "logs", count)
    source = Slow(tmp_path / "logs", 0.0, count // 2, count - 1)
    done: list[int] = []
    with duckdb.connect(config={"threads": 1}) as connection:
        failed = convert(listed(source), job(source, tmp_path, connection, done.append))
        files = str(tmp_path / "cache" / "**" / "*.parquet")
        rows = connection.execute("select record from read_parquet($files)", {"files": files}).fetchall()
    assert [row[0] for row in rows] == [f"line {number:04}" for number in range(count) if number not in source.gone]
    assert (len(failed), done[-1], done, source.reads) == (2, count, sorted(done), count)


def test_what_is_interrupted_reads_no_more_than_it_has_begun(tmp_path: Path) -> None:
    shipped(tmp_path / "logs", 640)
    source = Slow(tmp_path / "logs", 0.01)
    reads: list[int] = []

    def interrupt(_done: int) -> None:
        reads.append(source.reads)
        raise KeyboardInterrupt

    with duckdb.connect() as connection, pytest.raises(KeyboardInterrupt):
        convert(listed(source), job(source, tmp_path, connection, interrupt))
    assert source.reads - reads[0] <= 2 * source.connections


def test_an_object_larger_than_a_batch_is_one_by_itself(tmp_path: Path) -> None:
    """It may not fit into the memory. Those beside it do."""
    ship = Shipped(tmp_path / "logs", compressed=False)
    for size in (1, FULL // 20, 1):
        ship(*(text("x" * size) for _ in range(20)))
    source = Folder(tmp_path / "logs")
    with duckdb.connect(config={"threads": 1}) as connection:
        assert convert(listed(source), job(source, tmp_path, connection, lambda _done: None)) == {}
    assert len(list((tmp_path / "cache").rglob("*.parquet"))) == 3
