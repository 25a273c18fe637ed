"""When are the waiting records worth an object of their own.

Pure. Bytes are encoded NDJSON bytes before compression. Reached is crossed: a threshold is due when the count is equal
to it or above.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.settings import Settings

BYTES, INVOKES, AGE = "bytes", "invokes", "age"
ROUNDING = 0.0005  # s: a wake-up planned for an age must find it reached


class Thresholds:
    """Bytes that wait, invocations since the last chunk was closed, and the age of the oldest waiting record."""

    __slots__ = ("_invokes", "_seconds", "size")

    def __init__(self, settings: Settings) -> None:
        self.size = settings.ship_bytes
        self._invokes = settings.ship_invokes
        self._seconds = settings.ship_seconds

    def lower(self, most: int) -> None:
        """Ship when `most` bytes wait, at the latest: there is no room for more."""
        self.size = min(self.size, most)

    def lower_age(self, seconds: float) -> None:
        """Ship when the oldest waiting record is so old, at the latest."""
        self._seconds = min(self._seconds, seconds)

    def crossed(self, size: int, invokes: int, age: float) -> str:
        """Return which threshold is crossed, BYTES, INVOKES or AGE; empty if none is. `age` is in seconds."""
        if size >= self.size:
            return BYTES
        if invokes >= self._invokes:
            return INVOKES
        return AGE if age >= self._seconds - ROUNDING else ""

    def due_at(self, first: float) -> float:
        """Return the moment at which age alone makes a chunk due whose first record arrived at `first`."""
        return first + self._seconds
