"""The growing body of an open chunk. Pure; where its bytes are kept is the storage's affair.

With gzip, lines are compressed as they arrive, so that closing is quick. The bytes depend on the lines and on how they
were appended alone: the gzip header carries no time.
"""

from __future__ import annotations

import zlib

GZIP_LEVEL = 5  # of `make bench`: a third less CPU than 6 for 2 % more bytes; 4 saves 5 ms per MB for 12 % more


class Memory:
    """Keeps the encoded bytes in memory. The default storage; `extension.shell.spool` has the other one."""

    __slots__ = ("_parts", "_taken", "size")

    size: int  # bytes, once closed

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._taken = 0

    @property
    def in_memory(self) -> int:
        """Encoded bytes that are in memory."""
        return self._taken

    def append(self, encoded: bytes) -> None:
        """Add bytes."""
        self._parts.append(encoded)
        self._taken += len(encoded)

    def close(self, encoded: bytes) -> bytes:
        """Add the last bytes; return all of them."""
        body = b"".join([*self._parts, encoded])
        self.size = len(body)
        return body


class Body:
    """See the module. `storage` keeps what is encoded; without one, memory does."""

    __slots__ = ("_deflate", "_storage", "raw_bytes")

    def __init__(self, *, gzip: bool, storage: Storage | None = None) -> None:
        self._deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if gzip else None
        self._storage: Storage = storage or Memory()
        self.raw_bytes = 0  # before compression

    def append(self, lines: bytes) -> None:
        """Add whole lines, each ending in a newline."""
        self.raw_bytes += len(lines)
        self._storage.append(self._deflate.compress(lines) if self._deflate else lines)

    def close(self) -> bytes | str:
        """Return the finished body, or the path of a file that holds it; nothing can be appended after this.

        Raises OSError if a storage on disk can neither complete nor read back what it has written.
        """
        return self._storage.close(self._deflate.flush() if self._deflate else b"")

    @property
    def in_memory(self) -> int:
        """Encoded bytes that are in memory, as long as it is not closed."""
        return self._storage.in_memory

    @property
    def size(self) -> int:
        """Bytes of the finished body; known once it is closed."""
        return self._storage.size


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Storage(Protocol):
        """Where the encoded bytes of a body are kept."""

        size: int  # bytes of the finished body, once it is closed

        @property
        def in_memory(self) -> int:
            """Encoded bytes that are in memory."""

        def append(self, encoded: bytes) -> None:
            """Add bytes."""

        def close(self, encoded: bytes) -> bytes | str:
            """Add the last bytes; return the body, or the path of its file."""
