"""The journal's folder: found or made, held by a lock, and the files in it.

Every file is opened relative to the folder's descriptor and without following links: what stands at its path later,
after a function has cleared /tmp, is another folder.
"""

from __future__ import annotations

import fcntl
import os
import stat

NAME = "adaptive-batching-extension"
PLACES = 9  # the name itself and .1 to .8: as many processes may share one /tmp
SEGMENT, ASIDE, RESERVE, SPOOL = "segment-", "aside-", "reserve", "spool-"

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(OSError):  # noqa: N818 - an answer
    """What stands at the folder's path does not belong to this user."""


class Folder:
    """An open folder that this process alone uses, as long as it lives: the lock is on the folder itself."""

    __slots__ = ("_mine", "descriptor", "path")

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path
        self._mine = os.fstat(descriptor)

    def create(self, name: str) -> int:
        """Create a file, open for appending and reading; return its descriptor. OSError, also if the name is taken."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS
        return os.open(name, flags, 0o600, dir_fd=self.descriptor)

    def read(self, name: str) -> int:
        """Open a file for reading; return its descriptor. OSError; Refused if it is not a plain file of this user."""
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FLAGS, dir_fd=self.descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            os.close(descriptor)
            raise Refused(f"{self.path}/{name} is not a plain file of this user")
        return descriptor

    def numbered(self, start: str) -> dict[int, int]:
        """Return number and size in bytes of each plain file whose name is `start` and a number, in order."""
        found: dict[int, int] = {}
        for name in os.listdir(self.descriptor):
            digits = name.removeprefix(start)
            if digits != name and digits.isascii() and digits.isdigit():
                status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found[int(digits)] = status.st_size
        return dict(sorted(found.items()))

    def remove(self, name: str) -> None:
        """Remove a file; it may be missing already. OSError if it stays."""
        try:
            os.unlink(name, dir_fd=self.descriptor)
        except FileNotFoundError:
            pass

    def free(self) -> int:
        """Return the bytes that the file system has free for this user."""
        status = os.statvfs(self.descriptor)
        return status.f_bavail * status.f_frsize

    @property
    def is_in_place(self) -> bool:
        """Whether the folder is seen where it was. OSError."""
        there = os.stat(self.path, follow_symlinks=False)
        return (there.st_dev, there.st_ino) == (self._mine.st_dev, self._mine.st_ino)

    def status(self, name: str) -> os.stat_result:
        """Return the status of what stands here under this name. OSError."""
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    @property
    def is_removed(self) -> bool:
        """Whether the folder has been removed, or moved: the next process would not find it where it looks."""
        mine = os.fstat(self.descriptor)
        return mine.st_nlink == 0 or not _is_at(self.path, mine)

    def holds(self, name: str, mine: os.stat_result) -> bool:
        """Return whether the file of this status stands here under this name."""
        return _is_at(name, mine, self.descriptor)

    def close(self) -> None:
        """Let the folder, and with it the lock, go."""
        os.close(self.descriptor)


def _is_at(path: str, mine: os.stat_result, folder: int | None = None) -> bool:
    try:
        there = os.stat(path, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it cannot be seen, which is no sign that it is missing
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def numbered(start: str, number: int) -> str:
    """Return the name of a numbered file."""
    return f"{start}{number:08d}"


def take(parent: str, *, empty: bool = False) -> Folder:
    """Take the first folder in `parent` that no living process holds, or make it; with `empty`, one without segments.

    OSError if there is none, Refused among them: a link, or what belongs to another user, is not used.
    """
    above = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for place in range(PLACES):
            name = f"{NAME}.{place}" if place else NAME
            folder = _lock(above, name, f"{parent}/{name}")
            if folder and not (empty and folder.numbered(SEGMENT)):
                return folder
            if folder:
                folder.close()
    finally:
        os.close(above)
    raise OSError(f"{PLACES} folders in {parent} are all in use")


def _lock(above: int, name: str, path: str) -> Folder | None:
    """Make the folder, open it and lock it; None if a living process has it."""
    try:
        os.mkdir(name, 0o700, dir_fd=above)
    except FileExistsError:
        pass
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=above)
    except OSError as error:
        if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
            raise Refused(f"{path} is a link or a file, not a folder") from error
        raise
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Refused(f"{path} belongs to another user")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o700)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return Folder(descriptor, path)
