"""How long one attempt waits for a byte of the store: longer at a store that is slow, within bounds.

Pure. A store that answers after 2.5 s would otherwise never be heard by a client that waits 2 s, however often it asks.
What bounds a hold or SHUTDOWN is decided in the core, which abandons an attempt when its time is over.
"""

from __future__ import annotations

LEAST = 2.0  # s: what S3's guidelines advise for small objects
MOST = 16.0  # s
ROOM = 2.0  # times what the last answer took


class Patience:
    """Seconds without a byte sent or received after which an attempt has failed."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = LEAST

    def timed_out(self) -> None:
        """Wait twice as long next time: the store did not answer in time."""
        self.seconds = min(self.seconds * 2, MOST)

    def answered(self, seconds: float) -> None:
        """Fall back, as far as an answer that took so many seconds allows."""
        self.seconds = max(LEAST, min(self.seconds, seconds * ROOM))
