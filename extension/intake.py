"""What happens to a body before its 200: known again, journalled, queued. Called on the listener's threads.

The answer waits until the journal is open, some tens of milliseconds after start-up: a 200 means that the body is kept.
"""

import _thread
import time

from extension.errors import described
from extension.events import LogsReceived
from extension.messages import say

OPEN_SECONDS = 5.0  # that a body waits for the journal to be opened; then memory has to do


class Intake:
    """Puts bodies into the inbox in the order of their serials; the first waits `patience` seconds for the journal."""

    def __init__(self, inbox: "Inbox", patience: float = OPEN_SECONDS) -> None:
        self._inbox = inbox
        self._patience = patience
        inbox.on_shed = _placeholder
        self._lock = _thread.allocate_lock()
        self._opened = _thread.allocate_lock()
        self._opened.acquire()
        self._journal: Journal | None = None
        self._duplicates: Duplicates | None = None
        self._waits = True
        self._said = False  # that the journal failed
        self.duplicates = 0  # bodies that had been received before

    def open(self, journal: "Journal | None", duplicates: "Duplicates | None") -> None:
        """Open the journal: from here on bodies are written to it and compared. Without one memory has to do."""
        self._journal, self._duplicates = journal, duplicates
        if self._opened.locked():
            self._opened.release()

    def accept(self, body: bytes) -> None:
        """Take in one body; return when Lambda may be told so. The inbox is to be woken behind that."""
        with self._lock:
            if self._waits:
                self._opened.acquire(True, self._patience)
                self._waits = False
            if self._duplicates and self._duplicates.seen(body):
                self.duplicates += 1
                return
            try:
                wall = time.time()
                serial = self._journalled(body, wall)
                self._inbox.put(LogsReceived(body, serial, wall), len(body), wakes=False)
            except BaseException:
                if self._duplicates:
                    self._duplicates.forget(body)  # it was not kept, and will be sent again
                raise

    def _journalled(self, body: bytes, wall: float) -> "int | None":
        try:
            return self._journal.append(body, wall) if self._journal else None
        except Exception as error:  # noqa: BLE001 - the platform would send it for ever: memory has to do
            if not self._said:
                self._said = True
                say("error", "internal error: the journal failed, memory has to do", {"why": described(error)})
            return None


def _placeholder(item: object) -> object:
    """Return what stands in for a body that a full inbox has shed: the order stays."""
    return item.placeholder() if isinstance(item, LogsReceived) else item


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from extension.inbox import Inbox

    class Journal(Protocol):
        """Where bodies are kept so that a crash of the process loses none."""

        def append(self, body: bytes, wall: float) -> "int | None":
            """Keep a body that arrived at `wall`, in seconds since the epoch; its serial, None: memory has to do."""

    class Duplicates(Protocol):
        """Which bodies have come before."""

        def seen(self, body: bytes) -> bool:
            """Return whether this very body has come before; from here on it has."""

        def forget(self, body: bytes) -> None:
            """Forget a body that could not be kept: when it comes again, it is new."""
