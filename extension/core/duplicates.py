"""Has this very body been received before? A freeze can cut the 200, and Lambda then sends the batch again.

Pure. Nothing finer than a whole body is compared: two equal lines in one millisecond are two lines.

A body is known by its length and by Python's own hash of bytes: 64 bits of SipHash under a key that this process has
drawn (the launcher's -I keeps it from being set). A body that is taken for one of 64 others costs its records, once in
10**17 bodies; a SHA-256 from the library would cost more than all else that is done before the 200.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

REMEMBERED = 64  # bodies; whatever the time between, for a freeze can last hours


class Duplicates:
    """The digests of the last bodies. Not thread-safe: the one who puts bodies in order asks here too."""

    __slots__ = ("_digests",)

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        """Begin with `bodies`, oldest first: those that the journal still holds after a restart."""
        self._digests: dict[tuple[int, int], None] = {}
        for body in bodies:
            self.seen(body)

    def seen(self, body: bytes) -> bool:
        """Return whether `body` equals one of the last 64, byte for byte. From here on it is the newest of them."""
        digest = (len(body), hash(body))
        known = digest in self._digests
        self._digests.pop(digest, None)
        self._digests[digest] = None
        if len(self._digests) > REMEMBERED:
            del self._digests[next(iter(self._digests))]
        return known

    def forget(self, body: bytes) -> None:
        """Forget a body that could not be kept: when it comes again, it is new."""
        self._digests.pop((len(body), hash(body)), None)
