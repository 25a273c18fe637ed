"""The thread that waits in `event/next`, and asks again only when it is released: that is what ends an invocation."""

from __future__ import annotations

import _thread
import time

from extension.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.extensions_api import ExtensionsApi
    from extension.inbox import Inbox

ATTEMPTS = 60  # failed calls in a row before the connection counts as lost
LONGEST_PAUSE = 1.0  # s between failed calls


class Polled:
    """What `event/next` answered, unread."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body


class Disconnected:
    """Nothing answers `event/next` any more."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Poller:
    """Puts `Polled`, finally `Disconnected`, into the inbox; the first `event/next` was written before it starts."""

    def __init__(self, calls: ExtensionsApi, inbox: Inbox) -> None:
        self._calls = calls
        self._inbox = inbox
        self._permission = _thread.allocate_lock()
        self._permission.acquire()

    def start(self) -> None:
        """Begin to wait for the answer to the first `event/next`."""
        _thread.start_new_thread(self._run, ())

    def release(self) -> None:
        """Permit the next call, if it is not permitted yet. The environment may be frozen as soon as it is made."""
        if self._permission.locked():
            self._permission.release()

    def _run(self) -> None:
        failures = 0
        while True:
            try:
                if failures:
                    self._calls.ask_next()
                body = self._calls.receive_next()
            except ApiError as error:
                failures += 1
                if failures >= ATTEMPTS:
                    self._inbox.put(Disconnected(str(error)))
                    return
                time.sleep(min(0.01 * 2**failures, LONGEST_PAUSE))
                continue
            failures = 0
            self._inbox.put(Polled(body))
            self._permission.acquire()
            try:
                self._calls.ask_next()
            except ApiError:
                failures = 1
