"""What is in the journal, by number: which entries it may forget, which segments hold a seal. Pure."""

from __future__ import annotations

from extension.journal import frames
from extension.journal.ranges import Ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.journal.scan import Leftover
    from extension.records.chunk import ReaderState


class Contents:
    """See the module. All that a process must know of what stands in earlier segments."""

    __slots__ = ("environment", "forgotten", "last", "replays", "seal_segments", "state")

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.last = 0  # the serial given last
        self.forgotten = Ranges()  # serials
        self.seal_segments: dict[int, int] = {}  # first serial of a chunk: number of its seal's segment
        self.replays: dict[int, int] = {}  # first serial of a chunk: replays begun and not ended
        self.state: ReaderState | None = None  # the reader's after the last seal

    def take_over(self, found: Leftover) -> None:
        """Go on where an earlier process has ended."""
        self.environment = found.environment or self.environment
        self.last, self.forgotten, self.seal_segments = found.last, found.forgotten, dict(found.seal_segments)
        self.replays, self.state = dict(found.replays), found.state

    def header(self, limit: int) -> frames.Header:
        """Return what a new segment tells first; `limit` is the journal's, in bytes."""
        told = frames.Header(self.environment, limit)
        told.last, told.forgotten = self.last, list(self.forgotten)
        told.replays, told.state = self.replays, self.state
        return told

    def sealed(self, state: ReaderState) -> None:
        """Take the reader's state after a chunk, unless that of a later one is there: a refused chunk is overtaken."""
        if self.state is None or state.sequence >= self.state.sequence:
            self.state = state

    def forget(self, first: int, last: int) -> bool:
        """Forget these entries; return whether there was any of them left."""
        if last < first or self.forgotten.cover(first, last):
            return False
        self.forgotten.add(first, last)
        for numbers in (self.seal_segments, self.replays):
            for number in [one for one in numbers if first <= one <= last]:
                del numbers[number]
        return True

    def only_in(self, segments: set[int]) -> None:
        """Forget the seals that stood in other segments than these."""
        self.seal_segments = {first: number for first, number in self.seal_segments.items() if number in segments}
