"""The folder of an environment on the host, locked while a sandbox uses it; abandoned ones are removed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

_PREFIX = "sandbox-"
_LOCK = "lock"
#: Seconds: a younger folder may belong to a sandbox that has not locked it yet.
YOUNG = 60.0


def claim(where: Path | None = None) -> tuple[IO[bytes], Path]:
    """Remove abandoned folders, then return a new one and its lock: an open file, closed when this process ends."""
    where = where or Path(tempfile.gettempdir())
    clear(where, time.time())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where)).resolve()
    lock = (folder / _LOCK).open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock, folder


def clear(where: Path, now: float) -> list[Path]:
    """Remove the folders whose owners have ended; return them. `now` is seconds since the epoch."""
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
    except OSError:  # in use, not a sandbox's, or removed by another one just now
        return False
    return True
