"""Which records of a stream run next, and what becomes of those that fail. Pure: `now` is in seconds since the epoch.

A stream has one shard here. Its batches run in order, one at a time: what fails is tried again before anything that
comes after it, until it succeeds or is discarded.

Source: "Using Lambda with Amazon DynamoDB" in the Lambda developer guide. Throttles cost no retry, and splitting a
batch costs none. Lambda does not document how long it waits between attempts: FIRST_WAIT, doubled up to LONGEST_WAIT,
is a guess. Neither does it name the condition of records that are too old.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.landscape.events import StreamMapping

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
#: Seconds for which a stream keeps its records.
RETENTION = 24 * 3600.0
EXHAUSTED, TOO_OLD = "RetryAttemptsExhausted", "RecordAgeExceeded"
#: The most bytes of records in a batch.
LARGEST = 6 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """One record. `sequence` is its sequence number, `at` when it was made, `content` what the event has of it."""

    sequence: str
    at: float
    content: Mapping[str, Any]
    size: int


@dataclass(frozen=True)
class Batch:
    """Records that run together. `errors` counts the runs that failed, `runs` all of them."""

    records: tuple[Record, ...]
    errors: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Run:
    """Run the batch now."""

    batch: Batch


@dataclass(frozen=True)
class Discarded:
    """The batch will not run again. `condition` says why."""

    batch: Batch
    condition: str


class Shard:
    """The records of a stream that were read and not yet concluded."""

    def __init__(self, mapping: StreamMapping) -> None:
        self._mapping = mapping
        self._gathered: list[Record] = []
        self._since = 0.0  # when the first one was read
        self._batches: deque[Batch] = deque()  # the first is the one that runs
        self._due = 0.0
        self._waits = 0
        self._running = False

    @property
    def wanted(self) -> int:
        """How many more records to read."""
        return 0 if self._batches else self._mapping.batch_size - len(self._gathered)

    def received(self, records: Sequence[Record], now: float) -> None:
        """Take records in, in the order of the stream. Poll afterwards."""
        if records and not self._gathered:
            self._since = now
        self._gathered += records

    def poll(self, now: float) -> Run | Discarded | None:
        """Return what to do now. Poll again after a batch was discarded."""
        if self._running:
            return None
        if not self._batches and self._is_whole(now):
            self._batches.append(self._closed())
        if not self._batches or now < self._due:
            return None
        batch = self._batches[0]
        limit = RETENTION if self._mapping.max_age < 0 else min(self._mapping.max_age, RETENTION)
        if old := list(takewhile(lambda record: now - record.at > limit, batch.records)):
            self._batches.popleft()
            if rest := batch.records[len(old) :]:
                self._batches.appendleft(replace(batch, records=rest))
            return Discarded(replace(batch, records=tuple(old)), TOO_OLD)
        self._running = True
        return Run(batch)

    def succeeded(self) -> None:
        """Take note that the batch has succeeded."""
        self._running = False
        self._batches.popleft()
        self._due, self._waits = 0.0, 0

    def throttled(self, now: float) -> None:
        """Take note that the batch could not be run. It costs no retry."""
        self._running = False
        self._wait(now)

    def failed(self, now: float, first: str | None = None) -> Discarded | None:
        """Take note that the batch has failed, from the record with the sequence number `first` on; None: all of it.

        Return what is discarded.
        """
        self._running = False
        batch = self._batches.popleft()
        records = batch.records
        if first is not None:
            records = records[next(place for place, one in enumerate(records) if one.sequence == first) :]
        left = Batch(records, batch.errors + 1, batch.runs + 1)
        split = first is None and self._mapping.bisect and len(records) > 1
        if not split and 0 <= self._mapping.retries < left.errors:
            self._due, self._waits = 0.0, 0
            return Discarded(left, EXHAUSTED)
        if split:
            middle = (len(records) + 1) // 2
            halves = (records[:middle], records[middle:])
            self._batches.extendleft(Batch(half, batch.errors, left.runs) for half in reversed(halves))
            self._due = now
        else:
            self._batches.appendleft(left)
            self._wait(now)
        return None

    def wake_at(self) -> float | None:
        """Return the next time at which `poll` decides something, None if only another input can change that."""
        if self._running:
            return None
        if self._batches:
            return self._due
        return self._since + self._mapping.window if self._gathered else None

    def _is_whole(self, now: float) -> bool:
        if not self._gathered:
            return False
        return (
            len(self._gathered) >= self._mapping.batch_size
            or sum(one.size for one in self._gathered) >= LARGEST
            or now >= self._since + self._mapping.window
        )

    def _closed(self) -> Batch:
        count = size = 0
        for record in self._gathered[: self._mapping.batch_size]:
            if count and size + record.size > LARGEST:
                break
            count, size = count + 1, size + record.size
        batch = Batch(tuple(self._gathered[:count]))
        self._gathered = self._gathered[count:]
        return batch

    def _wait(self, now: float) -> None:
        self._due = now + min(FIRST_WAIT * 2**self._waits, LONGEST_WAIT)
        self._waits += 1
