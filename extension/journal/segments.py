"""The journal's files while it is in use: one segment is appended to, the others wait to be removed.

Raises OSError; what to do then is decided in `journal`.
"""

from __future__ import annotations

import errno
import os

from extension.journal.directory import ASIDE, RESERVE, SEGMENT, SPOOL, numbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from extension.journal.directory import Folder
    from extension.journal.ranges import Ranges

SEGMENT_BYTES = 1024 * 1024  # of a segment; a longer entry has one of its own
RESERVE_BYTES = 128 * 1024  # of a file that is given up when the disk is full, so that a seal still gets in
PIECE_BYTES = 1024 * 1024  # that are copied at once
PARTS = 8  # a segment takes one of the limit, the reserve another: six are left for the longest entry, always


class Segment:
    """One file of the journal, and which entries stand in it."""

    __slots__ = ("_identity", "descriptor", "first", "is_torn", "last", "number", "size", "whole")

    def __init__(self, number: int, size: int = 0) -> None:
        self.number = number
        self.size = size  # bytes of the file
        self.whole = size  # bytes up to where it can be read
        self.is_torn = False  # another process has cut it: it is not gone on with
        self.first = 0  # serials; 0: none
        self.last = 0
        self.descriptor: int | None = None  # it stays open: what is removed can be read all the same
        self._identity: tuple[int, int] | None = None

    def fileno(self) -> int:
        """Return the descriptor. OSError if the file could not be opened."""
        if self.descriptor is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.descriptor

    def is_whole(self, there: os.stat_result) -> bool:
        """Return whether the file of this status is this one, with all that was written to it. OSError."""
        if self._identity is None:
            mine = os.fstat(self.fileno())
            self._identity = (mine.st_dev, mine.st_ino)
        return (there.st_dev, there.st_ino) == self._identity and there.st_size >= self.size

    def written_again(self, descriptor: int) -> None:
        """Be another file from here on, which holds what could be read of this one."""
        self.descriptor, self.size, self._identity = descriptor, self.whole, None

    def note(self, serial: int) -> None:
        """Note that this entry stands here."""
        self.first = min(self.first or serial, serial)
        self.last = max(self.last, serial)


