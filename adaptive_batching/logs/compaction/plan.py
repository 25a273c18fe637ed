"""What is to be compacted: which days, and which objects go into one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adaptive_batching.logs.sources import compacted
from adaptive_batching.logs.sources.keys import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaptive_batching.logs.sources.compacted import Compacted
    from adaptive_batching.logs.sources.source import Item, Listing

#: Bytes of sources, as they are stored, in one compacted object. One is read whole, into memory.
PART = 64_000_000


@dataclass
class Day:
    """A function's day: the objects of it, and what was compacted before."""

    function: str
    date: str
    items: list[Item] = field(default_factory=list)
    compacted: list[Compacted] = field(default_factory=list)

    def is_done(self, prefix: str) -> bool:
        """Return whether exactly these objects were compacted."""
        there = {one.key for one in self.compacted}

        def is_there(part: list[Item]) -> bool:
            if compacted.key(prefix, self.function, self.date, part) in there:
                return True
            return len(part) > 1 and all(is_there(one) for one in halves(part))

        return bool(there) and all(is_there(part) for part in parts(self.items))

    @property
    def window(self) -> Window:
        """What a listing of this day needs: all of its objects, and not much else."""
        begin = datetime.fromisoformat(self.date).replace(tzinfo=UTC)
        return Window(min(begin, *(one.modified for one in self.items)), begin + timedelta(days=1))


def days(listing: Listing, older_than: timedelta, now: datetime) -> list[Day]:
    """Return the days that have objects and ended long enough ago, in order."""
    found: dict[tuple[str, str], Day] = {}
    for one in listing.items:
        if compacted.is_due(one.name.date, older_than, now):
            found.setdefault((one.name.function, one.name.date), Day(one.name.function, one.name.date)).items.append(
                one
            )
    for packed in listing.compacted:
        if (packed.function, packed.date) in found:
            found[packed.function, packed.date].compacted.append(packed)
    return [found[one] for one in sorted(found)]


def day(listing: Listing, function: str, date: str) -> Day:
    """Return a function's day."""
    items = [one for one in listing.items if (one.name.function, one.name.date) == (function, date)]
    return Day(
        function, date, items, [one for one in listing.compacted if (one.function, one.date) == (function, date)]
    )


def parts(items: Iterable[Item], most: int = PART) -> list[list[Item]]:
    """Return objects in groups, in the order of time, each at most `most` bytes large or a single object."""
    made: list[list[Item]] = []
    size = 0
    for item in sorted(items, key=lambda one: (one.name.first, one.key)):
        if not made or size + item.size > most:
            made.append([])
            size = 0
        made[-1].append(item)
        size += item.size
    return made


def halves(part: list[Item]) -> list[list[Item]]:
    """Return a part in two: its lines are so long that they cannot be put together at once."""
    middle = len(part) // 2
    return [part[:middle], part[middle:]]
