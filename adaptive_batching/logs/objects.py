"""The rows of the view `objects`: what was listed, what compacted objects hold, and what is known of both. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adaptive_batching.logs.sources import keys
from adaptive_batching.logs.sources.source import Item

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.logs.cache.segments import Segment, Stored
    from adaptive_batching.logs.sources.keys import Window
    from adaptive_batching.logs.sources.source import Listing


def with_compacted(listing: Listing, found: list[Segment], window: Window) -> tuple[list[Item], dict[str, str]]:
    """Return the objects of a window, listed or in compacted ones, and where the lines of those are that are gone."""
    items = {one.key: one for one in listing.items}
    gone: dict[str, str] = {}
    for segment in found:
        for one in segment.objects if segment.origin else ():
            name = keys.parsed(one.key)
            modified = datetime.fromisoformat(one.modified)
            if segment.origin and name and one.key not in items and listing.has(name, modified, window):
                items[one.key] = Item(one.key, name, one.size, one.etag, modified)
                gone[one.key] = segment.origin.key
    return list(items.values()), gone


def rows(
    items: list[Item], taken: dict[Path, list[Stored]], failed: dict[str, str], gone: dict[str, str]
) -> list[tuple[object, ...]]:
    """Return the rows of the view `objects`."""
    stored = {one.key: one for some in taken.values() for one in some}
    return [
        (*_row(item, stored.get(item.key), failed.get(item.key)), gone.get(item.key))
        for item in sorted(items, key=lambda one: one.key)
    ]


def lost(listing: Listing, failed: dict[str, str]) -> list[tuple[object, ...]]:
    """Return rows for the compacted objects that could not be read: nobody knows what was in them."""
    rest = (None, 0, None, "{}")  # records, lines, reason, metadata
    return [
        (one.key, one.function, None, None, one.date, None, one.size, one.etag, _utc(one.modified), *rest, why, None)
        for one in listing.compacted
        if (why := failed.get(one.key))
    ]


def _row(item: Item, stored: Stored | None, failure: str | None) -> tuple[object, ...]:
    metadata = stored.metadata if stored else {}
    records = metadata.get("records", "")
    return (
        item.key,
        item.name.function,
        stored.environment if stored else None,
        metadata.get("function-version"),
        item.name.date,
        item.name.first.replace(tzinfo=None),
        item.size,
        item.etag,
        _utc(item.modified),
        int(records) if records.isdecimal() else None,
        stored.lines if stored else 0,
        metadata.get("reason"),
        json.dumps(metadata),
        failure or (stored.damage if stored else "it could not be read"),
    )


def _utc(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(tzinfo=None)
