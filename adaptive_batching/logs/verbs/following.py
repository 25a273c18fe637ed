"""What `tail` prints of the lines that it sees first: by time, with marks where lines are missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adaptive_batching.logs.verbs.lines import Entry


@dataclass(frozen=True)
class Shown:
    """An entry, and the numbers of its environment that are missing before it (first and last), if some are."""

    entry: Entry
    gap: tuple[int, int] | None = None


@dataclass
class Following:
    """What has been seen so far. Objects never change, so an object is looked at once."""

    seen: set[str] = field(default_factory=set)
    #: The highest number of each environment.
    reached: dict[str, int] = field(default_factory=dict)
    newest: datetime | None = None

    def unseen(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that are new."""
        return [key for key in keys if key not in self.seen]

    def take(self, keys: Iterable[str], entries: Sequence[Entry]) -> list[Shown]:
        """Take the entries of new objects, and return them in order of time.

        A gap is marked before the line that follows it, once. Lines of an environment that come later than their
        successors (an upload that was retried) are shown when they come.
        """
        self.seen.update(keys)
        gaps: dict[tuple[str, int], tuple[int, int]] = {}
        numbered = [entry for entry in entries if entry.environment is not None and entry.sequence is not None]
        for entry in sorted(numbered, key=lambda one: (one.environment or "", one.sequence or 0)):
            environment, sequence = entry.environment or "", entry.sequence or 0
            before = self.reached.get(environment)
            if before is not None and sequence > before + 1:
                gaps[environment, sequence] = (before + 1, sequence - 1)
            self.reached[environment] = max(sequence, before or 0)
        moments = [entry.ts for entry in entries if entry.ts is not None]
        self.newest = max([*moments, *([self.newest] if self.newest else [])], default=None)
        shown = [Shown(one, gaps.get((one.environment or "", one.sequence or 0))) for one in entries]
        return sorted(shown, key=lambda one: _order(one.entry))


def _order(entry: Entry) -> tuple[datetime, str, int, int]:
    return (entry.ts or datetime.min, entry.environment or "", entry.sequence or 0, entry.line)  # noqa: DTZ901 - UTC


def mark(shown: Shown) -> str | None:
    """Return the mark of a gap before an entry."""
    if shown.gap is None:
        return None
    first, last = shown.gap
    count = last - first + 1
    which = f"line {first:,}" if count == 1 else f"lines {first:,} to {last:,}"
    return f"--- {which} of {shown.entry.environment} ({shown.entry.function}) missing, or not here yet ---"


def age(newest: datetime | None, now: datetime) -> str:
    """Return how old the newest line is. Both moments are in UTC, without a zone."""
    if newest is None:
        return "no line yet"
    seconds = max(0, round((now - newest).total_seconds()))
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"the newest line is {seconds} s old"
    minutes = seconds // 60
    return f"the newest line is {minutes} min old" if minutes < 120 else f"the newest line is {minutes // 60} h old"  # noqa: PLR2004
