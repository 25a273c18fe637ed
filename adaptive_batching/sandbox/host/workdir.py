"""The folder of an environment on the host. A sandbox locks its folders and removes abandoned ones."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

_PREFIX = "sandbox-"
_LOCK = "lock"
#: The age, in seconds, below which a folder is not abandoned: its sandbox may not have locked it yet.
YOUNG = 60.0


def claim(where: Path | None = None) -> tuple[IO[bytes], Path]:
    """Remove abandoned folders, then create a folder. Return its lock, which is an open file, and the folder.

    The kernel releases the lock when this process ends.
    """
    where = where or Path(tempfile.gettempdir())
    clear(where, time.time())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where)).resolve()
    lock = (folder / _LOCK).open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock, folder


def clear(where: Path, now: float) -> list[Path]:
    """Remove the folders whose sandboxes have ended, and return them. `now` is seconds since the epoch."""
    abandoned = [folder for folder in where.glob(f"{_PREFIX}*") if _is_abandoned(folder, now)]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return abandoned


def _is_abandoned(folder: Path, now: float) -> bool:
    try:
        if now - folder.stat().st_mtime < YOUNG:
            return False
        with (folder / _LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, without a lock file, or just removed by another sandbox
        return False
    return True
