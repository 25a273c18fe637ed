"""What happens to a body before its 200: known again, journalled, queued. Called on the listener's threads.

Until the journal is open the answer waits (some tens of milliseconds after start-up), so that a 200 always means: kept.
"""

import _thread
import time

from extension.events import LogsReceived

OPEN_SECONDS = 5.0  # that a body waits for the journal to be opened; then memory has to do


class Keeper:
    """Puts bodies into the inbox in the order of their serials; the first waits `patience` seconds for the journal."""

    def __init__(self, inbox: "Inbox", patience: float = OPEN_SECONDS) -> None:
        self._inbox = inbox
        self._patience = patience
        inbox.instead = _given_up
        self._lock = _thread.allocate_lock()
        self._opened = _thread.allocate_lock()
        self._opened.acquire()
        self._journal: "Journal | None" = None
        self._echoes: "Echoes | None" = None
        self._waits = True
        self.echoes = 0  # bodies that had been received before

    def open(self, journal: "Journal | None", echoes: "Echoes | None") -> None:
        """From here on bodies are journalled and compared; without a journal memory has to do."""
        self._journal, self._echoes = journal, echoes
        if self._opened.locked():
            self._opened.release()

    def keep(self, body: bytes) -> None:
        """Keep one body; returns when the platform may be told so."""
        with self._lock:
            if self._waits:
                self._opened.acquire(True, self._patience)
                self._waits = False
            if self._echoes and self._echoes.is_echo(body):
                self.echoes += 1
                return
            try:
                wall = time.time()
                serial = self._journal.append(body, wall) if self._journal else 0
                self._inbox.put(LogsReceived(body, serial, wall), len(body))
            except BaseException:
                if self._echoes:
                    self._echoes.forget(body)  # it was not kept, and will be sent again
                raise


def _given_up(item: object) -> object:
    """What a full inbox has instead of a body: the order stays."""
    return item.given_up() if isinstance(item, LogsReceived) else item


TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.core.duplicates import Echoes
    from extension.inbox import Inbox
    from extension.journal import Journal
