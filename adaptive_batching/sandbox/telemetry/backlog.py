"""The events that wait for delivery to one subscriber, and the batch in flight. Pure.

The batch in flight is kept until the subscriber acknowledges it, so that a retry sends the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.sandbox.telemetry.batching import Batcher
from adaptive_batching.sandbox.telemetry.splitting import split
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.telemetry.batching import Buffering

#: The most bytes that may wait for one subscriber. This is a guess: AWS does not publish its limit.
BACKLOG = 32 * 1024 * 1024
#: Seconds between the time of an event and the time of its further pieces.
PIECE_DELAY = 0.001


class Backlog:
    """Encoded events in order of arrival. `now` is monotonic seconds, `at` is seconds since the epoch."""

    def __init__(self, limits: Buffering) -> None:
        self._batcher = Batcher(limits)
        self._pieces: dict[bytes, bytes] = {}  # last piece -> complete event; other pieces -> b""
        self._taken: list[bytes] = []  # the batch in flight

    def __len__(self) -> int:
        return len(self._taken) + len(self._batcher)

    def limit(self, limits: Buffering) -> None:
        """Use other limits for batches from now on."""
        self._batcher.limits = limits

    def push(self, event: bytes, now: float, at: float) -> tuple[int, int]:
        """Add one encoded event, split into pieces if it is larger than the limit `max_bytes`.

        Drop the oldest events if more than BACKLOG bytes wait. Return how many events and how many bytes were dropped.
        """
        pieces = split(event, self._batcher.limits.max_bytes, [stamp(at + PIECE_DELAY)])
        if len(pieces) > 1:
            self._pieces |= dict.fromkeys(pieces[:-1], b"") | {pieces[-1]: event}
        for piece in pieces:
            self._batcher.push(piece, now)
        return self._batcher.drop_oldest(BACKLOG) if self._batcher.size > BACKLOG else (0, 0)

    def is_due(self, now: float, *, urged: bool) -> bool:
        """Return whether a batch must be sent now. With `urged`, any waiting event must be sent."""
        return bool(self._taken) or (urged and len(self._batcher) > 0) or self._batcher.due(now)

    def due_at(self) -> float | None:
        """Return the time at which the oldest batch must be sent, None if nothing waits."""
        return self._batcher.due_at()

    def take(self, order: Callable[[list[bytes]], list[bytes]]) -> tuple[bytes, ...]:
        """Return the batch to send: the batch in flight, else the oldest one, arranged by `order`."""
        self._taken = self._taken or order(self._batcher.take())
        return tuple(self._taken)

    def finish(self) -> None:
        """Remove the batch in flight, because it was acknowledged or is dropped."""
        self._taken = []

    def whole(self, batch: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the events that this batch completes, with their pieces joined."""
        return tuple(whole for event in batch if (whole := self._pieces.pop(event, event)))

    def unacknowledged(self) -> list[bytes]:
        """Return the complete events of the batch in flight. A piece that is not the last of its event is b""."""
        return [self._pieces.get(event, event) for event in self._taken]
