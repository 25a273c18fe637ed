"""Storage for the body of an open chunk: a file once it is large. Memory does not grow with the byte threshold."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

IN_MEMORY = 1024 * 1024  # bytes of the encoded body; what is larger becomes a file, which is written and read twice
BLOCK_BYTES = 65536  # written at once


class SpoolPath(str):
    """The path of a body in a file that has no name. The file lives as long as this very object does, not a copy."""

    __slots__ = ("descriptor",)
    descriptor: int  # owned

    def __del__(self) -> None:
        os.close(self.descriptor)


class Spool:
    """A storage for `extension.records.body.Body`; `new_file()` gives the descriptor of a new empty file, or None."""

    __slots__ = ("_descriptor", "_new_file", "_pending", "_threshold", "_written", "size")

    def __init__(self, new_file: Callable[[], int | None]) -> None:
        self._new_file = new_file
        self._descriptor: int | None = None
        self._pending = bytearray()  # what is not in the file
        self._threshold = IN_MEMORY  # pending bytes at which it is tried to write them
        self._written = 0
        self.size = 0  # of the finished body

    @property
    def is_file(self) -> bool:
        """Whether a part of the body is in a file by now."""
        return self._descriptor is not None

    @property
    def in_memory(self) -> int:
        """Encoded bytes that are not in the file."""
        return len(self._pending)

    def append(self, encoded: bytes) -> None:
        """Add bytes."""
        self._pending += encoded
        if len(self._pending) >= self._threshold:
            if self._descriptor is None:
                self._descriptor = self._new_file()
            self._write()

    def close(self, encoded: bytes) -> bytes | str:
        """Return the finished body, or the path of its file; nothing can be appended after this.

        Raises OSError if what was written can neither be completed nor read back.
        """
        self._pending += encoded
        self._write()
        self.size = self._written + len(self._pending)
        if self._descriptor is None:
            return bytes(self._pending)
        path = SpoolPath(f"/proc/self/fd/{self._descriptor}")
        path.descriptor, self._descriptor = self._descriptor, None
        if not self._pending and os.path.exists(path):
            return path
        return _read_back(path.descriptor, self._written) + bytes(self._pending)

    def _write(self) -> None:
        """Move what is pending into the file. What the disk does not take stays pending, and is tried again later."""
        view = memoryview(self._pending)
        taken = 0
        try:
            while self._descriptor is not None and taken < len(view):
                taken += os.write(self._descriptor, view[taken : taken + BLOCK_BYTES])
        except OSError:
            pass  # memory serves: `close` reads back what is in the file
        view.release()
        del self._pending[:taken]
        self._written += taken
        self._threshold = BLOCK_BYTES if not self._pending else len(self._pending) + IN_MEMORY

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _read_back(descriptor: int, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        block = os.pread(descriptor, BLOCK_BYTES, len(read))
        if not block:
            raise OSError(f"{len(read)} of {size} bytes of a spooled body are left")
        read += block
    return bytes(read)
