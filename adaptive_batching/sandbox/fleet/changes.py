"""Whether the code of a function has changed since an environment was created from it."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Seconds for which an answer holds: a folder of dependencies takes a while to read.
_HOLDS = 0.2


class Code:
    """The files of a function and its layers. Thread-safe. `follow=False` never sees a change."""

    def __init__(self, folders: Iterable[Path], *, follow: bool) -> None:
        self._folders = tuple(folders)
        self._follow = follow
        self._lock = threading.Lock()
        self._version: int = 0
        self._until = 0.0

    def version(self) -> int:
        """Return a number that is another one when a file was added, removed or written."""
        if not self._follow:
            return 0
        with self._lock:
            if time.monotonic() >= self._until:
                self._version = hash(tuple(entry for folder in self._folders for entry in _files(folder)))
                self._until = time.monotonic() + _HOLDS
            return self._version


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            try:
                found = os.stat(f"{place}/{name}")  # noqa: PTH116 - thousands of files, at each invocation
            except OSError:  # removed meanwhile
                continue
            yield f"{place}/{name}", found.st_mtime_ns, found.st_size
