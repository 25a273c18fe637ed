"""What an earlier process left in the journal: each segment is read once, one frame in memory at a time."""

from __future__ import annotations

import os

from extension.journal import frames
from extension.journal.directory import SEGMENT, numbered
from extension.journal.ranges import Ranges
from extension.journal.segments import Segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.journal.directory import Folder
    from extension.records.chunk import ReaderState, Seal

RECENT = 64  # bodies whose place is remembered, to know one that is sent again


class Leftover:
    """What was found. `seals`: chunks to ship first, oldest first; `unsealed`: ranges of serials in no chunk."""

    def __init__(self) -> None:
        self.environment = ""  # "": there is no journal of an earlier process
        self.last = 0  # serial given last
        self.forgotten = Ranges()
        self.seals: list[Seal] = []
        self.unsealed: list[tuple[int, int]] = []
        self.replays: dict[int, int] = {}  # first serial: replays that were begun and did not end
        self.state: ReaderState | None = None  # of the reader behind the last seal, stored or not
        self.segments: list[Segment] = []
        self.seal_segments: dict[int, int] = {}  # first serial of a sealed chunk: number of the segment with its seal
        self.likely: dict[int, int] = {}  # serial: records that its body is likely to have
        self.recent: list[tuple[int, int, int]] = []  # of the last bodies: segment, where it begins, bytes
        self.torn_bytes = 0  # that cannot be read, in
        self.torn = 0  # so many segments
        self.over_bytes = 0  # of segments that were not read: more than the journal may hold
        self.number = 0  # of the newest segment


def find(
    folder: Folder, limit: int, largest: int, slack: int, likely: Callable[[bytes], int] = lambda _: 1
) -> Leftover:
    """Read what is there, but no more than the limit it was written with (`largest` at most), or `limit` if larger.

    `slack` bytes may come on top, for seals. What is over is the oldest. `likely` tells how many records a body is
    likely to have. OSError if not even the names can be read.
    """
    left = Leftover()
    sizes = folder.numbered(SEGMENT)
    most = max(limit, _written_with(folder, sizes, largest)) + slack
    left.number = max(sizes, default=0)
    total = 0
    for number in reversed(list(sizes)):
        total += sizes[number]
        if total > most:
            left.over_bytes += sizes[number]
            _drop(folder, number)
        else:
            left.segments.insert(0, Segment(number, sizes[number]))
    present = Ranges()
    found: dict[int, Seal] = {}
    for segment in left.segments:
        gaps = _read(folder, segment, left, found, likely)
        if segment.first:
            present.add(segment.first, segment.last)
        left.torn_bytes += gaps + segment.size - segment.whole
        left.torn += gaps > 0 or segment.size > segment.whole
    in_chunks: list[tuple[int, int]] = []
    for _, seal in sorted(found.items()):
        if seal.entries and not left.forgotten.cover(*seal.entries):
            left.seals.append(seal)
            in_chunks.append(seal.entries)
    left.seal_segments = {first: left.seal_segments[first] for first, _ in in_chunks}
    left.replays = {first: count for first, count in left.replays.items() if not left.forgotten.cover(first, first)}
    left.unsealed = list(present.without(left.forgotten).without(in_chunks))
    return left


def entries(descriptor: int, whole: int, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
    """Yield serial, arrival and body of the entries `first` to `last` in a segment's `whole` readable bytes. OSError.

    Another thread may be appending by the same descriptor: it is read without moving its position.
    """
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        piece = os.pread(descriptor, size, at)
        at += len(piece)
        return piece

    for kind, payload, _ in frames.valid(read, whole):
        if kind == frames.ENTRY:
            try:
                one = frames.read_entry(payload)
            except ValueError:
                continue  # it was counted when the segment was read first
            if first <= one[0] <= last:
                yield one


def _frames(folder: Folder, segment: Segment) -> Iterator[tuple[int, bytes, int]]:
    descriptor = folder.read(numbered(SEGMENT, segment.number))
    with os.fdopen(descriptor, "rb") as file:
        yield from frames.valid(file.read, segment.whole)


def _drop(folder: Folder, number: int) -> None:
    try:
        folder.remove(numbered(SEGMENT, number))
    except OSError:
        pass  # left in place: the next process will find it again


def _written_with(folder: Folder, sizes: dict[int, int], largest: int) -> int:
    """Return the limit that the newest header names: if /tmp has filled up since, what was journalled is still read."""
    for number in reversed(list(sizes)):
        try:
            for kind, payload, _ in _frames(folder, Segment(number, sizes[number])):
                if kind == frames.HEADER:
                    return min(frames.read_header(payload).limit, largest)
                break
        except (OSError, ValueError):
            continue  # it is looked at, and counted, with all others
    return 0


def _read(
    folder: Folder, segment: Segment, left: Leftover, found: dict[int, Seal], likely: Callable[[bytes], int]
) -> int:
    """Take in what a segment tells; return the bytes of frames that cannot be read and have others behind them."""
    gaps = segment.whole = 0
    try:
        for kind, payload, end in _frames(folder, Segment(segment.number, segment.size)):
            if (kind == frames.HEADER) != (segment.whole == 0):
                break  # a file that does not begin with its header, or was written over
            try:
                if kind == frames.ENTRY:
                    serial, _, body = frames.read_entry(payload)
                    segment.note(serial)
                    left.last = max(left.last, serial)
                    left.likely[serial] = likely(body)
                    left.recent.append((segment.number, end - len(body), len(body)))
                    del left.recent[:-RECENT]
                else:
                    _note(kind, payload, segment.number, left, found)
            except ValueError:
                if kind == frames.HEADER:
                    break
                continue  # its checksum is right, and it says what is never written
            gaps += end - len(payload) - frames.PREFIX_BYTES - segment.whole
            segment.whole = end
    except OSError:
        pass  # what was read so far is used, the rest counts as torn
    return gaps


def _note(kind: int, payload: bytes, number: int, left: Leftover, found: dict[int, Seal]) -> None:
    if kind == frames.HEADER:
        told = frames.read_header(payload)
        left.environment, left.replays = told.environment, told.replays
        left.last, left.state = max(left.last, told.last), told.state
        for first, last in told.forgotten:
            left.forgotten.add(first, last)
    elif kind == frames.SEAL:
        seal = frames.read_seal(payload)
        if left.state is None or seal.after.sequence >= left.state.sequence:  # a refused chunk is overtaken
            left.state = seal.after
        if seal.first:
            found[seal.first] = seal
            left.seal_segments[seal.first] = number
    elif kind == frames.FORGET:
        first, last = frames.read_serials(payload, 2)
        left.forgotten.add(first, last)
    elif kind == frames.REPLAYING:
        (first,) = frames.read_serials(payload, 1)
        left.replays[first] = left.replays.get(first, 0) + 1
    elif kind == frames.REPLAYED:
        left.replays.pop(frames.read_serials(payload, 1)[0], None)
