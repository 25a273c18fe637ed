"""What to do with what an earlier process of this environment left in the journal: decided here, carried out elsewhere.

Pure: functions of what the journal holds. The same bodies, read by a reader in the same state, become the same lines,
so a chunk comes back with the same key and the same bytes. Each verdict is handed to `Shipper.recover`, which counts
and answers with actions.
"""

from __future__ import annotations

from extension import events
from extension.core.batcher import OpenChunk
from extension.events import Moment
from extension.records import objects
from extension.records.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from extension.records.body import Body
    from extension.records.chunk import Chunk, Seal
    from extension.records.filters import Filters
    from extension.settings import Settings

REPLAYS = 2  # that may fail; what was begun so often and never ended is poison, and put into quarantine
SHARE = 3  # a chunk may take a third of the journal: its bodies, its encoded form, and what arrives meanwhile


class Rebuilt:
    """The chunk is there again, but for `unrecovered` of its records; it goes first."""

    __slots__ = ("chunk", "unrecovered")

    def __init__(self, chunk: Chunk, unrecovered: int) -> None:
        self.chunk = chunk
        self.unrecovered = unrecovered


class Unreadable:
    """Nothing of the chunk can be read again: its records are lost, if the earlier process had not stored them."""

    __slots__ = ("lost", "seal")

    def __init__(self, seal: Seal) -> None:
        self.seal = seal
        self.lost = seal.records

    def actions(self) -> list[events.Action]:
        """Return what is to be said and done, in order."""
        text = "journal unreadable: the records of a chunk are lost, unless an earlier process stored it"
        fields: dict[str, object] = {"records": self.lost, "perhapsStored": {self.seal.key: self.lost}}
        return [events.Say("error", text, fields), events.Discard(self.seal)]


class Poison:
    """Reading these entries again has ended a process twice: they are put into quarantine, their records are lost.

    `key` is that of their chunk; where it is empty they were in no chunk, and `bodies` counts them.
    """

    __slots__ = ("bodies", "first", "key", "last", "lost")

    def __init__(self, first: int, last: int, lost: int, *, key: str = "", bodies: int = 0) -> None:
        self.first = first
        self.last = last
        self.lost = lost
        self.key = key
        self.bodies = bodies

    def actions(self) -> list[events.Action]:
        """Return what is to be said and done, in order."""
        text = "recovery failed twice: batches moved to quarantine, their records are lost"
        fields: dict[str, object] = {"bodies": self.bodies, "records": self.lost}
        if self.key:
            text = "recovery failed twice: a chunk moved to quarantine, its records are lost"
            fields = {"records": self.lost, "key": self.key, "perhapsStored": {self.key: self.lost}}
        return [events.Say("error", text, fields), events.Quarantine(self.first, self.last)]


class ThresholdLowered:
    """The journal, of `limit` bytes, has no room for chunks of the byte threshold that was `asked`; `used` is used.

    A limit of 0: there is no journal, and memory has no more room than `used`. `by_user`: a setting has asked for it.
    """

    __slots__ = ("asked", "by_user", "limit", "lost", "used")

    def __init__(self, asked: int, limit: int, used: int, *, by_user: bool = True) -> None:
        self.asked = asked
        self.limit = limit
        self.used = used
        self.by_user = by_user
        self.lost = 0

    def actions(self) -> list[events.Action]:
        """Return what is to be said."""
        why = f"the journal in /tmp has room for a third of {self.limit} bytes"
        if not self.limit:
            why = "there is no room in /tmp, and little in memory"
        if not self.by_user:
            return [events.Say("info", f"mode adaptive ships at {self.used} bytes, not at {self.asked}: {why}")]
        return [events.Say("warning", f"SHIP_RATE_BYTES is {self.asked}: {why}; {self.used} is used")]


def is_poison(replays: int) -> bool:
    """Return whether reading again what was begun `replays` times, and never ended, is not to be tried any more."""
    return replays >= REPLAYS


def poisoned_chunk(seal: Seal) -> Poison:
    """Return the verdict on a chunk that is poison."""
    first, last = seal.entries or (0, 0)
    return Poison(first, last, seal.records, key=seal.key)


class Rebuilding:
    """Makes the chunk of a seal again, one body after the other. `environment`: where the seal names none."""

    def __init__(
        self, seal: Seal, settings: Settings, origin: objects.Origin, environment: str, new_body: Callable[[], Body]
    ) -> None:
        self._seal = seal
        self._gzip = settings.gzip
        self._there = objects.Origin(origin.function, origin.version, seal.environment or environment)
        self._there.api, self._there.schema = origin.api, origin.schema
        self._reader = Reader(settings.log_types, self._there, filters=filters_of(seal.filters))
        self._reader.restore(seal.before)
        self._chunk = OpenChunk(new_body())
        self._arrival = Moment(0.0, 0.0)  # of the last body; of a monotonic clock nothing is known

    def push(self, serial: int, wall: float, body: bytes) -> None:
        """Add the entry with this serial, which arrived at `wall` (seconds since the epoch)."""
        self._arrival = Moment(0.0, wall)
        self._chunk.push(self._reader.read(body, wall), self._arrival, serial)
        if serial in self._seal.partial_at:
            self._chunk.push(self._reader.close_partial(), self._arrival, serial)

    def verdict(self) -> Rebuilt | Unreadable:
        """Close the chunk: its entries are all there."""
        seal = self._seal
        if self._reader.unfinished:  # what finished it was in memory alone
            self._chunk.push(self._reader.close_partial(), self._arrival, seal.last)
        if not self._chunk.records:
            return Unreadable(seal)
        made = self._chunk.close(seal, self._there, gzip=self._gzip)
        return Rebuilt(made, max(seal.records - made.records, 0))


def filters_of(told: tuple[str, ...]) -> Filters | None:
    """Return the filters that are told so; None for (), where all records are shipped as they are."""
    if not told:
        return None
    from extension.records.filters import Filters  # few set any

    return Filters(told)


def most_journalled(limit: int) -> int:
    """Return how many bytes of a journal of `limit` bytes the bodies of one chunk may take, whatever filters leave."""
    return limit // SHARE


def fit(ship_bytes: int, limit: int, in_memory: int, *, by_user: bool = True) -> ThresholdLowered | None:
    """Return the verdict on a byte threshold; None if it can stay.

    `limit` is the journal's in bytes, 0 if there is none; then a chunk may take so many bytes `in_memory`. `by_user`: a
    setting has asked for this threshold.
    """
    room = limit // SHARE or in_memory
    return ThresholdLowered(ship_bytes, limit, room, by_user=by_user) if 0 < room < ship_bytes else None


if TYPE_CHECKING:
    Verdict: TypeAlias = Rebuilt | Unreadable | Poison | ThresholdLowered
