"""Which messages of a queue to ask for, and which to run together. Pure: `now` is in seconds, from any beginning.

Source: "Using Lambda with Amazon SQS" in the Lambda developer guide. A batch is at most BatchSize messages and 6 MB,
and is gathered for at most MaximumBatchingWindowInSeconds. At most MaximumConcurrency batches run at a time. A batch
that was throttled is tried again until its messages become visible. Not modelled: how Lambda adds and removes pollers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.landscape.events import QueueMapping

#: The most messages that one request receives.
RECEIVED_AT_ONCE = 10
#: The most bytes of messages in a batch.
LARGEST = 6 * 1024 * 1024
#: Seconds until a throttled batch is tried again.
AGAIN = 1.0


@dataclass(frozen=True)
class Message:
    """One message. `handle` deletes it, `record` is its record in the event, `size` in bytes."""

    message_id: str
    handle: str
    record: Mapping[str, Any]
    size: int


@dataclass(frozen=True)
class Batch:
    """Messages that run together. `since` is when the first one was received."""

    number: int
    messages: tuple[Message, ...]
    since: float

    def succeeded(self, failed: set[str] | None) -> list[Message]:
        """Return the messages to delete when the batch has run.

        `failed` are the ids of those that failed, None if all did. These become visible when their time has come.
        """
        return [] if failed is None else [one for one in self.messages if one.message_id not in failed]


class Batches:
    """The messages of one queue that were received and not yet concluded. `visibility` is the queue's, in seconds."""

    def __init__(self, mapping: QueueMapping, visibility: float) -> None:
        self._mapping = mapping
        self._visibility = visibility
        self._gathered: list[Message] = []
        self._since = 0.0  # when the first one was received
        self._running: dict[int, Batch] = {}
        self._throttled: list[tuple[float, Batch]] = []  # by the time at which each is due; they keep their places
        self._number = 0

    @property
    def running(self) -> int:
        """The number of batches that run or are to be tried again."""
        return len(self._running) + len(self._throttled)

    def wanted(self, room: int) -> int:
        """Return how many messages to ask for. `room` is how many more batches this machine can run."""
        if self._places(room) <= 0:
            return 0
        return max(0, min(RECEIVED_AT_ONCE, self._mapping.batch_size - len(self._gathered)))

    def received(self, messages: Sequence[Message], now: float) -> None:
        """Take messages in. Poll afterwards."""
        if messages and not self._gathered:
            self._since = now
        self._gathered += messages

    def poll(self, now: float, room: int) -> list[Batch]:
        """Return the batches that run now."""
        due = [batch for at, batch in self._throttled if at <= now]
        self._throttled = [(at, batch) for at, batch in self._throttled if at > now]
        again = [
            batch for batch in due if now < batch.since + self._visibility
        ]  # others are visible in the queue again
        for batch in again:
            self._running[batch.number] = batch
        return again + self._closed(now, room)

    def throttled(self, number: int, now: float) -> None:
        """Take note that a batch could not be run."""
        self._throttled.append((now + AGAIN, self._running.pop(number)))

    def ended(self, number: int) -> None:
        """Take note that a batch has run: another one may have its place."""
        self._running.pop(number, None)

    def wake_at(self) -> float | None:
        """Return the next time at which `poll` decides something, None if only another input can change that."""
        times = [at for at, _ in self._throttled]
        if self._gathered:
            times.append(self._since + self._mapping.window)
        return min(times, default=None)

    def _places(self, room: int) -> int:
        most = self._mapping.most
        return room if most is None else min(room, most - self.running)

    def _closed(self, now: float, room: int) -> list[Batch]:
        """Return what was gathered, if it is a batch now."""
        if not self._gathered or self._places(room) <= 0:
            return []
        whole = len(self._gathered) >= self._mapping.batch_size or sum(one.size for one in self._gathered) >= LARGEST
        if not whole and now < self._since + self._mapping.window:
            return []
        found: list[Batch] = []
        places = self._places(room)
        while self._gathered and places > len(found):
            found.append(self._next(now))
        return found

    def _next(self, now: float) -> Batch:
        count = size = 0
        for message in self._gathered[: self._mapping.batch_size]:
            if count and size + message.size > LARGEST:
                break
            count, size = count + 1, size + message.size
        batch = Batch(self._number, tuple(self._gathered[:count]), self._since)
        self._number += 1
        self._gathered = self._gathered[count:]
        self._since = now
        self._running[batch.number] = batch
        return batch
