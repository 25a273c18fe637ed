"""What an earlier process of this environment left in the journal is read again in slices, one body at a time.

Between two slices the shell looks at its inbox: an INVOKE or SHUTDOWN does not wait for megabytes to be read. Chunks
come first, then the bodies that were in none; new batches come after them. Pure: the journal is an argument, and a
process that ends between any two slices has lost nothing, for it still holds what was not read.
"""

from __future__ import annotations

from extension import events
from extension.core import recovery
from extension.records.chunk import Seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Protocol, TypeAlias

    from extension.records import objects
    from extension.records.body import Body
    from extension.settings import Settings

    class Left(Protocol):
        """What was found."""

        @property
        def seals(self) -> Sequence[Seal]:
            """Chunks, the oldest first."""

        @property
        def unsealed(self) -> Sequence[tuple[int, int]]:
            """First and last serials of the bodies in no chunk."""

        @property
        def replays(self) -> Mapping[int, int]:
            """First serial of a chunk or a range: replays that were begun and did not end."""

        @property
        def likely(self) -> Mapping[int, int]:
            """Serial: records that its body is likely to have."""

    class Journal(Protocol):
        """Where it was found."""

        @property
        def left(self) -> Left:
            """What was found."""

        def entries(self, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
            """Yield serial, arrival and body of these entries, as far as they can be read."""

        def replaying(self, first: int) -> None:
            """Count, before it is tried: what begins with this entry is about to be read again."""

        def replayed(self, first: int) -> None:
            """Note that it could be."""

    Slice: TypeAlias = recovery.Verdict | events.LogsReceived | None


class Replay:
    """See the module. `step` takes one slice after the other; what it returns is handed to the core before the next."""

    def __init__(
        self, journal: Journal, settings: Settings, origin: objects.Origin, new_body: Callable[[], Body]
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._origin = origin
        self._environment = origin.environment  # of the earlier process; after a restore the origin has another
        self._new_body = new_body
        left = journal.left
        self._tasks: list[Seal | tuple[int, int]] = [*left.seals, *left.unsealed]
        self._unread = {serial: left.likely[serial] for one in left.unsealed for serial in _serials(left, *one)}
        self._current: Iterator[Slice] | None = None
        self._sealed: Seal | None = None  # of the chunk that is being made

    @property
    def is_over(self) -> bool:
        """Whether everything has been read."""
        return self._current is None and not self._tasks

    def left(self) -> tuple[int, dict[str, int]]:
        """Return how many records were not read yet, and under which keys the store may have how many of them."""
        seals = [one for one in (self._sealed, *self._tasks) if isinstance(one, Seal)]
        return sum(self._unread.values()) + sum(one.records for one in seals), {one.key: one.records for one in seals}

    def step(self) -> Slice:
        """Read the next body; return what is for the core, if that is anything yet.

        Whatever raises concerns one chunk or one range of bodies: it is left to the next process.
        """
        while not self.is_over:
            if self._current is None:
                task = self._tasks.pop(0)
                self._sealed = task if isinstance(task, Seal) else None
                self._current = self._chunk(task) if isinstance(task, Seal) else self._bodies(*task)
            try:
                return next(self._current)
            except StopIteration:
                self._current = None
            except Exception:
                self._current = self._sealed = None
                raise
        return None

    def _chunk(self, seal: Seal) -> Iterator[Slice]:
        first, last = seal.entries or (0, 0)
        if self._is_poison(first):
            self._sealed = None
            yield recovery.poisoned_chunk(seal)
            return
        self._journal.replaying(first)
        made = recovery.Rebuilding(seal, self._settings, self._origin, self._environment, self._new_body)
        for serial, wall, body in self._journal.entries(first, last):
            made.push(serial, wall, body)
            yield None
        verdict = made.verdict()
        self._journal.replayed(first)
        self._sealed = None
        yield verdict

    def _is_poison(self, first: int) -> bool:
        """Return whether what begins with this entry was begun too often already."""
        return recovery.is_poison(self._journal.left.replays.get(first, 0))

    def _bodies(self, first: int, last: int) -> Iterator[Slice]:
        if self._is_poison(first):
            counts = [self._unread.pop(serial) for serial in _serials(self._journal.left, first, last)]
            yield recovery.Poison(first, last, sum(counts), bodies=len(counts))
            return
        self._journal.replaying(first)
        for serial, wall, body in self._journal.entries(first, last):
            self._unread.pop(serial, None)
            yield events.LogsReceived(body, serial, wall, replayed=True)
        for serial in _serials(self._journal.left, first, last):
            self._unread.pop(serial, None)  # what could not be read again: it was counted as torn
        self._journal.replayed(first)


def _serials(left: Left, first: int, last: int) -> list[int]:
    return [serial for serial in left.likely if first <= serial <= last]
