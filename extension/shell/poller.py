"""The thread that waits in `event/next`, and asks again only when it is released: that is what ends an invocation."""

from __future__ import annotations

import _thread
import time

from extension.errors import ApiError
from extension.shell.threads import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.extensions_api import ExtensionsApi
    from extension.inbox import Inbox

ATTEMPTS = 60  # failed calls in a row before the connection counts as lost
LONGEST_PAUSE = 1.0  # s between failed calls


class Polled:
    """What `event/next` answered, unread, and when: `arrived`, in seconds since the epoch."""

    __slots__ = ("arrived", "body")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.arrived = time.time()


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
        self._failures = 0  # in a row; with one the next call is made without being permitted

    def start(self) -> None:
        """Begin to wait for the answer to the first `event/next`."""
        start("poller", self._run, self._died)

    def release(self) -> None:
        """Permit the next call, if it is not permitted yet. The environment may be frozen as soon as it is made."""
        if self._permission.locked():
            self._permission.release()

    def _died(self) -> bool:
        return self._may_ask_again("the poller has failed too often")

    def _may_ask_again(self, why: str) -> bool:
        """Count a failed call and pause; False, once there were too many: the connection is lost."""
        self._failures += 1
        if self._failures < ATTEMPTS:
            time.sleep(min(0.01 * 2**self._failures, LONGEST_PAUSE))
            return True
        self._inbox.put(Disconnected(why))
        return False

    def _run(self) -> None:
        while True:
            try:
                if self._failures:
                    self._calls.ask_next()
                body = self._calls.receive_next()
            except ApiError as error:
                if self._may_ask_again(str(error)):
                    continue
                return
            self._failures = 0
            self._inbox.put(Polled(body))
            self._permission.acquire()
            try:
                self._calls.ask_next()
            except ApiError:
                self._failures = 1
