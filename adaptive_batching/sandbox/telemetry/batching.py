"""Decide when a batch of telemetry is complete (docs/lambda-protocol.md, 6.2). Pure.

A batch is complete when it has enough events, enough bytes, or its timeout has passed, whichever comes first. Bytes are
the sum of the encoded events. They are compared after an event is added, so a batch may be too large by one event, and
any single event fits. The timer starts with the first event of the batch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Buffering:
    """The limits that a subscriber asked for. `timeout` is in seconds, `max_bytes` counts encoded events."""

    timeout: float = 1.0
    max_bytes: int = 262_144
    max_items: int = 10_000


class Batcher:
    """Encoded events in order of arrival, which are taken in batches. `now` is monotonic seconds."""

    def __init__(self, limits: Buffering) -> None:
        self.limits = limits
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """The number of encoded bytes that wait."""
        return self._bytes

    def push(self, event: bytes, now: float) -> None:
        """Add one encoded event."""
        self._waiting.append((now, event))
        self._bytes += len(event)

    def due_at(self) -> float | None:
        """Return the time at which the oldest batch must be sent: -inf if it is full, None if nothing waits."""
        if not self._waiting:
            return None
        if len(self._waiting) >= self.limits.max_items or self._bytes >= self.limits.max_bytes:
            return float("-inf")
        return self._waiting[0][0] + self.limits.timeout

    def due(self, now: float) -> bool:
        """Return whether a batch must be sent now."""
        at = self.due_at()
        return at is not None and at <= now

    def take(self) -> list[bytes]:
        """Remove and return the oldest batch: at most `max_items` events, and none after `max_bytes` are reached."""
        batch: list[bytes] = []
        size = 0
        while self._waiting and len(batch) < self.limits.max_items and size < self.limits.max_bytes:
            _, event = self._waiting.popleft()
            batch.append(event)
            size += len(event)
        self._bytes -= size
        return batch

    def drop_oldest(self, keep_bytes: int) -> tuple[int, int]:
        """Drop the oldest events until at most `keep_bytes` wait. Return the number of events and of bytes dropped."""
        count = size = 0
        while self._waiting and self._bytes > keep_bytes:
            _, event = self._waiting.popleft()
            self._bytes -= len(event)
            count += 1
            size += len(event)
        return count, size
