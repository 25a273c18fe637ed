"""Whether the journal may be written now, and what was said about that: each kind of trouble once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Say: TypeAlias = Callable[[str, str, dict[str, object]], None]

SLOW_SECONDS = 0.05  # an append that took longer: the disk is not to delay the answer to Lambda
REST_SECONDS = 10.0  # in which memory serves then, and after an error
AGAIN_SECONDS = 60.0  # before a line of the same kind may be said again, if all was well in between

ADVICE = "until it can, a crash of the extension loses what waits in memory; nothing else changes"


class Health:
    """See the module. Moments are monotonic seconds; `now` is the clock."""

    __slots__ = ("_now", "_said", "_say", "_suspended_until")

    def __init__(self, say: Say, now: Callable[[], float]) -> None:
        self._say = say
        self._now = now
        self._said: dict[str, float] = {}  # what was said, and when
        self._suspended_until = 0.0

    def is_suspended(self, now: float) -> bool:
        """Return whether memory has to serve at this moment, since the disk was slow or failed shortly before."""
        return now < self._suspended_until

    def resume(self) -> None:
        """End a suspension at once."""
        self._suspended_until = 0.0

    def appended(self, began: float) -> None:
        """Take note of an append that has succeeded; one that was slow suspends the journal."""
        ended = self._now()
        if ended - began > SLOW_SECONDS:
            self._suspended_until = ended + REST_SECONDS
            fields: dict[str, object] = {"milliseconds": round((ended - began) * 1000), "seconds": REST_SECONDS}
            self.tell("slow", "the disk is slow: for some seconds what arrives is kept in memory alone", fields)
            return
        for what in ("full", "broken"):
            if ended - self._said.get(what, ended) > AGAIN_SECONDS:
                del self._said[what]

    def broken(self, error: OSError, folder: str) -> None:
        """Suspend the journal in this folder: it cannot be written."""
        self._suspended_until = self._now() + REST_SECONDS
        fields: dict[str, object] = {"why": str(error), "folder": folder}
        self.tell("broken", f"the journal cannot be written: {ADVICE}", fields)

    def full(self, limit: int, folder: str) -> None:
        """Say that the journal holds as much as it may, `limit` bytes."""
        self.tell("full", f"the journal is full: {ADVICE}", {"limit_bytes": limit, "folder": folder})

    def wiped(self, folder: str, *, cut: bool) -> None:
        """Say that another process has removed or moved files of the journal in this folder, or `cut` one."""
        if cut:
            text = "a file of the journal was cut: until it is shipped a crash loses what stood there"
            self.tell("cut", f"{text}; what follows goes into a new file", {"folder": folder})
        else:
            self.tell("wiped", "the journal was removed from /tmp: it is written again", {"folder": folder})

    def tell(self, what: str, message: str, fields: dict[str, object]) -> None:
        """Say this, unless something of the same kind was said before."""
        if what not in self._said:
            self._said[what] = self._now()
            self._say("warning", message, fields)
