"""One process of the simulated world: the core and what an environment does around it; and `/tmp`, which outlives it.

The journal is a list of bodies, of seals and of what is forgotten. A killed process is a new core made of that list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension import events
from extension.core import recovery
from extension.core.batcher import Batcher
from extension.core.duplicates import Duplicates
from extension.core.replay import Replay
from extension.core.shipper import Shipper
from extension.journal.ranges import Ranges
from extension.records import objects
from extension.records.body import Body
from extension.records.reader import Reader
from tests.unit.extension.simulation.simulated_store import check, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.records.chunk import Chunk, ReaderState, Seal
    from extension.settings import Settings


SMALL = 2000  # bytes of bodies that a chunk may take, where the journal has no limit


class Tmp:
    """What the journal holds; `works` is False where /tmp cannot be written."""

    def __init__(self, environment: str, limit: int) -> None:
        self.environment = environment
        self.limit = limit  # bytes; 0: as much as is wanted
        self.works = True
        self.entries: dict[int, tuple[float, bytes]] = {}
        self.seals: dict[int, Seal] = {}
        self.forgotten: set[int] = set()
        self.unreadable: set[int] = set()
        self.replays: dict[int, int] = {}  # begun and not ended
        self.state: ReaderState | None = None

    def append(self, body: bytes, wall: float) -> int | None:
        """Its serial; None: memory has to do."""
        if not self.works:
            return None
        serial = len(self.entries) + 1
        self.entries[serial] = wall, body
        return serial

    def seal(self, seal: Seal) -> None:
        """As it is written now: a chunk may get another key later."""
        self.state = seal.after
        if seal.first:
            self.seals[seal.first] = seal

    def forget(self, first: int, last: int) -> None:
        """These entries are stored, lost or in quarantine."""
        self.forgotten.update(range(first, last + 1))
        self.replays = {one: count for one, count in self.replays.items() if not first <= one <= last}

    def range(self, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
        """Serial, arrival, body of the entries that can be read."""
        for serial in range(max(first, 1), last + 1):
            if serial not in self.unreadable:
                yield (serial, *self.entries[serial])

    def damage(self, seal: Seal) -> None:
        """Nothing of this chunk can be read again: the segments with its entries are torn, or were removed."""
        if seal.entries:
            first, last = seal.entries
            self.unreadable.update(range(first, last + 1))

    def left(self) -> tuple[list[Seal], list[tuple[int, int]]]:
        """Seals whose chunk is not forgotten, and ranges of serials that are in none."""
        seals = [one for first, one in sorted(self.seals.items()) if first not in self.forgotten]
        covered = Ranges(one.entries for one in seals if one.entries)
        present = Ranges([(1, len(self.entries))])
        forgotten = Ranges((serial, serial) for serial in sorted(self.forgotten))
        return seals, list(present.without(forgotten).without(covered))


class Left:
    """What a new process finds in `/tmp`."""

    def __init__(self, tmp: Tmp) -> None:
        self.seals, self.unsealed = tmp.left()
        self.replays = dict(tmp.replays)
        self.likely = {serial: events.likely_records(body) for serial, (_, body) in tmp.entries.items()}
        self.state = tmp.state


class Journal:
    """What a replay sees of `/tmp`; `may_die` is called whenever something is begun to be read again."""

    def __init__(self, tmp: Tmp, may_die: Callable[[], None]) -> None:
        self.left = Left(tmp)
        self._tmp = tmp
        self._may_die = may_die
        self.entries = tmp.range

    def replaying(self, first: int) -> None:
        """Count it."""
        self._tmp.replays[first] = self._tmp.replays.get(first, 0) + 1
        self._may_die()

    def replayed(self, first: int) -> None:
        """It could be made."""
        self._tmp.replays.pop(first, 0)


class Process:
    """Core, keeper and environment; `drawn` gives random parts of keys that are new in every process."""

    def __init__(
        self,
        settings: Settings,
        tmp: Tmp,
        drawn: Callable[[], str],
        chance: Callable[[], float],
        may_die: Callable[[], None],
        *,
        managed: bool,
        snapshot: bool,
    ) -> None:
        self.tmp = tmp
        self._drawn = drawn
        self._settings = settings
        self.origin = objects.Origin("orders-api", "$LATEST", tmp.environment)
        self.duplicates = Duplicates(body for _, body in list(tmp.entries.values())[-64:])
        filters = recovery.filters_of(settings.filters)
        self.core = Shipper(
            settings,
            Batcher(settings, self.origin, drawn),
            Reader(settings.log_types, self.origin, concurrent=managed, filters=filters),
            managed=managed,
            chance=chance,
            restored=self._restored if snapshot else None,
        )
        if filters:
            self.core.limit_journalled(recovery.most_journalled(tmp.limit) or SMALL)
        self.restores = 0
        lowered = recovery.fit(settings.ship_bytes, tmp.limit, settings.ship_bytes)
        self.said = self.core.recover(lowered) if lowered else []
        journal = Journal(tmp, may_die)
        self.replay = Replay(journal, settings, self.origin, self._new_body)
        self.core.resume(journal.left.state, self.replay)

    def _restored(self) -> None:
        self.restores += 1
        self.origin.environment = self.tmp.environment = f"restored-{self._drawn():>03}"

    def _new_body(self) -> Body:
        return Body(gzip=self._settings.gzip)

    def seal(self, chunk: Chunk) -> None:
        """Before the first attempt."""
        self.tmp.seal(chunk.seal)
        self.core.seal_written(chunk.key)

    def forget(self, seal: Seal, held: set[int]) -> None:
        """The chunk with these records is stored, or lost; its seal covers its own records and nobody else's."""
        if not seal.entries:
            return
        for _, _, entry in self.tmp.range(*seal.entries):
            check(held.issuperset(tokens(entry)), "what is forgotten is what was in the chunk")
        self.tmp.forget(*seal.entries)
