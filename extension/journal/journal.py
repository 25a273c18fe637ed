"""The journal as the extension sees it. Thread-safe; errors of the file system never leave it."""

from __future__ import annotations

import _thread
import errno
import os
import time

from extension.journal import frames, scan
from extension.journal.directory import SEGMENT, numbered, take
from extension.journal.health import Health
from extension.journal.ranges import Ranges
from extension.journal.segments import RESERVE_BYTES, Files, Segment, close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.journal.directory import Folder
    from extension.journal.health import Say
    from extension.records.chunk import ReaderState, Seal

LARGEST = 64 * 1024 * 1024  # bytes: the limit, unless it is set, or an eighth of what is free is less
SHARE = 8  # the journal takes this part of what is free, for /tmp is the function's
LOOK_SECONDS = 0.05  # for so long the last look at folder and files counts, as long as the file is no other
ATTEMPTS = 3  # at writing again what another process is just removing


class Journal:
    """What was received and is neither stored nor given up. `left` is what an earlier process left behind.

    A serial is the number of an entry, from 1 on.
    """

    def __init__(
        self, parent: str, environment: str, say: Say, limit: int = 0, now: Callable[[], float] = time.monotonic
    ) -> None:
        """See `open`. A journal that is not opened keeps nothing."""
        self.environment = environment
        self.limit = limit
        self.left = scan.Leftover()
        self.wipes = 0
        self._parent = parent
        self._asked = limit
        self._now = now
        self._health = Health(say, now)
        self._lock = _thread.allocate_lock()
        self._files: Files | None = None
        self._closed = False
        self._serial = 0
        self._forgotten = Ranges()
        self._seal_segments: dict[int, int] = {}  # first serial of a chunk: number of its seal's segment
        self._replays: dict[int, int] = {}
        self._state: ReaderState | None = None
        self._missed_a_frame = False  # a frame that had to be written was not
        self._looked = 0.0  # when all was seen in place, monotonic seconds
        self._detached: list[Segment] = []  # in no folder for the moment, since it was removed

    @classmethod
    def open(
        cls,
        parent: str,
        environment_id: str,
        say: Say,
        limit: int = 0,
        now: Callable[[], float] = time.monotonic,
        *,
        likely: Callable[[bytes], int] = lambda _: 1,
    ) -> Journal:
        """Return the journal in a folder of `parent`, of at most `limit` bytes (0: it depends on what is free).

        `environment_id` counts if there is no older one; `.environment` tells. Takes over what a dead process left.
        `likely` tells how many records a body is likely to have.
        """
        journal = cls(parent, environment_id, say, limit, now)
        try:
            folder = take(parent)
        except OSError as error:
            journal._broken(error)
            return journal
        try:
            journal._take_over(scan.find(folder, limit, LARGEST, RESERVE_BYTES, likely), folder)
        except OSError as error:
            folder.close()
            journal._files = None
            journal._broken(error)
        return journal

    # what the listener and the consumer call

    def append(self, body: bytes, wall: float) -> int | None:
        """Keep a body that arrived at `wall` (seconds since the epoch); its serial, or None if memory has to serve."""
        with self._lock:
            began = self._now()
            if not self._ready(began):
                return None
            serial = self._serial + 1
            if serial > frames.LAST_SERIAL:
                return None  # what bears it would not be read
            head = frames.entry(serial, wall, body)
            if not self._fits(len(head) + len(body)) or not self._put(head, body):
                return None
            self._serial = serial
            self._files.current.note(serial)  # type: ignore[union-attr]  # _ready says it is there
            self._health.appended(began)
            return serial

    def seal(self, seal: Seal) -> bool:
        """Write, before the first attempt at an upload, what makes the chunk again.

        False if it could not be written: a kill between the PUT and `forget` then ships these entries once more.
        """
        with self._lock:
            if self._state is None or seal.after.sequence >= self._state.sequence:  # a refused chunk is overtaken
                self._state = seal.after
            written = self._must(frames.seal(seal, self.environment))
            if written and seal.first and self._files:
                self._seal_segments[seal.first] = self._files.current.number
            return written

    def forget(self, last: int, first: int = 1) -> None:
        """Forget the entries `first` to `last`: they are stored or counted as lost."""
        with self._lock:
            self._forget(first, last)

    def pass_over(self, first: int, last: int, state: ReaderState) -> None:
        """Forget entries of which nothing is shipped; this is the reader's state behind them."""
        with self._lock:
            self._state = state
            if self._alive():
                self._begin()  # its header holds the state; if that fails, the next one will
            self._forget(first, last)

    def replaying(self, first: int) -> None:
        """Count, before it is tried: what begins with entry `first` is about to be made again."""
        with self._lock:
            self._replays[first] = self._replays.get(first, 0) + 1
            self._must(frames.serials(frames.REPLAYING, first))

    def replayed(self, first: int) -> None:
        """Note that it could be made: whatever becomes of its upload, it is not poison."""
        with self._lock:
            if self._replays.pop(first, 0):
                self._must(frames.serials(frames.REPLAYED, first))

    def quarantine(self, first: int, last: int) -> bool:
        """Move poison out of the way, into a file of its own; False if there was no room, and only `forget` is done."""
        copies = [(frames.entry(serial, wall, body), body) for serial, wall, body in self.entries(first, last)]
        done = False
        with self._lock:
            if self._alive() and self._files:
                try:
                    self._files.quarantine(first, copies, self.limit - self._files.used)
                    done = True
                except OSError as error:
                    self._health.tell("aside", "a chunk that cannot be made again is dropped", {"why": str(error)})
            self._forget(first, last)
        return done

    def entries(self, first: int, last: int) -> Iterator[tuple[int, float, bytes]]:
        """Yield serial, arrival (seconds since the epoch) and body of these entries, one in memory at a time.

        Those that are forgotten, or cannot be read any more, are missing.
        """
        with self._lock:
            numbers = [one.number for one in self._held() if _meet(one, first, last)]
        for number in numbers:
            opened = None
            try:
                opened = self._opened(number)
                for entry in scan.entries(*opened, first, last) if opened else ():
                    if not self._forgotten.cover(entry[0], entry[0]):
                        yield entry
            except OSError as error:
                self._health.tell(
                    "read", "a file of the journal cannot be read: what is in it is lost", {"why": str(error)}
                )
            finally:
                if opened:
                    os.close(opened[0])

    def _opened(self, number: int) -> tuple[int, int] | None:
        """Return a descriptor of this segment, for the caller to close, and the readable bytes; None if it was removed.

        Not its name: the file may be removed, and be written again, meanwhile.
        """
        with self._lock:
            for one in self._held():
                if one.number == number and one.descriptor is not None:
                    return os.dup(one.descriptor), one.whole
        return None

    def recent(self) -> Iterator[bytes]:
        """Yield the last bodies that came before this process began, oldest first, as far as they are still there."""
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
        """Belong to another environment from here on: a snapshot was restored."""
        with self._lock:
            self.environment = environment_id
            if self._files:
                self._begin()

    def file(self) -> int | None:
        """Return the descriptor of a new file without a name, for the caller to close; None if memory has to serve."""
        with self._lock:
            if not self._alive() or not self._files:
                return None
            try:
                return self._files.spool()
            except OSError as error:
                self._broken(error)
                return None

    def persist(self) -> None:
        """Make sure, as the process ends, that the next one finds what it needs, even if /tmp was just cleared."""
        with self._lock:
            self._health.resume()
            self._alive()

    def close(self) -> None:
        """Let the folder go; what is in it stays for the next process."""
        with self._lock:
            self._closed = True
            if self._files:
                self._files.close()
            self._files = None
            close(self._detached)

    # under the lock

    def _held(self) -> list[Segment]:
        return [*(self._files.segments if self._files else ()), *self._detached]

    def _ready(self, now: float) -> bool:
        """Return whether an entry may be written now."""
        if self._health.is_suspended(now) or not self._alive(now):
            return False
        if self._files:
            try:
                self._files.reserve()
            except OSError as error:
                self._broken(error)
                return False
        return True

    def _alive(self, now: float | None = None) -> bool:
        """Return whether there is a folder to write to; write again what was removed from /tmp."""
        files = self._files
        if self._closed:
            return False
        if files and not self._detached and (files.is_in_place or not files.is_wiped):
            self._looked = self._now() if now is None else now
            return True
        if self._health.is_suspended(self._now()):
            return False
        if files and files.is_wiped:
            self.wipes += 1
            self._health.wiped(files.folder.path, cut=files.is_cut)
        for again in range(ATTEMPTS):
            try:
                return self._write_again()
            except FileNotFoundError as error:  # /tmp is being cleared at this very moment
                if again == ATTEMPTS - 1:
                    self._broken(error)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):  # what is removed takes room as long as it is open
                    close(self._detached)
                    self._detached = []
                self._broken(error)
                break
        return False

    def _was_alive(self) -> bool:
        """Return whether all was in place a moment ago, and the file that is written still is: one look, not two."""
        files = self._files
        if self._closed or not files or self._detached or not 0 <= self._now() - self._looked < LOOK_SECONDS:
            return False
        return files.is_going_on

    def _write_again(self) -> bool:
        files = self._files
        if files:
            files.purge(self._forgotten, self._seal_segments.values())
            self._detached += files.take_missing()
        if not files or files.folder.is_removed:
            self._files = None
            if files:
                files.close()
            self._use(Files(take(self._parent, empty=True), [], 0))
        last = self._detached[-1] if self._detached else None
        self._files.write_again(self._detached)  # type: ignore[union-attr]  # there is one by now
        there = {segment.number for segment in self._files.segments}  # type: ignore[union-attr]  # the same
        self._seal_segments = {first: number for first, number in self._seal_segments.items() if number in there}
        # All that is known stands in the header of a new segment; in the old one only if no frame of it is missing.
        return (not self._missed_a_frame and self._files.go_on(last)) or self._begin()  # type: ignore[union-attr]  # the same

    def _take_over(self, found: scan.Leftover, folder: Folder) -> None:
        self._use(Files(folder, found.segments, found.number))
        self.left = found
        self.environment = found.environment or self.environment
        self._serial, self._forgotten, self._seal_segments = found.last, found.forgotten, dict(found.seal_segments)
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
        told.last, told.forgotten, told.replays, told.state = (
            self._serial,
            list(self._forgotten),
            self._replays,
            self._state,
        )
        try:
            if self._files:
                self._files.begin(frames.header(told))
        except OSError as error:
            self._broken(error)
            return False
        self._missed_a_frame = False
        return True

    def _fits(self, size: int) -> bool:
        files = self._files
        if not files:
            return False
        if files.used + size <= self.limit:
            return True
        self._health.full(self.limit, files.folder.path)
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
        self._missed_a_frame = self._missed_a_frame or not written
        return written

    def _put_anyway(self, frame: bytes) -> bool:
        if (
            not (self._was_alive() or self._alive())
            or not self._files
            or self._files.used + len(frame) > self.limit + RESERVE_BYTES
        ):
            return False
        if self._put(frame):
            return True
        try:
            self._files.use_reserve()
        except OSError:
            return False
        return self._put(frame)

    def _forget(self, first: int, last: int) -> None:
        if last < first or self._forgotten.cover(first, last):
            return
        self._forgotten.add(first, last)
        for numbers in (self._seal_segments, self._replays):
            for number in [one for one in numbers if first <= one <= last]:
                del numbers[number]
        self._must(frames.serials(frames.FORGET, first, last))
        try:
            if self._files:
                self._files.purge(self._forgotten, self._seal_segments.values())
        except OSError as error:
            self._broken(error)

    def _broken(self, error: OSError) -> None:
        self._health.broken(error, self._files.folder.path if self._files else self._parent)


def _meet(segment: Segment, first: int, last: int) -> bool:
    return bool(segment.first) and segment.first <= last and first <= segment.last
