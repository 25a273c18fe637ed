"""One process of the simulated world: the core and what an environment does around it; and `/tmp`, which outlives it.

The journal is a list of bodies, of seals and of what is forgotten. A killed process is a new core made of that list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension import events
from extension.core import recovery
from extension.core.batcher import Batcher
from extension.core.duplicates import Echoes
from extension.core.shipper import Shipper
from extension.journal import Sealed
from extension.records import objects
from extension.records.reader import Reader
from tests.unit.extension.simulation.simulated_store import check, plain, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.settings import Settings


class Tmp:
    """What the journal holds; `works` is False where /tmp cannot be written."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.works = True
        self.entries: dict[int, tuple[float, bytes]] = {}
        self.seals: dict[int, Sealed] = {}
        self.forgotten: set[int] = set()
        self.state: events.ReaderState | None = None

    def append(self, body: bytes, wall: float) -> int:
        """Its serial; 0: memory has to do."""
        if not self.works:
            return 0
        serial = len(self.entries) + 1
        self.entries[serial] = wall, body
        return serial

    def seal(self, seal: events.Seal, after: events.ReaderState) -> None:
        """As it is written now: a chunk may get another key later."""
        written = events.Seal(seal.key, seal.first, seal.last, seal.state, seal.reason, seal.tail, seal.cuts)
        self.state = after
        if seal.first:
            written.environment = seal.environment or self.environment
            self.seals[seal.first] = Sealed(written, after, written.environment)

    def forget(self, seal: events.Seal) -> None:
        """What the seal covers is stored or given up."""
        if seal.first:
            self.forgotten.update(range(seal.first, seal.last + 1))

    def range(self, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
        """Serial, arrival, body."""
        for serial in range(max(first, 1), last + 1):
            yield (serial, *self.entries[serial])

    def left(self) -> tuple[list[Sealed], list[int]]:
        """Seals whose chunk is not forgotten, and serials that are in none."""
        seals = [one for first, one in sorted(self.seals.items()) if first not in self.forgotten]
        covered = {serial for one in seals for serial in range(one.seal.first, one.seal.last + 1)}
        return seals, [serial for serial in self.entries if serial not in self.forgotten | covered]


class Process:
    """Core, keeper and environment; `drawn` gives random parts of keys that are new in every process."""

    def __init__(
        self,
        settings: Settings,
        tmp: Tmp,
        drawn: Callable[[], str],
        chance: Callable[[], float],
        *,
        subscribed: bool,
        managed: bool,
        snapshot: bool,
    ) -> None:
        self.tmp = tmp
        self._drawn = drawn
        self._settings = settings
        self.origin = objects.Origin("orders-api", "$LATEST", tmp.environment)
        self.echoes = Echoes(body for _, body in list(tmp.entries.values())[-64:])
        self.core = Shipper(
            settings,
            Batcher(settings, self.origin, drawn),
            Reader(settings.log_types, self.origin),
            subscribed=subscribed,
            managed=managed,
            chance=chance,
            restored=self._restored if snapshot else None,
        )
        self.restores = 0
        self.lost: set[int] = set()  # records that it said are lost
        self.perhaps: set[int] = set()  # of them, those that it said may be stored

    def _restored(self) -> None:
        self.restores += 1
        self.origin.environment = self.tmp.environment = f"restored-{self._drawn():>03}"

    def _new_body(self) -> objects.Body:
        return objects.Body(gzip=self._settings.gzip)

    def left_over(self) -> Iterator[events.LogsReceived]:
        """Take up what the last process left; the bodies that were in no chunk."""
        seals, unsealed = self.tmp.left()
        for sealed in seals:
            seal = sealed.seal
            entries = self.tmp.range(seal.first, seal.last)
            chunk = recovery.rebuild(sealed, entries, self._settings, self.origin, self._new_body)
            records = sealed.after.sequence - seal.state.sequence - bool(seal.tail)
            if chunk:
                for action in self.core.recover(chunk, max(records - chunk.records, 0)):
                    if isinstance(action, events.Drop):
                        self.forget(action)
            else:
                self.tmp.forget(seal)
        self.core.resume(self.tmp.state)
        for serial in unsealed:
            wall, body = self.tmp.entries[serial]
            yield events.LogsReceived(body, serial, wall)

    def seal(self, chunk: objects.Chunk) -> None:
        """Before the first attempt."""
        if chunk.seal and chunk.after and not chunk.sealed:
            self.tmp.seal(chunk.seal, chunk.after)
            chunk.sealed = True

    def forget(self, action: events.Forget | events.Drop) -> None:
        """The chunk is stored, or shed; its seal covers its own records and nobody else's."""
        seal, body = action.chunk.seal, action.chunk.body
        assert seal is not None
        assert isinstance(body, bytes)
        held = set(tokens(plain(body)))
        for _, _, entry in self.tmp.range(seal.first, seal.last) if seal.first else ():
            check(held.issuperset(tokens(entry)), "what is forgotten is what was in the chunk")
        if isinstance(action, events.Drop):
            self.lost |= held
            self.perhaps |= held if action.chunk.doubtful else set()
        self.tmp.forget(seal)
