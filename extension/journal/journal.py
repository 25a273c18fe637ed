"""The journal as the extension sees it. Thread-safe; errors of the file system never leave it."""

from __future__ import annotations

import _thread
import os
import time

from extension.journal import frames, scan
from extension.journal.contents import Contents
from extension.journal.directory import SEGMENT, numbered, take
from extension.journal.health import Health
from extension.journal.segments import RESERVE_BYTES, Files, Segment
from extension.journal.writer import LARGEST, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extension.journal.health import Say
    from extension.records.chunk import ReaderState, Seal


class Journal:
    """What was received and is neither stored nor given up. `left` is what an earlier process left behind.

    A serial is the number of an entry, from 1 on.
    """

    def __init__(
        self, parent: str, environment: str, say: Say, limit: int = 0, now: Callable[[], float] = time.monotonic
    ) -> None:
        """See `open`. A journal that is not opened keeps nothing."""
        self.left = scan.Leftover()
        self._now = now
        self._health = Health(say, now)
        self._contents = Contents(environment)
        self._writer = Writer(parent, self._contents, self._health, limit, now)
        self._lock = _thread.allocate_lock()

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
        writer = journal._writer
        try:
            folder = take(parent)
        except OSError as error:
            writer.broken(error)
            return journal
        try:
            found = scan.find(folder, limit, LARGEST, RESERVE_BYTES, likely)
            writer.use(Files(folder, found.segments, found.number))
            journal.left = found
            journal._contents.take_over(found)
            writer.begin()
        except OSError as error:
            folder.close()
            writer.files = None
            writer.broken(error)
        return journal

    @property
    def environment(self) -> str:
        """The id of the environment to which it belongs."""
        return self._contents.environment

    @property
    def limit(self) -> int:
        """Bytes that it may take."""
        return self._writer.limit

    @property
    def wipes(self) -> int:
        """How often another process has removed it, or a part of it."""
        return self._writer.wipes

    # what the listener and the consumer call

    def append(self, body: bytes, wall: float) -> int | None:
        """Keep a body that arrived at `wall` (seconds since the epoch); its serial, or None if memory has to serve."""
        with self._lock:
            began = self._now()
            if not self._writer.is_ready(began):
                return None
            serial = self._contents.last + 1
            if serial > frames.LAST_SERIAL:
                return None  # what bears it would not be read
            head = frames.entry(serial, wall, body)
            if not self._writer.append(head, body):
                return None
            self._contents.last = serial
            self._writer.files.current.note(serial)  # type: ignore[union-attr]  # it is ready, so there are some
            self._health.appended(began)
            return serial

    def seal(self, seal: Seal) -> bool:
        """Write, before the first attempt at an upload, what makes the chunk again.

        False if it could not be written: a kill between the PUT and `forget` then ships these entries once more.
        """
        with self._lock:
            self._contents.sealed(seal.after)
            written = self._writer.must(frames.seal(seal, self.environment))
            if written and seal.first and self._writer.files:
                self._contents.seal_segments[seal.first] = self._writer.files.current.number
            return written

    def forget(self, last: int, first: int = 1) -> None:
        """Forget the entries `first` to `last`: they are stored or counted as lost."""
        with self._lock:
            self._forget(first, last)

    def pass_over(self, first: int, last: int, state: ReaderState) -> None:
        """Forget entries of which nothing is shipped; this is the reader's state behind them."""
        with self._lock:
            self._contents.state = state
            if self._writer.is_alive():
                self._writer.begin()  # its header holds the state; if that fails, the next one will
            self._forget(first, last)

    def replaying(self, first: int) -> None:
        """Count, before it is tried: what begins with entry `first` is about to be made again."""
        with self._lock:
            self._contents.replays[first] = self._contents.replays.get(first, 0) + 1
            self._writer.must(frames.serials(frames.REPLAYING, first))

    def replayed(self, first: int) -> None:
        """Note that it could be made: whatever becomes of its upload, it is not poison."""
        with self._lock:
            if self._contents.replays.pop(first, 0):
                self._writer.must(frames.serials(frames.REPLAYED, first))

    def quarantine(self, first: int, last: int) -> bool:
        """Move poison out of the way, into a file of its own; False if there was no room, and only `forget` is done."""
        copies = [(frames.entry(serial, wall, body), body) for serial, wall, body in self.entries(first, last)]
        done = False
        with self._lock:
            if self._writer.is_alive() and (files := self._writer.files):
                try:
                    files.quarantine(first, copies, self.limit - files.used)
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
            numbers = [one.number for one in self._writer.held() if _meet(one, first, last)]
        for number in numbers:
            opened = None
            try:
                opened = self._opened(number)
                for entry in scan.entries(*opened, first, last) if opened else ():
                    if not self._contents.forgotten.cover(entry[0], entry[0]):
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
            for one in self._writer.held():
                if one.number == number and one.descriptor is not None:
                    return os.dup(one.descriptor), one.whole
        return None

    def recent(self) -> Iterator[bytes]:
        """Yield the last bodies that came before this process began, oldest first, as far as they are still there."""
        files = self._writer.files
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
            self._contents.environment = environment_id
            if self._writer.files:
                self._writer.begin()

    def file(self) -> int | None:
        """Return the descriptor of a new file without a name, for the caller to close; None if memory has to serve."""
        with self._lock:
            if not self._writer.is_alive() or not self._writer.files:
                return None
            try:
                return self._writer.files.spool()
            except OSError as error:
                self._writer.broken(error)
                return None

    def persist(self) -> None:
        """Make sure, as the process ends, that the next one finds what it needs, even if /tmp was just cleared."""
        with self._lock:
            self._health.resume()
            self._writer.is_alive()

    def close(self) -> None:
        """Let the folder go; what is in it stays for the next process."""
        with self._lock:
            self._writer.close()

    def _forget(self, first: int, last: int) -> None:
        if self._contents.forget(first, last):
            self._writer.must(frames.serials(frames.FORGET, first, last))
            self._writer.purge()


def _meet(segment: Segment, first: int, last: int) -> bool:
    return bool(segment.first) and segment.first <= last and first <= segment.last
