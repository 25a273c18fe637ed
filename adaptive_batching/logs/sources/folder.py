"""Shipped objects in a folder: what `aws s3 sync` or `adaptive-batching logs fetch` left there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.logs.sources.keys import is_wanted, parsed
from adaptive_batching.logs.sources.source import Item, Listing, ObjectError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.logs.sources.keys import Window


class Folder:
    """A Source. Keys are paths in the folder. There is no user metadata."""

    connections = 2  # nothing is waited for: more threads take longer

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.identity = f"folder {folder.resolve()}"

    def listed(self, window: Window, functions: Sequence[str]) -> Listing:
        """List the files. A file that is being written (.part) is not there yet."""
        found = Listing(whole=True)

        def fail(error: OSError) -> None:
            raise SourceError(f"{error.filename!r} cannot be read: {error.strerror}")

        for folder, below, files in os.walk(self._folder, onerror=fail):
            below.sort()
            for file in sorted(files):
                if not file.endswith(".part"):
                    found.seen += 1
                    self._add(found, Path(folder, file), window, functions)
        return found

    def _add(self, found: Listing, file: Path, window: Window, functions: Sequence[str]) -> None:
        key = file.relative_to(self._folder).as_posix()
        name = parsed(key)
        if name is None or not file.is_file():
            found.foreign += 1
            return
        about = file.stat()
        modified = datetime.fromtimestamp(about.st_mtime, UTC)
        if is_wanted(name.function, functions) and window.wants(name, modified):
            found.items.append(Item(key, name, about.st_size, f"{about.st_mtime_ns:x}", modified))

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return a file's bytes. Raises ObjectError."""
        try:
            return (self._folder / key).read_bytes(), {}
        except OSError as error:
            raise ObjectError(f"cannot be read: {error.strerror}") from None
