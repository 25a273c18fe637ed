"""The keys of compacted objects: `<prefix>compacted/function=…/date=…/<hash of its sources>.parquet`. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaptive_batching.logs.sources.keys import Window
    from adaptive_batching.logs.sources.source import Item

#: Below the prefix of the source.
FOLDER, LAYOUT = "compacted/", "function={function}/date={date}/"
#: A day is compacted when it ended at least this long ago, so that few objects come later.
YOUNGEST = timedelta(days=1)
#: How far the clocks of who compacts and who reads may be apart.
_CLOCKS = timedelta(hours=1)
_KEY = re.compile(
    r"(?:.*/)?compacted/function=(?P<function>[^/]+)/date=(?P<date>\d{4}-\d\d-\d\d)/[0-9a-f]{32}\.parquet", re.DOTALL
)


@dataclass(frozen=True)
class Compacted:
    """A compacted object as it is listed."""

    key: str
    function: str
    date: str
    size: int  # bytes
    etag: str
    modified: datetime  # aware


def parsed(key: str, size: int, etag: str, modified: datetime) -> Compacted | None:
    """Return what a key of a listing tells, or None if it is not that of a compacted object."""
    found = _KEY.fullmatch(key)
    return Compacted(key, found["function"], found["date"], size, etag, modified) if found else None


def key(prefix: str, function: str, date: str, sources: Iterable[Item]) -> str:
    """Return the key of the object that is made of these sources: the same ones have the same key."""
    told = "".join(f"{one.key} {one.etag}\n" for one in sorted(sources, key=lambda one: one.key))
    name = hashlib.sha256(told.encode()).hexdigest()[:32]
    return f"{prefix}{FOLDER}{LAYOUT.format(function=function, date=date)}{name}.parquet"


def is_due(date: str, older_than: timedelta, now: datetime) -> bool:
    """Return whether a day ended long enough ago to be compacted."""
    end = datetime.fromisoformat(date).replace(tzinfo=UTC) + timedelta(days=1)
    return end + older_than <= now


def may_have(window: Window, now: datetime) -> bool:
    """Return whether compacted objects can hold lines of a window. Most windows are too young for that."""
    return window.first_key is None or window.first_key < now - YOUNGEST + _CLOCKS
