"""The journal as the extension sees it. Thread-safe; errors of the file system never leave it."""

import _thread
import errno
import os
import time

from extension.journal import frames, scan
from extension.journal.directory import SEGMENT, numbered, take
from extension.journal.ranges import Ranges
from extension.journal.segments import RESERVE_BYTES, Files, close

LARGEST = 64 * 1024 * 1024  # bytes: the limit, unless it is set, or an eighth of what is free is less
SHARE = 8  # the journal takes this part of what is free, for /tmp is the function's
SLOW_SECONDS = 0.05  # an append that took longer: the disk is not to delay the platform's answer
REST_SECONDS = 10.0  # in which memory serves then, and after an error
ATTEMPTS = 3  # at writing again what somebody is just removing
AGAIN_SECONDS = 60.0  # before a line of the same kind may be said again, if all was well in between

ADVICE = "until it can, a crash of the extension loses what waits in memory; nothing else changes"


class Journal:
    """What was received and is neither stored nor given up. `left` is what an earlier process left behind.

    A serial is the number of an entry; 0 stands for a body that is not in the journal.
    """

    def __init__(
        self, parent: str, environment: str, say: "Say", limit: int = 0, now: "Callable[[], float]" = time.monotonic
    ) -> None:
        """See `open`. A journal that is not opened keeps nothing."""
        self.environment = environment
        self.limit = limit
        self.left = scan.Leftover()
        self.wipes = 0
        self._parent = parent
        self._asked = limit
        self._say = say
        self._now = now
        self._lock = _thread.allocate_lock()
        self._files: "Files | None" = None
        self._closed = False
        self._serial = 0
        self._gone = Ranges()
        self._homes: "dict[int, int]" = {}  # first serial of a sealed chunk: number of the segment with its seal
        self._replays: "dict[int, int]" = {}
        self._state: "ReaderState | None" = None
        self._behind = False  # a frame that had to be written was not
        self._adrift: "list[scan.Segment]" = []  # in no folder for the moment, since somebody removed it
        self._rest_until = 0.0
        self._told: "dict[str, float]" = {}  # what was said, and when

    @classmethod
    def open(
        cls, parent: str, environment_id: str, say: "Say", limit: int = 0, now: "Callable[[], float]" = time.monotonic
    ) -> "Journal":
        """The journal in a folder of `parent`, of at most `limit` bytes (0: it depends on what is free).

        `environment_id` counts if there is no older one; `.environment` tells. Takes over what a dead process left.
        """
        journal = cls(parent, environment_id, say, limit, now)
        try:
            folder = take(parent)
        except OSError as error:
            journal._broken(error)
            return journal
        try:
            journal._take_over(scan.find(folder, limit, LARGEST, RESERVE_BYTES), folder)
        except OSError as error:
            folder.close()
            journal._files = None
            journal._broken(error)
        return journal

    # what the listener and the consumer call

    def append(self, body: bytes, wall: float) -> int:
        """Keep a body that arrived at `wall` (seconds since the epoch); its serial, or 0 if memory has to serve."""
        with self._lock:
            began = self._now()
            if not self._ready(began):
                return 0
            serial = self._serial + 1
            head = frames.entry(serial, wall, body)
            if not self._fits(len(head) + len(body)) or not self._put(head, body):
                return 0
            self._serial = serial
            self._files.current.note(serial)  # type: ignore[union-attr]  # _ready says it is there
            ended = self._now()
            if ended - began > SLOW_SECONDS:
                self._rest_until = ended + REST_SECONDS
                fields: "dict[str, object]" = {"milliseconds": round((ended - began) * 1000), "seconds": REST_SECONDS}
                self._tell("slow", "the disk is slow: for some seconds what arrives is kept in memory alone", fields)
            elif self._told:
                self._recovered(ended)
            return serial

    def seal(self, seal: "Seal", after: "ReaderState") -> bool:
        """Before the first attempt at an upload: what makes the chunk again. `after`: the reader's state behind it.

        False if it could not be written: a kill between the PUT and `forget` then ships these entries once more.
        """
        with self._lock:
            self._state = after
            written = self._must(frames.seal(frames.Sealed(seal, after, seal.environment or self.environment)))
            if written and seal.first and self._files:
                self._homes[seal.first] = self._files.current.number
            return written

    def forget(self, last: int, first: int = 1) -> None:
        """The entries `first` to `last` are stored or counted as lost."""
        with self._lock:
            self._forget(first, last)

    def replaying(self, first: int) -> None:
        """Count, before it is tried: what begins with entry `first` is about to be made again."""
        with self._lock:
            self._replays[first] = self._replays.get(first, 0) + 1
            self._must(frames.serials(frames.REPLAYING, first))

    def replayed(self, first: int) -> None:
        """It could be made: whatever becomes of its upload, it is no poison."""
        with self._lock:
            if self._replays.pop(first, 0):
                self._must(frames.serials(frames.REPLAYED, first))

    def set_aside(self, first: int, last: int) -> bool:
        """Move poison out of the way, into a file of its own; False if there was no room, and only `forget` is done."""
        copies = [(frames.entry(serial, wall, body), body) for serial, wall, body in self.entries(first, last)]
        done = False
        with self._lock:
            if self._alive() and self._files:
                try:
                    self._files.set_aside(first, copies, self.limit - self._files.used)
                    done = True
                except OSError as error:
                    self._tell("aside", "a chunk that cannot be made again is dropped", {"why": str(error)})
            self._forget(first, last)
        return done

    def entries(self, first: int, last: int) -> "Iterator[tuple[int, float, bytes]]":
        """Serial, arrival (seconds since the epoch) and body of the entries in this range, one in memory at a time.

        Those that are forgotten, or cannot be read any more, are missing.
        """
        with self._lock:
            numbers = [one.number for one in self._held() if _meet(one, first, last)]
        for number in numbers:
            descriptor = -1
            try:
                descriptor, whole = self._opened(number)
                for entry in scan.entries(descriptor, whole, first, last) if whole else ():
                    if not self._gone.cover(entry[0], entry[0]):
                        yield entry
            except OSError as error:
                self._tell("read", "a file of the journal cannot be read: what is in it is lost", {"why": str(error)})
            finally:
                if descriptor >= 0:
                    os.close(descriptor)

    def _opened(self, number: int) -> "tuple[int, int]":
        """A descriptor of this segment, to be closed by the caller, and the bytes that can be read; 0 if it has gone.

        Not its name: the file may be removed, and be written again, meanwhile.
        """
        with self._lock:
            for one in self._held():
                if one.number == number and one.descriptor >= 0:
                    return os.dup(one.descriptor), one.whole
        return -1, 0

    def recent(self) -> "Iterator[bytes]":
        """The last bodies that came before this process began, oldest first, as far as they are still there."""
        files = self._files
        for number, at, size in self.left.recent if files else []:
            try:
                descriptor = files.folder.read(numbered(SEGMENT, number))  # type: ignore[union-attr]  # there is one
            except OSError:
                continue  # it was removed: it is not in the journal any more
            try:
                yield os.pread(descriptor, size, at)
            finally:
                os.close(descriptor)

    def rename(self, environment_id: str) -> None:
        """From here on this is another environment: a snapshot was restored."""
        with self._lock:
            self.environment = environment_id
            if self._files:
                self._begin()

    def file(self) -> int:
        """The descriptor of a new file without a name, to be closed by the caller; -1 if memory has to serve."""
        with self._lock:
            if not self._alive() or not self._files:
                return -1
            try:
                return self._files.spool()
            except OSError as error:
                self._broken(error)
                return -1

    def outlive(self) -> None:
        """The process ends: what the next one needs is there, even if somebody has just cleared /tmp."""
        with self._lock:
            self._rest_until = 0.0
            self._alive()

    def close(self) -> None:
        """Let the folder go; what is in it stays for the next process."""
        with self._lock:
            self._closed = True
            if self._files:
                self._files.close()
            self._files = None
            close(self._adrift)

    # under the lock

    def _held(self) -> "list[scan.Segment]":
        return [*(self._files.segments if self._files else ()), *self._adrift]

    def _ready(self, now: float) -> bool:
        """Whether an entry may be written now."""
        if now < self._rest_until:
            return False
        if not self._alive():
            return False
        if self._files and not self._files.has_reserve:
            try:
                self._files.reserve()
            except OSError as error:
                self._broken(error)
                return False
        return True

    def _alive(self) -> bool:
        """Whether there is a folder to write to; writes again what somebody has removed from /tmp."""
        files = self._files
        if self._closed:
            return False
        if files and not self._adrift and not files.is_wiped:
            return True
        if self._now() < self._rest_until:
            return False
        if files and files.is_wiped:
            self.wipes += 1
            self._tell("wiped", "the journal was removed from /tmp: it is written again", {"folder": files.folder.path})
        for again in range(ATTEMPTS):
            try:
                return self._write_again()
            except FileNotFoundError as error:  # /tmp is being cleared at this very moment
                if again == ATTEMPTS - 1:
                    self._broken(error)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):  # what is removed takes room as long as it is open
                    close(self._adrift)
                    self._adrift = []
                self._broken(error)
                break
        return False

    def _write_again(self) -> bool:
        files = self._files
        if files:
            files.purge(self._gone, self._homes.values())
            self._adrift += files.take_missing()
        if not files or files.folder.is_gone:
            self._files = None
            if files:
                files.close()
            self._use(Files(take(self._parent, empty=True), [], 0))
        last = self._adrift[-1] if self._adrift else None
        self._files.write_again(self._adrift)  # type: ignore[union-attr]  # there is one by now
        there = {segment.number for segment in self._files.segments}  # type: ignore[union-attr]  # the same
        self._homes = {first: number for first, number in self._homes.items() if number in there}
        # All that is known stands in the header of a new segment; in the old one only if no frame of it is missing.
        return (not self._behind and self._files.go_on(last)) or self._begin()  # type: ignore[union-attr]  # the same

    def _take_over(self, found: scan.Leftover, folder: "Folder") -> None:
        self._use(Files(folder, found.segments, found.number))
        self.left = found
        self.environment = found.environment or self.environment
        self._serial, self._gone, self._homes = found.last, found.forgotten, dict(found.homes)
        self._replays, self._state = dict(found.replays), found.state
        self._begin()

    def _use(self, files: Files) -> None:
        self._files = files
        free = (files.folder.free() + files.used) // SHARE
        self.limit = self._asked or min(LARGEST, free)
        files.share(self.limit)

    def _begin(self) -> bool:
        """Begin a new segment; False if that fails."""
        told = frames.Header(self.environment, self.limit)
        told.last, told.forgotten, told.replays, told.state = self._serial, list(self._gone), self._replays, self._state
        try:
            if self._files:
                self._files.begin(frames.header(told))
        except OSError as error:
            self._broken(error)
            return False
        self._behind = False
        return True

    def _fits(self, size: int) -> bool:
        files = self._files
        if not files:
            return False
        if files.used + size <= self.limit:
            return True
        fields: "dict[str, object]" = {"limit_bytes": self.limit, "folder": files.folder.path}
        self._tell("full", f"the journal is full: {ADVICE}", fields)
        return False

    def _put(self, head: bytes, body: bytes = b"") -> bool:
        files = self._files
        if not files or (not files.takes(len(head) + len(body)) and not self._begin()):
            return False
        try:
            files.put(head, body)
        except OSError as error:
            self._broken(error)
            return False
        return True

    def _must(self, frame: bytes) -> bool:
        """Write what must get in although the journal or the disk is full."""
        written = self._put_anyway(frame)
        self._behind = self._behind or not written
        return written

    def _put_anyway(self, frame: bytes) -> bool:
        if not self._alive() or not self._files or self._files.used + len(frame) > self.limit + RESERVE_BYTES:
            return False
        if self._put(frame):
            return True
        try:
            self._files.use_reserve()
        except OSError:
            return False
        return self._put(frame)

    def _forget(self, first: int, last: int) -> None:
        if last < first or self._gone.cover(first, last):
            return
        self._gone.add(first, last)
        for numbers in (self._homes, self._replays):
            for number in [one for one in numbers if first <= one <= last]:
                del numbers[number]
        self._must(frames.serials(frames.FORGET, first, last))
        try:
            if self._files:
                self._files.purge(self._gone, self._homes.values())
        except OSError as error:
            self._broken(error)

    def _broken(self, error: OSError) -> None:
        self._rest_until = self._now() + REST_SECONDS
        where = self._files.folder.path if self._files else self._parent
        fields: "dict[str, object]" = {"why": str(error), "folder": where}
        self._tell("broken", f"the journal cannot be written: {ADVICE}", fields)

    def _tell(self, what: str, message: str, fields: "dict[str, object]") -> None:
        if what not in self._told:
            self._told[what] = self._now()
            self._say("warning", message, fields)

    def _recovered(self, now: float) -> None:
        for what in ("full", "broken"):
            if now - self._told.get(what, now) > AGAIN_SECONDS:
                del self._told[what]


def _meet(segment: scan.Segment, first: int, last: int) -> bool:
    return bool(segment.first) and segment.first <= last and first <= segment.last


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from extension.events import ReaderState, Seal
    from extension.journal.directory import Folder

    Say: TypeAlias = Callable[[str, str, dict[str, object]], None]
