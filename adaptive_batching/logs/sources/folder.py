"""Shipped objects in a folder: what `aws s3 sync` or `adaptive-batching logs fetch` left there."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.logs.sources import compacted
from adaptive_batching.logs.sources.keys import is_wanted, parsed
from adaptive_batching.logs.sources.source import Item, Listing, ObjectError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.logs.sources.keys import Window


class Folder:
    """A Source. Keys are paths in the folder. There is no user metadata."""

    connections = 1  # nothing is waited for: with a thread that reads ahead, it takes as long and more CPU
    prefix = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.identity = f"folder {folder.resolve()}"

    def listed(self, window: Window, functions: Sequence[str]) -> Listing:
        """List the files. A file that is being written (.part) is not there yet."""
        found = Listing(whole=True)
        self._walk(self._folder, found, window, functions)
        packed = self._folder / compacted.FOLDER
        if packed.is_dir():  # once more: see Source
            again = Listing()
            self._walk(packed, again, window, functions)
            found.compacted = again.compacted
        return found

    def _walk(self, top: Path, found: Listing, window: Window, functions: Sequence[str]) -> None:

        def fail(error: OSError) -> None:
            raise SourceError(f"{error.filename!r} cannot be read: {error.strerror}")

        for folder, below, files in os.walk(top, onerror=fail):
            below.sort()
            for file in sorted(files):
                if not file.endswith(".part"):
                    found.seen += 1
                    self._add(found, Path(folder, file), window, functions)

    def _add(self, found: Listing, file: Path, window: Window, functions: Sequence[str]) -> None:
        key = file.relative_to(self._folder).as_posix()
        name = parsed(key)
        try:
            about = file.stat()
        except FileNotFoundError:
            return  # a compaction deletes
        modified = datetime.fromtimestamp(about.st_mtime, UTC)
        packed = compacted.parsed(key, about.st_size, f"{about.st_mtime_ns:x}", modified)
        if packed:
            found.compacted += [packed] if is_wanted(packed.function, functions) else []
            return
        if name is None or not file.is_file():
            found.foreign += 1
            return
        if is_wanted(name.function, functions) and window.wants(name, modified):
            found.items.append(Item(key, name, about.st_size, f"{about.st_mtime_ns:x}", modified))

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return a file's bytes. Raises ObjectError."""
        try:
            return (self._folder / key).read_bytes(), {}
        except OSError as error:
            raise ObjectError(f"cannot be read: {error.strerror}", gone=isinstance(error, FileNotFoundError)) from None

    def put(self, key: str, file: Path) -> bool:
        """Copy a file to where the key says, unless there is one. Raises SourceError."""
        target = self._folder / key
        part = target.with_name(f"{target.name}.part")
        try:
            if target.exists():
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, part)
            part.replace(target)
        except OSError as error:
            raise SourceError(f"{str(target)!r} cannot be written: {error.strerror}") from None
        return True

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete files. Return why some could not be deleted, by key."""
        failed = {}
        for key in keys:
            try:
                (self._folder / key).unlink(missing_ok=True)
            except OSError as error:
                failed[key] = f"cannot be deleted: {error.strerror}"
        return failed
