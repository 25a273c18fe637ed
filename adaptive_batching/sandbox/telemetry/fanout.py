"""The stream of events of one environment, which goes to the log stream and to each subscriber.

During Init, events are also kept and delivered to later subscribers (docs/lambda-protocol.md, 6.4).
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
    """Delivers events in the order of the calls of `emit`. Thread-safe."""

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
        self._fresh: set[str] = set()  # names of extensions that subscribed since the last reset
        self._open = True

    def emit(self, event: Event, *, in_stream: bool = True, delivered: bool = True) -> None:
        """Write an event to the log stream and queue it for the subscribers to its type.

        Without `in_stream` it is not written to the log stream, and without `delivered` it is not queued.
        """
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
        """Accept a subscription or raise Refused. Subscribing again in the same way changes nothing.

        `name` is that of the extension, `at` is seconds since the epoch.
        """
        with self._lock:
            if not self._open:
                raise subscription_closed(subscription.api)
            known = self._subscribers.get(name)
            if known and name in self._fresh:
                _check_repeated(known.subscription, subscription)
                return
            if known:
                with _connecting(subscription):
                    known.redirect(subscription, self._dialect(subscription))
                self._fresh.add(name)
                self._emit_subscription(name, "Already subscribed", subscription, at)
                return
            dialect = self._dialect(subscription)
            with _connecting(subscription):
                subscriber = Subscriber(name, subscription, dialect, self._faults, redeliver=self._redeliver)
            self._fresh.add(name)
            subscriber.on_dropped = self._emit_dropped
            for event in self._early:
                self._push(subscriber, event)
            self._subscribers[name] = subscriber
            self._emit_subscription(name, "Subscribed", subscription, at)

    def _emit_subscription(self, name: str, state: str, subscription: Subscription, at: float) -> None:
        record = events.subscription(name, state, subscription.types)
        self.emit(Event(at, "platform.telemetrySubscription", record))

    def _emit_dropped(self, records: int, size: int) -> None:
        self.emit(Event(time.time(), "platform.logsDropped", events.logs_dropped(records, size)))

    @staticmethod
    def _push(subscriber: Subscriber, event: Event) -> None:
        if event.category not in subscriber.subscription.types:
            return
        encoded = subscriber.dialect.render(event)
        if encoded is not None:
            subscriber.push(encoded)

    def close_subscriptions(self) -> None:
        """End the time for subscriptions: refuse further ones and drop the early events."""
        with self._lock:
            self._open = False
            self._early = []
            # An extension that asked for its first event without subscribing again keeps its subscription.
            for subscriber in self._subscribers.values():
                subscriber.attach()

    def reopen(self, *, clear: bool = False) -> None:
        """Begin an Init after a reset. Subscribers are kept until their extensions subscribe again, unless `clear`."""
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
        """Stop sending to an extension, because its process has ended. Its subscription stays."""
        with self._lock:
            if name in self._subscribers:
                self._subscribers[name].detach()

    def subscribers(self) -> list[Subscriber]:
        """Return the subscribers, including those from before a reset that cleared subscriptions."""
        with self._lock:
            return [*self._former, *self._subscribers.values()]

    def _current(self) -> list[Subscriber]:
        with self._lock:
            return list(self._subscribers.values())

    def deliveries(self) -> list[Delivery]:
        """Return the acknowledged deliveries, in order of time."""
        return sorted(
            (one for subscriber in self.subscribers() for one in subscriber.deliveries), key=lambda one: one.at
        )

    def pause(self, timeout: float) -> None:
        """Pause every delivery. See `Subscriber.pause`."""
        for subscriber in self._current():
            subscriber.pause(timeout)

    def drop_answers(self) -> None:
        """Pause every delivery between a POST and its answer. See `Subscriber.drop_answer`."""
        for subscriber in self._current():
            subscriber.drop_answer()

    def resume(self) -> None:
        """Resume every delivery."""
        for subscriber in self._current():
            subscriber.resume()

    def flush(self, timeout: float) -> None:
        """Deliver the waiting events, in at most `timeout` seconds for each subscriber."""
        for subscriber in self._current():
            subscriber.flush(timeout)

    def stop(self) -> None:
        """End every delivery."""
        for subscriber in self._current():
            subscriber.stop()


@contextlib.contextmanager
def _connecting(subscription: Subscription) -> Iterator[None]:
    """Refuse the subscription if connecting to its TCP destination, which is done at once, fails."""
    try:
        yield
    except OSError as error:
        text = f"destination.port: {subscription.destination.port} cannot be connected to ({error.strerror})"
        raise invalid_subscription(subscription.api, text) from None


def _check_repeated(known: Subscription, wanted: Subscription) -> None:
    """Raise Refused for a second subscription in the same Init that differs from the first or uses the other API."""
    if known.api != wanted.api:
        raise invalid_subscription(wanted.api, f"the extension is subscribed to the {known.api} API already")
    if known != wanted and wanted.api != LOGS:
        raise internal_error("the extension is subscribed already")
