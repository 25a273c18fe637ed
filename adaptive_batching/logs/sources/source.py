"""What a source of shipped objects is: something that lists them and reads one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adaptive_batching.logs.sources.keys import Name, Window


class SourceError(Exception):
    """The source cannot be read. The message is a sentence. Exit code 2."""


class ObjectError(Exception):
    """One object cannot be read. The message says why. `denied`: a permission is missing, which may be so for all."""

    def __init__(self, why: str, *, denied: bool = False) -> None:
        super().__init__(why)
        self.denied = denied


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
    foreign: int = 0  # keys that are not the extension's
    seen: int = 0  # keys in all
    whole: bool = False  # every key below the prefix was seen

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of the extension's at all."""
        return self.whole and self.seen == self.foreign


class Source(Protocol):
    """A bucket or a folder. `connections`: how many objects are read at a time."""

    connections: int

    @property
    def identity(self) -> str:
        """A name for all that keys are told apart by: two sources with the same one hold the same objects."""

    def listed(self, window: Window, functions: Sequence[str]) -> Listing:
        """List the objects that can have lines of a window. Raises SourceError."""

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return an object's bytes and its user metadata. Threads may call this. Raises ObjectError."""
