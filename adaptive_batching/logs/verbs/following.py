"""What `tail` prints of the lines that it sees first: by time, with marks where lines are missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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

    def take(
        self, keys: Iterable[str], entries: Sequence[tuple[Entry, int | None]], reached: Mapping[str, int]
    ) -> list[Shown]:
        """Take what is to be shown of new objects, and return it in order of time.

        With each entry comes the number of its environment that is next below it in these objects; `reached` has the
        highest of each environment. A gap is marked before the line that follows it, once. Lines that come later than
        their successors (an upload that was retried) are shown when they come.
        """
        shown = [Shown(entry, self._gap(entry, before)) for entry, before in entries]
        self.seen.update(keys)
        for environment, highest in reached.items():
            self.reached[environment] = max(highest, self.reached.get(environment, 0))
        return sorted(shown, key=lambda one: _order(one.entry))

    def _gap(self, entry: Entry, before: int | None) -> tuple[int, int] | None:
        known = [one for one in (before, self.reached.get(entry.environment or "")) if one is not None]
        if not known or entry.sequence is None or entry.sequence <= max(known) + 1:
            return None
        return max(known) + 1, entry.sequence - 1


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
