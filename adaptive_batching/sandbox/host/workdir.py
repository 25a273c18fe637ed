"""The folder of an environment on the host, locked while somebody uses it; those of the dead are cleared away."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

_PREFIX = "sandbox-"
_LOCK = "lock"
#: Seconds: a younger folder may belong to somebody who has not locked it yet.
YOUNG = 60.0


def claim(where: Path | None = None) -> tuple[IO[bytes], Path]:
    """Clear what others left behind, then return a new folder and its lock: an open file that ends with us."""
    where = where or Path(tempfile.gettempdir())
    clear(where, time.time())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where)).resolve()
    lock = (folder / _LOCK).open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock, folder


def clear(where: Path, now: float) -> list[Path]:
    """Remove the folders whose owners are gone; return them. `now` is seconds since the epoch."""
    gone = [folder for folder in where.glob(f"{_PREFIX}*") if _is_abandoned(folder, now)]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return gone


def _is_abandoned(folder: Path, now: float) -> bool:
    try:
        if now - folder.stat().st_mtime < YOUNG:
            return False
        with (folder / _LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # in use, not one of ours, or cleared by somebody else just now
        return False
    return True
