"""The stream of events of one environment: to CloudWatch's view, and to each subscriber.

Events from before a subscription are kept during Init and delivered afterwards (protocol reference 6.4).
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.options import LOGS
from adaptive_batching.sandbox.refusals import internal_error, invalid_subscription, subscription_closed
from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.telemetry.events import Event
from adaptive_batching.sandbox.telemetry.subscriber import Delivery, Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adaptive_batching.sandbox.telemetry.dialects import Dialect
    from adaptive_batching.sandbox.telemetry.logstream import LogStream
    from adaptive_batching.sandbox.telemetry.subscriptions import Subscription


class Telemetry:
    """Fans events out. Thread-safe; the order of `emit` is the order of delivery."""

    def __init__(
        self,
        log: LogStream,
        dialect: Callable[[Subscription], Dialect],
        faults: Faults | None = None,
        *,
        redeliver: bool = True,
    ) -> None:
        self._log = log
        self._faults = faults or Faults()
        self._redeliver = redeliver
        self._dialect = dialect
        self._lock = threading.RLock()
        self._early: list[Event] = []
        self._subscribers: dict[str, Subscriber] = {}
        self._former: list[Subscriber] = []
        self._fresh: set[str] = set()  # who subscribed since the last reset
        self._open = True

    def emit(self, event: Event, *, in_stream: bool = True, delivered: bool = True) -> None:
        """Show an event to CloudWatch and queue it for everyone who subscribed to its type, unless told not to."""
        with self._lock:
            if in_stream:
                self._log.write(event)
            if not delivered:
                return
            if self._open:
                self._early.append(event)
            for subscriber in self._subscribers.values():
                self._push(subscriber, event)

    def subscribe(self, name: str, subscription: Subscription, at: float) -> None:
        """Accept a subscription or raise Refused. The same one again is accepted and changes nothing."""
        with self._lock:
            if not self._open:
                raise subscription_closed(subscription.api)
            known = self._subscribers.get(name)
            if known and name in self._fresh:
                _again(known.subscription, subscription)
                return
            if known:
                with _connecting(subscription):
                    known.redirect(subscription, self._dialect(subscription))
                self._fresh.add(name)
                self._tell(name, "Already subscribed", subscription, at)
                return
            dialect = self._dialect(subscription)
            with _connecting(subscription):
                subscriber = Subscriber(name, subscription, dialect, self._faults, redeliver=self._redeliver)
            self._fresh.add(name)
            subscriber.on_dropped = self._tell_drop
            for event in self._early:
                self._push(subscriber, event)
            self._subscribers[name] = subscriber
            self._tell(name, "Subscribed", subscription, at)

    def _tell(self, name: str, state: str, subscription: Subscription, at: float) -> None:
        record = events.subscription(name, state, subscription.types)
        self.emit(Event(at, "platform.telemetrySubscription", record))

    def _tell_drop(self, records: int, size: int) -> None:
        self.emit(Event(time.time(), "platform.logsDropped", events.logs_dropped(records, size)))

    @staticmethod
    def _push(subscriber: Subscriber, event: Event) -> None:
        if event.category not in subscriber.subscription.types:
            return
        encoded = subscriber.dialect.render(event)
        if encoded is not None:
            subscriber.push(encoded)

    def close_subscriptions(self) -> None:
        """Init is over: refuse further subscriptions and forget the early events."""
        with self._lock:
            self._open = False
            self._early = []
            # An extension that asked for its first event without subscribing again keeps its subscription.
            for subscriber in self._subscribers.values():
                subscriber.attach()

    def reopen(self, *, clear: bool = False) -> None:
        """Begin an Init after a reset; subscribers stay and wait for their extensions to come back, unless cleared."""
        with self._lock:
            self._open = True
            self._fresh = set()
            former = list(self._subscribers.values()) if clear else []
            if clear:
                self._subscribers = {}
            self._former += former
        for subscriber in former:
            subscriber.stop()

    def detach(self, name: str) -> None:
        """Send an extension nothing more: its process has ended. Its subscription stays."""
        with self._lock:
            if name in self._subscribers:
                self._subscribers[name].detach()

    def subscribers(self) -> list[Subscriber]:
        """Return who is, or was before a reset that cleared subscriptions, delivered to."""
        with self._lock:
            return [*self._former, *self._subscribers.values()]

    def _current(self) -> list[Subscriber]:
        with self._lock:
            return list(self._subscribers.values())

    def deliveries(self) -> list[Delivery]:
        """Return every acknowledged delivery so far, in order of time."""
        return sorted(
            (one for subscriber in self.subscribers() for one in subscriber.deliveries), key=lambda one: one.at
        )

    def pause(self, timeout: float) -> None:
        """Pause every delivery, see `Subscriber.pause`."""
        for subscriber in self._current():
            subscriber.pause(timeout)

    def drop_answers(self) -> None:
        """Pause every delivery between a POST and its answer, see `Subscriber.drop_answer`."""
        for subscriber in self._current():
            subscriber.drop_answer()

    def resume(self) -> None:
        """Go on everywhere."""
        for subscriber in self._current():
            subscriber.resume()

    def flush(self, timeout: float) -> None:
        """Deliver what waits, up to `timeout` seconds for each subscriber."""
        for subscriber in self._current():
            subscriber.flush(timeout)

    def stop(self) -> None:
        """End every delivery."""
        for subscriber in self._current():
            subscriber.stop()


@contextlib.contextmanager
def _connecting(subscription: Subscription) -> Iterator[None]:
    """Refuse the subscription when its TCP destination, which is dialled at once, cannot be connected to."""
    try:
        yield
    except OSError as error:
        text = f"destination.port: {subscription.destination.port} cannot be connected to ({error.strerror})"
        raise invalid_subscription(subscription.api, text) from None


def _again(known: Subscription, wanted: Subscription) -> None:
    """Judge a second subscription in the same Init: the same one is harmless, the other API is a mistake."""
    if known.api != wanted.api:
        raise invalid_subscription(wanted.api, f"the extension is subscribed to the {known.api} API already")
    if known != wanted and wanted.api != LOGS:
        raise internal_error("the extension is subscribed already")
