"""Deliver telemetry to one subscriber in a thread, with one POST in flight, and pause while it is frozen.

Delivery is at least once: a batch that was not answered with 2xx is sent again with the same bytes, after a back-off
(docs/lambda-protocol.md, 6.3). The waiting events are bounded. Beyond the bound the oldest events are dropped, and a
`platform.logsDropped` reports them.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.telemetry.backlog import Backlog
from adaptive_batching.sandbox.telemetry.transport import POST_TIMEOUT, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.telemetry.dialects import Dialect
    from adaptive_batching.sandbox.telemetry.subscriptions import Subscription

#: Seconds between two attempts: the first pause and the longest. These are guesses: AWS does not publish its own.
BACK_OFF_FIRST, BACK_OFF_LAST = 0.05, 1.0


@dataclass(frozen=True)
class Delivery:
    """One POST that was answered with 2xx (or one write to a TCP destination). `at` is seconds since the epoch."""

    subscriber: str
    at: float
    events: tuple[bytes, ...]  # complete events; one that was split is in the delivery of its last piece
    attempts: int
    sent: tuple[bytes, ...] = ()  # the events and pieces in the body

    @property
    def records(self) -> list[dict[str, Any]]:
        """The parsed envelopes of the events, in order."""
        return [json.loads(event.decode("utf-8", "surrogatepass")) for event in self.events]


class Subscriber:
    """Delivers events to one subscriber. Raises OSError if connecting to a TCP destination fails.

    `failures` counts the POSTs that failed, `dropped` the records that were dropped, and `answers_dropped` the POSTs
    whose answer was lost in a freeze. `on_dropped` is called with the number of records and of bytes that were dropped.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        dialect: Dialect,
        faults: Faults | None = None,
        *,
        redeliver: bool = True,
    ) -> None:
        self.name = name
        self.subscription = subscription
        self.dialect = dialect
        self.deliveries: list[Delivery] = []
        self.failures = self.dropped = self.answers_dropped = 0
        self.on_dropped: Callable[[int, int], None] = lambda _records, _size: None
        self._faults = faults or Faults()
        self._redeliver = redeliver
        self._backlog = Backlog(subscription.buffering)
        self._changed = threading.Condition()
        self._paused = self._stopped = self._urged = self._posting = False
        self._transport = Transport(subscription.destination)
        self._thread = threading.Thread(target=self._run, name=f"deliver-{name}", daemon=True)
        self._thread.start()

    def push(self, event: bytes) -> None:
        """Queue one encoded event."""
        with self._changed:
            dropped = self._backlog.push(event, time.monotonic(), time.time())
            self._changed.notify_all()
        if dropped[0]:
            self._drop(*dropped)

    def _drop(self, records: int, size: int) -> None:
        self.dropped += records
        self.on_dropped(records, size)

    def pause(self, timeout: float) -> None:
        """Start no further POST, and wait up to `timeout` seconds for the one in flight."""
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: not self._posting, timeout)

    def drop_answer(self) -> None:
        """Pause after a POST whose answer is not read, so that the same batch is sent again after `resume`."""
        self.pause(POST_TIMEOUT)
        with self._changed:
            batch = self._backlog.take(self._order)
        self.answers_dropped += self._transport.send_unanswered(batch)

    def resume(self) -> None:
        """Continue after `pause` or `drop_answer`."""
        with self._changed:
            self._transport.hang_up()
            self._paused = False
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Deliver the waiting events at once. Return whether all of them arrived within `timeout` seconds."""
        with self._changed:
            self._urged = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not len(self._backlog), timeout)
            self._urged = False
            return done

    def detach(self) -> None:
        """Send nothing from now on, because the process has ended and another process may get its port."""
        self._transport.attached = False

    def attach(self) -> None:
        """Send again, because the subscriber has been restarted."""
        self._transport.attached = True

    def redirect(self, subscription: Subscription, dialect: Dialect) -> None:
        """Use another destination from now on, because the extension subscribed again after a reset.

        Raises OSError if connecting to a TCP destination fails.
        """
        transport = Transport(subscription.destination)
        with self._changed:
            self.subscription = subscription
            self.dialect = dialect
            self._backlog.limit(subscription.buffering)
            former, self._transport = self._transport, transport
            former.close()
            self._changed.notify_all()

    def undelivered(self) -> int:
        """Return the number of events that have not been acknowledged."""
        with self._changed:
            return len(self._backlog)

    def unacknowledged(self) -> list[bytes]:
        """Return the events of the batch in flight. See `Backlog.unacknowledged`."""
        with self._changed:
            return self._backlog.unacknowledged()

    def stop(self) -> None:
        """End the thread. The waiting events are not delivered."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self.resume()
        self._transport.close()

    def _run(self) -> None:
        attempts = 0
        while True:
            with self._changed:
                while not self._ready():
                    self._changed.wait(self._time_to_wait())  # again after each push: the first event sets the timer
                if self._stopped:
                    return
                batch = self._backlog.take(self._order)
                self._posting = True
            attempts += 1
            delivered = self._transport.send(batch)
            times = int(delivered)
            if delivered and self._faults.strikes("duplicate"):
                times += self._transport.send(batch)
            with self._changed:
                self._posting = False
                if delivered:
                    whole = self._backlog.whole(batch)
                    self.deliveries += [Delivery(self.name, time.time(), whole, attempts, batch)] * times
                else:
                    self.failures += 1
                if delivered or not self._redeliver:
                    self._backlog.finish()
                    attempts = 0
                self._changed.notify_all()
                if not delivered and self._redeliver:
                    delay = min(BACK_OFF_LAST, BACK_OFF_FIRST * 2.0 ** (attempts - 1))
                    self._changed.wait_for(lambda: self._stopped, delay)
            if not delivered and not self._redeliver:
                self._drop(len(batch), sum(map(len, batch)))

    def _order(self, batch: list[bytes]) -> list[bytes]:
        return self._faults.shuffled(batch) if batch and self._faults.strikes("shuffle") else batch

    def _ready(self) -> bool:
        if self._stopped:
            return True
        return not self._paused and self._backlog.is_due(time.monotonic(), urged=self._urged)

    def _time_to_wait(self) -> float | None:
        due_at = None if self._paused else self._backlog.due_at()
        return None if due_at is None else max(0.0, due_at - time.monotonic())
