"""From a listing to segments: what is new is converted, and what is moved meanwhile is followed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adaptive_batching.logs.cache import compacted, segments
from adaptive_batching.logs.cache.convert import Job, convert
from adaptive_batching.logs.database import LONG, allow
from adaptive_batching.logs.sources.source import ObjectError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.cache.segments import Opened, Origin, Segment
    from adaptive_batching.logs.database import Database
    from adaptive_batching.logs.sources.compacted import Compacted
    from adaptive_batching.logs.sources.keys import Window
    from adaptive_batching.logs.sources.source import Item, Listing, Source

#: How often what was deleted while it was read is looked for.
_ROUNDS = 5


@dataclass(frozen=True)
class Taken:
    """Of what was listed: why objects could not be read, by key, and the segments that hold the others."""

    failed: dict[str, ObjectError]
    segments: list[Segment]

    def packed(self) -> set[str]:
        """Return the keys of the objects whose lines are in compacted ones."""
        return {one.key for segment in self.segments if segment.origin for one in segment.objects}


@dataclass
class Taker:
    """Takes what is listed into an opened cache. `connection` is the one for queries; `scratch` a folder."""

    source: Source
    opened: Opened
    database: Database
    connection: DuckDBPyConnection
    scratch: Path
    progress: Callable[[int, int], None]

    def taken(self, listing: Listing) -> Taken:
        """Add what is new to the cache. Raises SourceError if nothing can be read for want of a permission."""
        opened, connection = self.opened, self.connection
        days = list(
            dict.fromkeys(
                [(one.name.function, one.name.date) for one in listing.items]
                + [(one.function, one.date) for one in listing.compacted]
            )
        )
        items = {one.key: one for one in listing.items}
        origins = {compacted.origin(one) for one in listing.compacted}

        def current() -> list[Segment]:
            return [one for one in opened.segments(connection, days) if _is_current(one, items, origins)]

        failed: dict[str, ObjectError] = {}
        found = current()
        packed = [
            one for one in listing.compacted if compacted.origin(one) not in {segment.origin for segment in found}
        ]
        if packed:
            failed |= self._unpacked(packed)
            found = current()
        changed = [one for one in opened.segments(connection, days) if not _is_current(one, items, origins)]
        there = {stored.key for one in found for stored in one.objects}
        new = [one for one in listing.items if one.key not in there]
        if new:
            with self.database.converting() as converting, TemporaryDirectory(dir=self.scratch) as folder:
                replaces = tuple(one.file.name for one in changed)
                progress = lambda done: self.progress(done, len(new))  # noqa: E731
                failed |= convert(new, Job(self.source, opened.cache, Path(folder), converting, replaces, progress))
            found = current()
        if failed and not found and all(one.denied for one in failed.values()):
            raise SourceError(str(next(iter(failed.values()))))
        if any(one.is_long for one in found):
            allow(connection, LONG)
        if opened.alone():
            opened.clean(days, found)
            found = [one for day in days for one in opened.merge(connection, _of(found, opened.cache.place(*day)))]
            if new or packed:
                opened.cache.evict(keep={one.file for one in found})
        segments.touch(found)
        return Taken(failed, found)

    def followed(
        self, listing: Listing, taken: Taken, window: Window, functions: Sequence[str]
    ) -> tuple[Listing, Taken]:
        """List and take again if something was deleted after it was listed: a compaction has put its lines elsewhere.

        Return what is listed, and what was taken. An object that is nowhere now stays in both as it was found.
        """
        deleted: dict[str, Item] = {}
        reasons: dict[str, ObjectError] = {}
        there = {one.key for one in listing.items}
        for _ in range(_ROUNDS):
            if not any(one.gone for one in taken.failed.values()):
                break
            try:
                now = self.source.listed(window, functions)
            except SourceError:
                break  # what was read is worth more
            there = {one.key for one in now.items}
            deleted |= {one.key: one for one in listing.items if one.key not in there}
            reasons |= taken.failed
            now.items += [one for key, one in deleted.items() if key not in there and key not in reasons]
            listing, taken = now, self.taken(now)
        if not deleted:
            return listing, taken
        packed = taken.packed()
        nowhere = [one for key, one in deleted.items() if key not in there and key not in packed]
        listing.items = [one for one in listing.items if one.key in there] + nowhere
        lost = {one.key: reasons[one.key] for one in nowhere if one.key in reasons}
        return listing, Taken(taken.failed | lost, taken.segments)

    def _unpacked(self, packed: list[Compacted]) -> dict[str, ObjectError]:
        """Add compacted objects to the cache. Return what failed, by key."""
        failed: dict[str, ObjectError] = {}
        with self.database.converting() as converting, TemporaryDirectory(dir=self.scratch) as folder:
            for done, one in enumerate(packed):
                self.progress(done, len(packed))
                try:
                    compacted.convert(self.source, one, self.opened.cache, Path(folder), converting)
                except ObjectError as error:
                    failed[one.key] = error
            self.progress(len(packed), len(packed))
        return failed


def _is_current(segment: Segment, items: dict[str, Item], origins: set[Origin]) -> bool:
    """Return whether a segment has no object that was changed since, or is of a compacted one that is listed."""
    if segment.origin:
        return segment.origin in origins
    return all(one.key not in items or segments.is_current(one, items[one.key]) for one in segment.objects)


def _of(found: list[Segment], folder: Path) -> list[Segment]:
    return [one for one in found if one.file.parent == folder]
