"""Compact: day by day, write what is new, and delete sources once their lines were read back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from duckdb import OutOfMemoryException

from adaptive_batching.logs.cache import compacted as packed
from adaptive_batching.logs.cache.room import MORE
from adaptive_batching.logs.compaction import plan
from adaptive_batching.logs.sources import compacted
from adaptive_batching.logs.sources.source import Listing, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from adaptive_batching.logs.compaction.plan import Day
    from adaptive_batching.logs.reading import Logs, Reading
    from adaptive_batching.logs.sources.source import Item

#: What stays as it is: a damaged object may be mended, and a text that is no line is the only one of its kind.
_UNFIT = """
    select key from objects where damage is not null or lines = 0
    union select object from lines where type = 'insights.unreadable'"""


@dataclass
class Done:
    """What was done. Sizes in bytes."""

    days: int = 0
    objects: int = 0
    size: int = 0
    made: int = 0
    made_size: int = 0
    deleted: int = 0
    left: dict[str, str] = field(default_factory=dict)  # key -> why it was not deleted
    unfit: int = 0
    damaged: bool = False  # whether an object could not be read whole, or has a line that cannot be read


def compact(
    reading: Reading, older_than: timedelta, now: datetime, *, delete: bool, progress: Callable[[int, int], None]
) -> Done:
    """Compact what a source has of days that ended `older_than` ago. Raises SourceError."""
    done = Done()
    days = plan.days(reading.listed(), older_than, now)
    for number, day in enumerate(days):
        progress(number, len(days))
        if delete or not day.is_done(reading.source.prefix):
            with TemporaryDirectory(prefix="adaptive-batching-compact-") as scratch:
                try:
                    _day(reading, day, Path(scratch) / "compacted.parquet", done, delete=delete)
                except OutOfMemoryException:  # the other days may have shorter lines
                    done.left[f"{day.function} {day.date}"] = "DuckDB's memory does not suffice for its lines"
    progress(len(days), len(days))
    return done


def _day(reading: Reading, day: Day, file: Path, done: Done, *, delete: bool) -> None:
    """Compact a day. Another compaction may delete sources meanwhile: then the day is what it left, and begins anew."""
    with reading.opened(Listing(items=day.items, compacted=day.compacted)) as logs:
        changed = _changed(reading, day, logs)
        if not changed:
            held = _held(logs, day)
            made = _written(logs, reading, day, held, file, done)
    if changed:
        if changed.items:
            _day(reading, changed, file, done, delete=delete)
        return
    if delete:
        for key, items in {**held, **made}.items():
            _delete(reading, day, key, items, file, done)


def _changed(reading: Reading, day: Day, logs: Logs) -> Day | None:
    """Return the day as it is listed now, if one of its objects could not be read because it is not there any more."""
    damaged = {key for (key,) in logs.connection.execute("select key from objects where damage is not null").fetchall()}
    damaged &= {one.key for one in day.items}
    if not damaged:
        return None
    now = plan.day(reading.source.listed(day.window, ()), day.function, day.date)
    return now if damaged - {one.key for one in now.items} else None


def _held(logs: Logs, day: Day) -> dict[str, list[Item]]:
    """Return which objects that are there were compacted before, and where to. Each stands in one place."""
    items = {one.key: one for one in day.items}
    origins = {segment.origin.key: segment for segment in logs.segments if segment.origin}
    return {key: [items.pop(one.key) for one in origins[key].objects if one.key in items] for key in sorted(origins)}


def _written(
    logs: Logs, reading: Reading, day: Day, held: dict[str, list[Item]], file: Path, done: Done
) -> dict[str, list[Item]]:
    """Store what is new. Return which objects are in which new one."""
    unfit = {key for (key,) in logs.connection.execute(_UNFIT).fetchall()}
    there = {one.key for items in held.values() for one in items}
    done.unfit += sum(one.key in unfit for one in day.items)
    counted = logs.complete()
    done.damaged = done.damaged or bool(counted.damaged or counted.unreadable)
    stored = {one.key: one for segment in logs.segments if not segment.origin for one in segment.objects}
    made = {}
    stored_before = done.made
    waiting = plan.parts(one for one in day.items if one.key not in unfit | there)[::-1]
    while waiting:
        part = waiting.pop()
        more = () if len(part) > 1 else MORE
        if not packed.write(logs.connection, file, [stored[one.key] for one in part], more):
            if len(part) > 1:
                waiting += plan.halves(part)[::-1]
            else:
                done.left[part[0].key] = f"its lines are too long to be compacted with {MORE[-1]} of memory"
            continue
        key = compacted.key(reading.source.prefix, day.function, day.date, part)
        if reading.source.put(key, file):  # or another compaction has done so, or an attempt whose answer was lost
            done.made += 1
            done.made_size += file.stat().st_size
            done.objects += len(part)
            done.size += sum(one.size for one in part)
        made[key] = part
    done.days += done.made > stored_before
    return made


def _delete(reading: Reading, day: Day, key: str, items: list[Item], file: Path, done: Done) -> None:
    """Delete the sources of a compacted object whose lines are the same in it, as it is stored now."""
    if not items:
        return
    with reading.opened(Listing(items=items)) as logs:
        changed = _changed(reading, replace(day, items=items), logs)
        if changed:  # what is not there any more is not kept either
            there = {one.key for one in changed.items}
            items = [one for one in items if one.key in there]
        try:
            packed.fetched(reading.source, key, file, logs.connection)
            same = packed.the_same(logs.connection, file)
        except ObjectError as error:
            done.left |= {one.key: f"{key}: {error}" for one in items}
            return
    done.left |= {one.key: f"its lines in {key} are not the same" for one in items if one.key not in same}
    gone = [one.key for one in items if one.key in same]
    failed = reading.source.delete(gone)
    done.left |= failed
    done.deleted += len(gone) - len(failed)
