"""Which invocation runs, whether its handler has ended, and whether `event/next` waits for it.

Pure; moments are seconds of the core's clock. What one invocation has shown counts for those that follow: whether
Lambda delivers any telemetry, and whether the end of a handler is ever reported.
"""

from __future__ import annotations

from extension.core.hold import DONE_TIMEOUT, STORE, WAIT_DONE, Hold, hold_limit, silence
from extension.records.reader import REMEMBERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Invoke, Moment
    from extension.records.reader import Received


class Invocations:
    """See the module. `hold_seconds`: how long the store is waited for, and a handler's trailing batches, at most."""

    __slots__ = ("_done", "_hold_seconds", "_is_deaf", "_is_impatient", "_limit", "hold", "request")

    def __init__(self, hold_seconds: float) -> None:
        self._hold_seconds = hold_seconds
        self.request = ""  # of the last INVOKE
        self.hold: Hold | None = None  # of that invocation, until it is released
        self._done: dict[str, None] = {}  # requests whose handler has ended
        self._limit = 0.0  # past it this invocation is not held
        self._is_impatient = False  # the end of a handler was waited for in vain: 10 s at most until one has come
        self._is_deaf = False  # a hold ended without any telemetry; none waits for it again until some has come

    @property
    def has_ended(self) -> bool:
        """Whether the end of the last invocation's handler was reported."""
        return self.request in self._done

    @property
    def is_running(self) -> bool:
        """Whether there is an invocation, and the end of its handler was not reported yet."""
        return bool(self.request) and self.request not in self._done

    @property
    def can_be_heard(self) -> bool:
        """Whether waiting for telemetry makes sense: Lambda delivers some, as far as is known."""
        return not self._is_deaf

    def begin(self, event: Invoke, now: Moment) -> None:
        """Take note of an INVOKE."""
        self.request = event.request_id
        self._limit = hold_limit(event, now)

    def wait_for_end(self, now: float, in_flight: int | None, flush: str, *, patient: bool) -> None:
        """Hold until the handler has ended, then ship what waits, for the reason `flush`, and wait for the store.

        `in_flight` is the number of the attempt in flight. `patient`: a handler that takes long is waited for.
        """
        self.hold = Hold(WAIT_DONE, now, min(now + DONE_TIMEOUT, self._limit), in_flight)
        self.hold.silent_until = now + silence(self._hold_seconds)
        self.hold.flush = flush
        if patient and not self._is_impatient:
            self.hold.patient_until = self._limit

    def wait_for_store(self, now: float, in_flight: int | None, *, reachable: bool) -> None:
        """Hold until the attempt in flight is answered; release at once where there is none."""
        seconds = self._hold_seconds if reachable else 0.0
        self.hold = Hold(STORE, now, min(now + seconds, self._limit), in_flight)

    def ship_beside(self, now: float, flush: str) -> None:
        """Ship what waits beside the handler, for the reason `flush`, once the last batch before has come."""
        if self.hold:
            self.hold.flush = flush
            self.hold.settle(now)

    def heard(self, received: Received, now: float, *, even_unparsed: bool) -> None:
        """Take note of what a batch says about requests, and that one came at all.

        `even_unparsed`: an entry that could not be read counts as if it were the end of the handler.
        """
        self._is_deaf = self._is_deaf and not received.done
        self._is_impatient = self._is_impatient and not received.done
        for request_id in received.done:
            self._done[request_id] = None
        while len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]
        if self.hold:
            self.hold.heard()
        if received.dropped or (received.unparsed and even_unparsed):
            self.expect_no_end(now)

    def expect_no_end(self, now: float) -> None:
        """Wait for the end of the handler no longer: it may be among records that were dropped or cannot be read."""
        if self.hold and self.hold.mode == WAIT_DONE:
            self._settle(self.hold, now)

    def advance(self, now: float) -> None:
        """Let time pass."""
        if self.hold:
            if self.hold.mode == WAIT_DONE and self.has_ended:
                self._settle(self.hold, now)
            self.hold.advance(now)

    def _settle(self, current: Hold, now: float) -> None:
        """Note that the handler is done: MAX_HOLD counts from here."""
        current.done(now, min(now + self._hold_seconds, self._limit))

    def release(self, current: Hold, now: float, *, in_vain: bool) -> None:
        """End the hold. `in_vain`: where it still waits for the end of the handler, that has not come in time."""
        is_silent = current.has_heard_nothing(now)
        self._is_deaf = self._is_deaf or is_silent
        if in_vain and current.mode == WAIT_DONE:
            self._is_impatient = self._is_impatient or not is_silent
        self.hold = None
