"""The growing body of an open chunk, in a file once it is large: memory does not grow with the byte threshold."""

import os
import zlib

from extension.records.objects import GZIP_LEVEL

IN_MEMORY = 1024 * 1024  # bytes of the encoded body; what is larger becomes a file, which is written and read twice
BLOCK_BYTES = 65536  # written at once


class SpoolPath(str):
    """The path of a body in a file that has no name. The file lives as long as this very object does, not a copy."""

    __slots__ = ("descriptor",)
    descriptor: int  # owned

    def __del__(self) -> None:
        os.close(self.descriptor)


class Body:
    """As `objects.Body`, byte for byte. `new_file()` gives the descriptor of a new empty file, -1 if there is none."""

    __slots__ = ("_deflate", "_descriptor", "_new_file", "_patience", "_pending", "_written", "raw_bytes", "size")

    def __init__(self, *, gzip: bool, new_file: "Callable[[], int]") -> None:
        self._deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if gzip else None
        self._new_file = new_file
        self._descriptor = -1
        self._pending = bytearray()  # what is not in the file
        self._patience = IN_MEMORY  # pending bytes at which it is tried to write them
        self._written = 0
        self.raw_bytes = 0  # before compression
        self.size = 0  # of the finished body

    def append(self, lines: bytes) -> None:
        """Add whole lines, each ending in a newline."""
        self.raw_bytes += len(lines)
        self._pending += self._deflate.compress(lines) if self._deflate else lines
        if len(self._pending) >= self._patience:
            self._write()

    def close(self) -> "bytes | str":
        """The finished body, or the path of its file; nothing can be appended after it.

        OSError if what was written can neither be completed nor read back.
        """
        if self._deflate:
            self._pending += self._deflate.flush()
        if self._descriptor >= 0:
            self._write()
        self.size = self._written + len(self._pending)
        if self._descriptor < 0:
            return bytes(self._pending)
        path = SpoolPath(f"/proc/self/fd/{self._descriptor}")
        path.descriptor, self._descriptor = self._descriptor, -1
        if not self._pending and os.path.exists(path):
            return path
        return _read_back(path.descriptor, self._written) + bytes(self._pending)

    def _write(self) -> None:
        """Move what is pending into the file. What the disk does not take stays pending, and is tried again later."""
        if self._descriptor < 0:
            self._descriptor = self._new_file()
        view = memoryview(self._pending)
        taken = 0
        try:
            while self._descriptor >= 0 and taken < len(view):
                taken += os.write(self._descriptor, view[taken : taken + BLOCK_BYTES])
        except OSError:
            pass  # memory serves: `close` reads back what is in the file
        view.release()
        del self._pending[:taken]
        self._written += taken
        self._patience = BLOCK_BYTES if not self._pending else len(self._pending) + IN_MEMORY

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _read_back(descriptor: int, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        block = os.pread(descriptor, BLOCK_BYTES, len(read))
        if not block:
            raise OSError(f"{len(read)} of {size} bytes of a spooled body are left")
        read += block
    return bytes(read)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
