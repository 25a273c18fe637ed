"""What a source of shipped objects is: something that lists them and reads one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from adaptive_batching.logs.sources.compacted import Compacted
    from adaptive_batching.logs.sources.keys import Name, Window


class SourceError(Exception):
    """The source cannot be read. The message is a sentence. Exit code 2."""


class EmptySourceError(SourceError):
    """The source can be read, and has no object of the extension's, or none yet."""


class ObjectError(Exception):
    """One object cannot be read. The message says why.

    `denied`: a permission is missing, which may be so for all. `gone`: it was deleted after it was listed.
    """

    def __init__(self, why: str, *, denied: bool = False, gone: bool = False) -> None:
        super().__init__(why)
        self.denied, self.gone = denied, gone


@dataclass(frozen=True)
class Item:
    """An object as it is listed."""

    key: str
    name: Name
    size: int  # bytes
    etag: str  # changes when the object does
    modified: datetime  # aware


@dataclass
class Listing:
    """The objects that can have lines of a window, and what else was seen."""

    items: list[Item] = field(default_factory=list)
    compacted: list[Compacted] = field(default_factory=list)
    foreign: int = 0  # keys that are not the extension's
    seen: int = 0  # keys in all
    whole: bool = False  # every key below the prefix was seen
    by_key: bool = False  # only what begins within the slack is listed

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of the extension's at all."""
        return self.whole and self.seen == self.foreign

    def has(self, name: Name, modified: datetime, window: Window) -> bool:
        """Return whether an object belongs to the listing of a window, wherever its lines are."""
        first = window.first_key if self.by_key else None
        return window.wants(name, modified) and (first is None or name.first >= first)


class Source(Protocol):
    """A bucket or a folder. `connections`: how many objects are read at a time."""

    connections: int
    prefix: str  # of all keys

    @property
    def identity(self) -> str:
        """A name for all that keys are told apart by: two sources with the same one hold the same objects."""

    def listed(self, window: Window, functions: Sequence[str]) -> Listing:
        """List the objects that can have lines of a window. Raises SourceError.

        Compacted objects are listed last. A source is deleted after the compacted object is there, so what the first
        listing misses is in the second.
        """

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return an object's bytes and its user metadata. Threads may call this. Raises ObjectError."""

    def put(self, key: str, file: Path) -> bool:
        """Store a file. Return False if there is an object of this key, which is left as it is. Raises SourceError."""

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete objects. Return why some could not be deleted, by key. Raises SourceError."""
