"""What an earlier process left in the journal: each segment is read once, one frame in memory at a time."""

import os

from extension.journal import frames
from extension.journal.directory import SEGMENT, numbered
from extension.journal.ranges import Ranges

RECENT = 64  # bodies whose place is remembered, to know one that is sent again


class Segment:
    """One file of the journal, and which entries stand in it."""

    __slots__ = ("descriptor", "first", "last", "number", "size", "whole")

    def __init__(self, number: int, size: int = 0) -> None:
        self.number = number
        self.size = size  # bytes of the file
        self.whole = size  # bytes up to where it can be read
        self.first = 0  # serials; 0: none
        self.last = 0
        self.descriptor = -1  # it stays open: what somebody removes can be read all the same

    def note(self, serial: int) -> None:
        """An entry stands here."""
        self.first = self.first or serial
        self.last = serial


class Leftover:
    """What was found. `seals`: chunks to ship first, oldest first; `unsealed`: ranges of serials in no chunk."""

    def __init__(self) -> None:
        self.environment = ""  # "": there is no journal of an earlier process
        self.last = 0  # serial given last
        self.forgotten = Ranges()
        self.seals: "list[frames.Sealed]" = []
        self.unsealed: "list[tuple[int, int]]" = []
        self.replays: "dict[int, int]" = {}  # first serial: replays that were begun and did not end
        self.state: "ReaderState | None" = None  # of the reader behind the last seal, stored or not
        self.segments: "list[Segment]" = []
        self.homes: "dict[int, int]" = {}  # first serial of a sealed chunk: number of the segment with its seal
        self.recent: "list[tuple[int, int, int]]" = []  # of the last bodies: segment, where it begins, bytes
        self.torn_bytes = 0  # that cannot be read, in
        self.torn = 0  # so many segments
        self.over_bytes = 0  # of segments that were not read: more than the journal may hold
        self.number = 0  # of the newest segment


def find(folder: "Folder", limit: int, largest: int, slack: int) -> Leftover:
    """Read what is there, but no more than the limit it was written with (`largest` at most), or `limit` if larger.

    `slack` bytes may come on top, for seals. What is over is the oldest. OSError if not even the names can be read.
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
    found: "dict[int, frames.Sealed]" = {}
    for segment in left.segments:
        _read(folder, segment, left, found)
        if segment.first:
            present.add(segment.first, segment.last)
        left.torn_bytes += segment.size - segment.whole
        left.torn += segment.size > segment.whole
    for first, sealed in sorted(found.items()):
        if not left.forgotten.cover(first, sealed.seal.last):
            sealed.replays = left.replays.get(first, 0)
            left.seals.append(sealed)
    left.homes = {sealed.seal.first: left.homes[sealed.seal.first] for sealed in left.seals}
    left.replays = {first: count for first, count in left.replays.items() if not left.forgotten.cover(first, first)}
    in_chunks = [(sealed.seal.first, sealed.seal.last) for sealed in left.seals]
    left.unsealed = list(present.without(left.forgotten).without(in_chunks))
    return left


def entries(descriptor: int, whole: int, first: int, last: int) -> "Iterator[tuple[int, float, bytes]]":
    """Serial, arrival and body of the entries `first` to `last` in a segment with `whole` readable bytes. OSError.

    Somebody may be appending by the same descriptor: it is read without moving its position.
    """
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        piece = os.pread(descriptor, size, at)
        at += len(piece)
        return piece

    for kind, payload, _ in frames.whole(read, whole):
        if kind == frames.ENTRY:
            one = frames.read_entry(payload)
            if first <= one[0] <= last:
                yield one


def _frames(folder: "Folder", segment: Segment) -> "Iterator[tuple[int, bytes, int]]":
    descriptor = folder.read(numbered(SEGMENT, segment.number))
    with os.fdopen(descriptor, "rb") as file:
        yield from frames.whole(file.read, segment.whole)


def _drop(folder: "Folder", number: int) -> None:
    try:
        folder.remove(numbered(SEGMENT, number))
    except OSError:
        pass  # it is not read, and so neither shipped nor missed; the next process finds it again


def _written_with(folder: "Folder", sizes: "dict[int, int]", largest: int) -> int:
    """The limit that the newest header names: when /tmp has filled up since, what was journalled is still read."""
    for number in reversed(list(sizes)):
        try:
            for kind, payload, _ in _frames(folder, Segment(number, sizes[number])):
                if kind == frames.HEADER:
                    return min(frames.read_header(payload).limit, largest)
                break
        except (OSError, ValueError):
            continue  # it is looked at, and counted, with all others
    return 0


def _read(folder: "Folder", segment: Segment, left: Leftover, found: "dict[int, frames.Sealed]") -> None:
    segment.whole = 0
    try:
        for kind, payload, end in _frames(folder, Segment(segment.number, segment.size)):
            if (kind == frames.HEADER) != (segment.whole == 0):
                return  # a file that does not begin with its header, or was written over
            if kind == frames.ENTRY:
                serial, _, body = frames.read_entry(payload)
                segment.note(serial)
                left.last = max(left.last, serial)
                left.recent.append((segment.number, end - len(body), len(body)))
                del left.recent[:-RECENT]
            else:
                _note(kind, payload, segment.number, left, found)
            segment.whole = end
    except (OSError, ValueError):
        return  # not ours, or unreadable: what was read so far is used, the rest counts as torn


def _note(kind: int, payload: bytes, number: int, left: Leftover, found: "dict[int, frames.Sealed]") -> None:
    if kind == frames.HEADER:
        told = frames.read_header(payload)
        left.environment, left.replays = told.environment, told.replays
        left.last, left.state = max(left.last, told.last), told.state
        for first, last in told.forgotten:
            left.forgotten.add(first, last)
    elif kind == frames.SEAL:
        sealed = frames.read_seal(payload)
        left.state = sealed.after
        if sealed.seal.first:
            found[sealed.seal.first] = sealed
            left.homes[sealed.seal.first] = number
    elif kind == frames.FORGET:
        first, last = frames.read_serials(payload, 2)
        left.forgotten.add(first, last)
    elif kind == frames.REPLAYING:
        (first,) = frames.read_serials(payload, 1)
        left.replays[first] = left.replays.get(first, 0) + 1
    elif kind == frames.REPLAYED:
        left.replays.pop(frames.read_serials(payload, 1)[0], None)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.events import ReaderState
    from extension.journal.directory import Folder
