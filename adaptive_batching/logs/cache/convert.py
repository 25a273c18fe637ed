"""Convert listed objects into segments: read and inflate them in threads, in order, and write batch by batch."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from adaptive_batching.logs.cache.batch import FULL, Batch
from adaptive_batching.logs.cache.segments import Stored
from adaptive_batching.logs.sources.inflating import inflated
from adaptive_batching.logs.sources.source import ObjectError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.cache.segments import Cache
    from adaptive_batching.logs.sources.source import Item, Source

#: Objects that are read ahead for each connection. They wait in memory, inflated.
_AHEAD = 2
#: Bytes of objects, compressed, that are read ahead at most.
_AHEAD_BYTES = 16_000_000


@dataclass(frozen=True)
class Job:
    """From where to where. `replaces` are segments that do not count any more once the new ones are there."""

    source: Source
    cache: Cache
    scratch: Path
    connection: DuckDBPyConnection
    replaces: tuple[str, ...] = ()
    progress: Callable[[int], None] = lambda _done: None


def convert(items: Iterable[Item], job: Job) -> dict[str, str]:
    """Add objects to the cache. Return what is wrong with those that could not be read, by key.

    Raises SourceError if none could be read because a permission is missing.
    """
    failed: dict[str, str] = {}
    denied, done = 0, 0
    ordered = sorted(items, key=lambda one: (one.name.function, one.name.first.date(), one.name.first, one.key))
    with ThreadPoolExecutor(job.source.connections) as pool:
        ahead = _ahead(job.source, ordered, pool)
        for (function, date), bodies in groupby(ahead, lambda one: (one[0].name.function, one[0].name.date)):
            batch: Batch | None = None
            for item, body in bodies:
                done += 1
                if isinstance(body, ObjectError):
                    failed[item.key] = str(body)
                    denied += body.denied
                    continue
                batch = batch or Batch(job.scratch / "lines.ndjson", function, job.replaces)
                batch.add(body[0], item.name.first, body[1])
                if batch.size >= FULL:
                    batch.convert(job.connection, job.cache.place(function, date))
                    batch = None
                job.progress(done)
            if batch:
                batch.convert(job.connection, job.cache.place(function, date))
        job.progress(done)
    if denied and denied == len(ordered):
        raise SourceError(next(iter(failed.values())))
    return failed


def _ahead(
    source: Source, items: list[Item], pool: ThreadPoolExecutor
) -> Iterator[tuple[Item, tuple[Stored, bytes] | ObjectError]]:
    """Yield objects in order, and what was read of each, while the next ones are being read."""
    waiting: deque[tuple[Item, Future[tuple[Stored, bytes]]]] = deque()
    size = 0
    for item in items:
        while waiting and (len(waiting) >= _AHEAD * source.connections or size + item.size > _AHEAD_BYTES):
            size -= waiting[0][0].size
            yield _result(*waiting.popleft())
        waiting.append((item, pool.submit(_read, source, item)))
        size += item.size
    while waiting:
        yield _result(*waiting.popleft())


def _result(item: Item, future: Future[tuple[Stored, bytes]]) -> tuple[Item, tuple[Stored, bytes] | ObjectError]:
    try:
        return item, future.result()
    except ObjectError as error:
        return item, error


def _read(source: Source, item: Item) -> tuple[Stored, bytes]:
    body, metadata = source.read(item.key)
    text, damage = inflated(body)
    stored = Stored(
        item.key, item.size, item.etag, 0, damage, metadata.get("environment"), metadata, item.modified.isoformat()
    )
    return stored, text
