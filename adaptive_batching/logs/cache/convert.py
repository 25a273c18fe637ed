"""Convert listed objects into segments: read and inflate them, in order, and write batch by batch."""

from __future__ import annotations

import contextlib
import io
import threading
from collections import deque
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from adaptive_batching.logs.cache.batch import FULL, Batch, environment
from adaptive_batching.logs.cache.segments import Stored
from adaptive_batching.logs.sources.inflating import inflated
from adaptive_batching.logs.sources.source import ObjectError
from adaptive_batching.logs.sources.threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.cache.segments import Cache
    from adaptive_batching.logs.sources.source import Item, Source

#: Groups of objects that are read ahead for each connection. They wait in memory, inflated.
_AHEAD = 2
#: Bytes of objects, compressed, that are read ahead at most.
_AHEAD_BYTES = 16_000_000
#: Objects of a group at most, and their bytes: what a thread reads before it hands over. That a thread has to be woken
#: for each object cost half of what inflating it does.
_GROUP, _GROUP_BYTES = 16, 500_000
#: What was read of an object, and its text; or why it could not be read.
_Body: TypeAlias = "tuple[Stored, bytes] | ObjectError"


@dataclass(frozen=True)
class Job:
    """From where to where. `replaces` are segments that do not count any more once the new ones are there."""

    source: Source
    cache: Cache
    scratch: Path
    connection: DuckDBPyConnection
    replaces: tuple[str, ...] = ()
    progress: Callable[[int], None] = lambda _done: None


def convert(items: Iterable[Item], job: Job) -> dict[str, ObjectError]:
    """Add objects to the cache. Return what is wrong with those that could not be read, by key."""
    failed: dict[str, ObjectError] = {}
    done = 0
    ordered = sorted(items, key=lambda one: (one.name.function, one.name.first.date(), one.name.first, one.key))
    with contextlib.closing(_bodies(job.source, ordered)) as read:
        for (function, date), bodies in groupby(read, lambda one: (one[0].name.function, one[0].name.date)):
            batch: Batch | None = None
            for item, body in bodies:
                done += 1
                if isinstance(body, ObjectError):
                    failed[item.key] = body
                    continue
                if batch and len(body[1]) >= FULL:  # it may need too much memory, and would fail the small ones with it
                    failed |= batch.convert(job.connection, job.cache.place(function, date))
                    batch = None
                batch = batch or Batch(job.scratch / "lines.ndjson", function, job.replaces)
                batch.add(body[0], item.name.first, body[1])
                if batch.size >= FULL:
                    failed |= batch.convert(job.connection, job.cache.place(function, date))
                    batch = None
                job.progress(done)
            if batch:
                failed |= batch.convert(job.connection, job.cache.place(function, date))
        job.progress(done)
    return failed


def _bodies(source: Source, items: list[Item]) -> Generator[tuple[Item, _Body]]:
    """Yield objects in order, and what was read of each. A source of several connections is read ahead, in threads."""
    if source.connections == 1:
        yield from ((item, _read(source, item)) for item in items)
        return
    stopped = threading.Event()
    try:
        with threads(source.connections) as pool:
            yield from _ahead(source, items, pool, stopped)
    finally:
        stopped.set()


def _ahead(
    source: Source, items: list[Item], pool: ThreadPoolExecutor, stopped: threading.Event
) -> Iterator[tuple[Item, _Body]]:
    waiting: deque[tuple[int, Future[list[tuple[Item, _Body]]]]] = deque()
    size = 0
    for group in _groups(items, source.connections):
        own = sum(item.size for item in group)
        while waiting and (len(waiting) >= _AHEAD * source.connections or size + own > _AHEAD_BYTES):
            done, future = waiting.popleft()
            size -= done
            yield from future.result()
        waiting.append((own, pool.submit(_read_all, source, group, stopped)))
        size += own
    while waiting:
        yield from waiting.popleft()[1].result()


def _groups(items: list[Item], connections: int) -> Iterator[list[Item]]:
    """Yield items in order, in groups: of one each where there are too few to keep all connections busy. Pure."""
    most = min(_GROUP, len(items) // (2 * _AHEAD * connections))
    group: list[Item] = []
    size = 0
    for item in items:
        if group and (len(group) >= most or size + item.size > _GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += item.size
    if group:
        yield group


def _read_all(source: Source, group: list[Item], stopped: threading.Event) -> list[tuple[Item, _Body]]:
    return [(item, _read(source, item)) for item in group if not stopped.is_set()]


def _read(source: Source, item: Item) -> _Body:
    try:
        body, metadata = source.read(item.key)
    except ObjectError as error:
        return error
    text, damage = inflated(body)
    if text and not text.endswith(b"\n"):
        text += b"\n"
    lines = sum(1 for _ in io.BytesIO(text))  # for lines of 100 bytes and more, faster than bytes.count
    shipped_by = metadata.get("environment") or environment(text)
    return Stored(item.key, item.size, item.etag, lines, damage, shipped_by, metadata, item.modified.isoformat()), text
