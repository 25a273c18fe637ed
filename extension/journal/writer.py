"""Gets frames into the journal's files, whatever becomes of the files, of their folder and of the disk.

Not thread-safe: the journal's lock is held. Errors of the file system never leave it; they suspend the journal.
"""

from __future__ import annotations

import errno

from extension.journal import frames
from extension.journal.directory import take
from extension.journal.segments import RESERVE_BYTES, Files, close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.journal.contents import Contents
    from extension.journal.health import Health
    from extension.journal.segments import Segment

LARGEST = 64 * 1024 * 1024  # bytes: the limit, unless it is set, or an eighth of what is free is less
SHARE = 8  # the journal takes this part of what is free, for /tmp is the function's
LOOK_SECONDS = 0.05  # for so long the last look at folder and files counts, as long as the file is no other
ATTEMPTS = 3  # at writing again what another process is just removing


class Writer:
    """See the module. `limit` in bytes, 0: it depends on what is free in `parent`. `now`: monotonic seconds."""

    __slots__ = (
        "_asked",
        "_closed",
        "_contents",
        "_detached",
        "_health",
        "_looked",
        "_missed_a_frame",
        "_now",
        "_parent",
        "files",
        "limit",
        "wipes",
    )

    def __init__(self, parent: str, contents: Contents, health: Health, limit: int, now: Callable[[], float]) -> None:
        self.files: Files | None = None
        self.limit = limit
        self.wipes = 0
        self._parent = parent
        self._contents = contents
        self._health = health
        self._asked = limit
        self._now = now
        self._closed = False
        self._missed_a_frame = False  # a frame that had to be written was not
        self._looked = 0.0  # when all was seen in place, monotonic seconds
        self._detached: list[Segment] = []  # in no folder for the moment, since it was removed

    def use(self, files: Files) -> None:
        """Write to these files from here on."""
        self.files = files
        free = (files.folder.free() + files.used) // SHARE
        self.limit = self._asked or min(LARGEST, free)
        files.share(self.limit)

    def held(self) -> list[Segment]:
        """Return the segments that can be read, also those that were removed from their folder."""
        return [*(self.files.segments if self.files else ()), *self._detached]

    def is_ready(self, now: float) -> bool:
        """Return whether an entry may be written now."""
        if self._health.is_suspended(now) or not self.is_alive(now):
            return False
        if self.files:
            try:
                self.files.reserve()
            except OSError as error:
                self.broken(error)
                return False
        return True

    def is_alive(self, now: float | None = None) -> bool:
        """Return whether there is a folder to write to; write again what was removed from /tmp."""
        files = self.files
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
                    self.broken(error)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):  # what is removed takes room as long as it is open
                    close(self._detached)
                    self._detached = []
                self.broken(error)
                break
        return False

    def _was_alive(self) -> bool:
        """Return whether all was in place a moment ago, and the file that is written still is: one look, not two."""
        files = self.files
        if self._closed or not files or self._detached or not 0 <= self._now() - self._looked < LOOK_SECONDS:
            return False
        return files.is_going_on

    def _write_again(self) -> bool:
        files, contents = self.files, self._contents
        if files:
            files.purge(contents.forgotten, contents.seal_segments.values())
            self._detached += files.take_missing()
        if not files or files.folder.is_removed:
            self.files = None
            if files:
                files.close()
            self.use(Files(take(self._parent, empty=True), [], 0))
        last = self._detached[-1] if self._detached else None
        self.files.write_again(self._detached)  # type: ignore[union-attr]  # there is one by now
        contents.only_in({segment.number for segment in self.files.segments})  # type: ignore[union-attr]  # the same
        # All that is known stands in the header of a new segment; in the old one only if no frame of it is missing.
        return (not self._missed_a_frame and self.files.go_on(last)) or self.begin()  # type: ignore[union-attr]  # the same

    def begin(self) -> bool:
        """Begin a new segment; False if that fails."""
        try:
            if self.files:
                self.files.begin(frames.header(self._contents.header(self.limit)))
        except OSError as error:
            self.broken(error)
            return False
        self._missed_a_frame = False
        return True

    def append(self, head: bytes, body: bytes) -> bool:
        """Write an entry; False if there is no room for it or the disk fails."""
        return self._fits(len(head) + len(body)) and self._put(head, body)

    def _fits(self, size: int) -> bool:
        files = self.files
        if not files:
            return False
        if files.used + size <= self.limit:
            return True
        self._health.full(self.limit, files.folder.path)
        return False

    def _put(self, head: bytes, body: bytes = b"") -> bool:
        files = self.files
        if not files or (not files.takes(len(head) + len(body)) and not self.begin()):
            return False
        try:
            files.put(head, body)
        except OSError as error:
            self.broken(error)
            return False
        return True

    def must(self, frame: bytes) -> bool:
        """Write what must get in although the journal or the disk is full."""
        written = self._put_anyway(frame)
        self._missed_a_frame = self._missed_a_frame or not written
        return written

    def _put_anyway(self, frame: bytes) -> bool:
        if (
            not (self._was_alive() or self.is_alive())
            or not self.files
            or self.files.used + len(frame) > self.limit + RESERVE_BYTES
        ):
            return False
        if self._put(frame):
            return True
        try:
            self.files.use_reserve()
        except OSError:
            return False
        return self._put(frame)

    def purge(self) -> None:
        """Remove the segments of which nothing is needed any more."""
        try:
            if self.files:
                self.files.purge(self._contents.forgotten, self._contents.seal_segments.values())
        except OSError as error:
            self.broken(error)

    def broken(self, error: OSError) -> None:
        """Suspend the journal: the file system has failed."""
        self._health.broken(error, self.files.folder.path if self.files else self._parent)

    def close(self) -> None:
        """Let the folder go; what is in it stays for the next process."""
        self._closed = True
        if self.files:
            self.files.close()
        self.files = None
        close(self._detached)
