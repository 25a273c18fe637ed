"""What waits for one subscriber: events cut to size, the batch that is on its way, and its end or return. Pure.

The batch on its way stays here until it is acknowledged, so that a retry sends the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.sandbox.telemetry.batching import Batcher
from adaptive_batching.sandbox.telemetry.splitting import split
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.telemetry.batching import Buffering

#: Bytes that may wait for one subscriber. A guess: production's bound is not published.
BACKLOG = 32 * 1024 * 1024
#: Seconds between the times of an event and of its further pieces.
PIECE_DELAY = 0.001


class Backlog:
    """Events in order of arrival. `now` is monotonic seconds, `at` seconds since the epoch."""

    def __init__(self, limits: Buffering) -> None:
        self._batcher = Batcher(limits)
        self._pieces: dict[bytes, bytes] = {}  # last piece -> whole event; other pieces -> b""
        self._taken: list[bytes] = []  # from the batcher, and not yet acknowledged

    def __len__(self) -> int:
        return len(self._taken) + len(self._batcher)

    def limit(self, limits: Buffering) -> None:
        """Cut batches by other limits from now on."""
        self._batcher.limits = limits

    def push(self, event: bytes, now: float, at: float) -> tuple[int, int]:
        """Add one encoded event, in pieces if it is larger than the limits' `max_bytes`.

        Return how many of the oldest events, and how many bytes, were dropped to stay within BACKLOG.
        """
        pieces = split(event, self._batcher.limits.max_bytes, [stamp(at + PIECE_DELAY)])
        if len(pieces) > 1:
            self._pieces |= dict.fromkeys(pieces[:-1], b"") | {pieces[-1]: event}
        for piece in pieces:
            self._batcher.push(piece, now)
        return self._batcher.drop_oldest(BACKLOG) if self._batcher.size > BACKLOG else (0, 0)

    def is_due(self, now: float, *, urged: bool) -> bool:
        """Say whether a batch must go now; `urged`: whatever waits must."""
        return bool(self._taken) or (urged and len(self._batcher) > 0) or self._batcher.due(now)

    def due_at(self) -> float | None:
        """Return the moment at which the oldest batch must go, None when nothing waits."""
        return self._batcher.due_at()

    def take(self, order: Callable[[list[bytes]], list[bytes]]) -> tuple[bytes, ...]:
        """Return the batch to send: the one that was not acknowledged, else the oldest, arranged by `order`."""
        self._taken = self._taken or order(self._batcher.take())
        return tuple(self._taken)

    def finish(self) -> None:
        """Forget the batch that was taken: it was acknowledged, or is given up."""
        self._taken = []

    def whole(self, batch: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the events that are complete with this batch, put together again."""
        return tuple(whole for event in batch if (whole := self._pieces.pop(event, event)))

    def unacknowledged(self) -> list[bytes]:
        """Return the events of the batch that was taken, whole; a piece that is not the last of its event is b""."""
        return [self._pieces.get(event, event) for event in self._taken]