class Files:
    """The segments in one folder, what they take, and the one that is written."""

    def __init__(self, folder: Folder, segments: list[Segment], number: int) -> None:
        """Take over the `segments` that are there; the next one gets a number above `number`."""
        self.folder = folder
        self.segments = segments
        self._segment_bytes = SEGMENT_BYTES
        self._reserve_bytes = RESERVE_BYTES
        self._number = number
        self.is_open = False  # whether there is a segment to write to
        self._begun = 0  # bytes of the current segment's header
        self._reserved = 0
        self._aside = sum(folder.numbered(ASIDE).values())
        try:
            for segment in segments:
                segment.descriptor = folder.read(numbered(SEGMENT, segment.number))
            folder.remove(RESERVE)
            for left in folder.numbered(SPOOL):  # of a process that was killed between making and hiding it
                folder.remove(numbered(SPOOL, left))
        except OSError:
            pass  # what cannot be opened cannot be rescued; where nothing can be removed, the first write says so

    def share(self, limit: int) -> None:
        """Keep to these bytes: a small journal too has several segments, so that some can go."""
        self._segment_bytes = min(SEGMENT_BYTES, limit // PARTS)
        self._reserve_bytes = min(RESERVE_BYTES, limit // PARTS)

    @property
    def used(self) -> int:
        """Bytes that the journal takes."""
        total = self._reserved + self._aside
        for segment in self.segments:
            total += segment.size
        return total

    @property
    def current(self) -> Segment:
        """The segment that is written."""
        return self.segments[-1]

    @property
    def is_in_place(self) -> bool:
        """Whether folder and outer segments are where they were, and whole: the answer of one look at each.

        False where it cannot be seen, too: `is_wiped` says what there is to it.
        """
        try:
            return self.folder.is_in_place and all(
                segment.is_whole(self.folder.status(numbered(SEGMENT, segment.number))) for segment in self._outer
            )
        except OSError:
            return False

    @property
    def is_going_on(self) -> bool:
        """Whether the segment that is written has neither been removed nor cut; where it is now is not looked at."""
        if not self.is_open:
            return False
        try:
            status = os.fstat(self.current.fileno())
        except OSError:
            return False
        return status.st_nlink > 0 and status.st_size >= self.current.size

    @property
    def is_wiped(self) -> bool:
        """Whether another process has removed or moved the folder, or removed, moved or cut an outer segment."""
        return self.folder.is_removed or any(self._is_missing(segment) for segment in self._outer) or self.is_cut

    @property
    def is_cut(self) -> bool:
        """Whether another process has cut the oldest segment or the one that is written: what stood there is lost."""
        return any(_is_cut(segment) for segment in self._outer)

    @property
    def _outer(self) -> tuple[Segment, ...]:
        if not self.is_open:
            return ()
        oldest, current = self.segments[0], self.current
        return (current,) if oldest is current else (current, oldest)

    def takes(self, size: int) -> bool:
        """Return whether so many bytes belong into the current segment."""
        if not self.is_open:
            return False
        return self.current.size == self._begun or self.current.size + size <= self._segment_bytes

    def begin(self, header: bytes) -> None:
        """Begin a new segment; the old one stays as it is if that fails."""
        self._number += 1
        name = numbered(SEGMENT, self._number)
        descriptor = self.folder.create(name)
        try:
            _write(descriptor, header, b"")
        except OSError:
            os.close(descriptor)
            self.folder.remove(name)
            raise
        self.is_open, self._begun = True, len(header)
        self.segments.append(Segment(self._number, len(header)))
        self.current.descriptor = descriptor

    def put(self, head: bytes, body: bytes = b"") -> None:
        """Append one frame, in one call. If it does not get in whole, nothing of it stays."""
        current = self.current
        try:
            _write(current.fileno(), head, body)
        except OSError:
            try:
                os.ftruncate(current.fileno(), current.size)
            except OSError:
                self.is_open = False  # what follows goes into a new segment; a torn tail is cut when it is read
            raise
        current.size = current.whole = current.size + len(head) + len(body)

    def purge(self, forgotten: Ranges, pinned: Collection[int]) -> None:
        """Remove the segments whose entries are all `forgotten` and whose numbers are not `pinned` by a seal."""
        kept: list[Segment] = []
        for segment in self.segments[:-1] if self.is_open else self.segments:
            if segment.number in pinned or (segment.first and not forgotten.cover(segment.first, segment.last)):
                kept.append(segment)
            else:
                self.folder.remove(numbered(SEGMENT, segment.number))
                close([segment])
        self.segments = [*kept, self.current] if self.is_open else kept

    def reserve(self) -> None:
        """Set room aside, if it is not yet, for what must get in even when the disk is full."""
        if self._reserved:
            return
        descriptor = self.folder.create(RESERVE)
        try:
            os.posix_fallocate(descriptor, 0, max(self._reserve_bytes, 1))
        except OSError:
            self.folder.remove(RESERVE)
            raise
        finally:
            os.close(descriptor)
        self._reserved = max(self._reserve_bytes, 1)

    def use_reserve(self) -> None:
        """Give that room up."""
        self.folder.remove(RESERVE)
        self._reserved = 0

    def quarantine(self, number: int, copies: Iterable[tuple[bytes, bytes]], most: int) -> None:
        """Write a file of frames that no process reads again. OSError, and no file, if they take over `most` bytes."""
        name = numbered(ASIDE, number)
        descriptor = self.folder.create(name)
        size = 0
        try:
            for head, body in copies:
                size += len(head) + len(body)
                _write(descriptor, head, body, most - size)
        except OSError:
            self.folder.remove(name)
            raise
        finally:
            os.close(descriptor)
        self._aside += size

    def spool(self) -> int:
        """Return the descriptor of a new file without a name: it cannot be removed, and it goes with its last user."""
        self._number += 1
        name = numbered(SPOOL, self._number)
        descriptor = self.folder.create(name)
        self.folder.remove(name)
        return descriptor

    def take_missing(self) -> list[Segment]:
        """Keep the segments whose files are still there, return the others. Nothing is appended to any of them.

        Of a file that was cut what is left of it stays.
        """
        self.is_open = False
        for segment in self.segments:
            if _is_cut(segment):
                segment.size = os.fstat(segment.fileno()).st_size
                segment.whole = min(segment.whole, segment.size)
                segment.is_torn = True
        missing = [segment for segment in self.segments if self.folder.is_removed or self._is_missing(segment)]
        self.segments = [segment for segment in self.segments if segment not in missing]
        self.folder.remove(RESERVE)
        self._reserved = 0
        return missing

    def write_again(self, missing: list[Segment]) -> None:
        """Take in segments that were removed: they are open, and can still be read.

        What got in is no longer in the list. OSError: not all did.
        """
        while missing:
            if missing[0].descriptor is not None:
                self._copy(missing[0])
            del missing[0]

    def _is_missing(self, segment: Segment) -> bool:
        if segment.descriptor is None:
            return False
        status = os.fstat(segment.descriptor)
        return status.st_nlink == 0 or not self.folder.holds(numbered(SEGMENT, segment.number), status)

    def _copy(self, segment: Segment) -> None:
        name = numbered(SEGMENT, segment.number)
        self.folder.remove(name)  # another file may have its name by now
        descriptor = self.folder.create(name)
        try:
            for at in range(0, segment.whole, PIECE_BYTES):
                _write(descriptor, os.pread(segment.fileno(), min(PIECE_BYTES, segment.whole - at), at), b"")
        except OSError:
            os.close(descriptor)
            self.folder.remove(name)
            raise
        close([segment])
        segment.written_again(descriptor)
        self.segments = sorted([*self.segments, segment], key=lambda one: one.number)
        self._number = max(self._number, segment.number)

    def go_on(self, last: Segment | None) -> bool:
        """Write on in the last segment, if it was just written again; whether there is room in it."""
        self.is_open = (
            last is not None and self.current is last and not last.is_torn and last.size < self._segment_bytes
        )
        self._begun = 0
        return self.is_open

    def close(self) -> None:
        """Close everything, and let the folder go."""
        close(self.segments)
        self.folder.close()


def close(segments: Iterable[Segment]) -> None:
    """Let the files of these segments go."""
    for segment in segments:
        if segment.descriptor is not None:
            os.close(segment.descriptor)
            segment.descriptor = None


def _is_cut(segment: Segment) -> bool:
    return segment.descriptor is not None and os.fstat(segment.descriptor).st_size < segment.size


def _write(descriptor: int, head: bytes, body: bytes, room: int = 0) -> None:
    if room < 0:
        raise OSError(errno.EFBIG, "the journal has no room left for it")
    if os.writev(descriptor, (head, body)) < len(head) + len(body):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
