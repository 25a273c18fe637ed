"""The thread that waits in `event/next`; it is asked for again only at a release: that is what ends an invocation.

The request is written by the one who releases, while this thread waits for its answer already: a thread that is woken
only to write it would cost more than all that it does. Where the connection has ended meanwhile this thread opens
another one, but not before the release.
"""

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
        self._lock = _thread.allocate_lock()  # guards the next two
        self._may_ask = True  # the call is made, or permitted
        self._listens = False  # the thread waits for an answer that was not asked for yet: whoever releases may ask
        self._permission = _thread.allocate_lock()
        self._permission.acquire()
        self._failures = 0  # in a row; with one the next call is made by the thread

    def start(self) -> None:
        """Begin to wait for the answer to the first `event/next`."""
        start("poller", self._run, self._died)

    def release(self) -> None:
        """Make or permit the next call, if it is not yet. The environment may be frozen as soon as it is made."""
        with self._lock:
            if self._may_ask:
                return
            self._may_ask = True
            if self._listens:
                self._calls.ask_next_here()  # if that fails, so does the thread's call
            else:
                self._permission.release()

    def _died(self) -> bool:
        if self._is_idle():
            self._ask_when_permitted()
            return True
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
                if self._is_idle():  # no call has failed: the connection ended between two of them
                    self._ask_when_permitted()
                elif not self._may_ask_again(str(error)):
                    return
                continue
            self._failures = 0
            self._deliver(body)

    def _is_idle(self) -> bool:
        """Return whether the next call is not permitted yet; from here on it is this thread that makes it."""
        with self._lock:
            self._listens = False
            return not self._may_ask

    def _ask_when_permitted(self) -> None:
        self._permission.acquire()
        try:
            self._calls.ask_next()
        except ApiError:
            self._failures = 1

    def _deliver(self, body: bytes) -> None:
        """Put an answer into the inbox, unless it is one that was not asked for."""
        is_kept = self._calls.is_kept
        with self._lock:
            was_asked, self._may_ask, self._listens = self._may_ask, False, is_kept
        try:
            if was_asked:
                self._inbox.put(Polled(body))
        except BaseException:
            with self._lock:
                self._may_ask, self._listens = True, False  # the event is lost, the next one is asked for
            raise
        if not is_kept:
            self._ask_when_permitted()
