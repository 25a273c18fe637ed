"""Bringing telemetry to one subscriber: a thread, a session, one POST in flight, redelivery, a pause while frozen.

Delivery is at least once: what was not answered with 2xx is sent again, the same bytes, with back-off (protocol
reference 6.3). What waits is bounded; beyond that the oldest is dropped and said in a `platform.logsDropped`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.telemetry.batching import Batcher
from adaptive_batching.sandbox.telemetry.splitting import split
from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.telemetry.dialects import Dialect
    from adaptive_batching.sandbox.telemetry.subscriptions import Subscription

#: Bytes that may wait for one subscriber. A guess: production's bound is not published.
BACKLOG = 32 * 1024 * 1024
#: Seconds for one POST, from connecting to the answer.
POST_TIMEOUT = 5.0
BACK_OFF_FIRST, BACK_OFF_LAST = 0.05, 1.0


@dataclass(frozen=True)
class Delivery:
    """One POST that was answered with 2xx (or one write to a TCP destination). `at` is seconds since the epoch."""

    subscriber: str
    at: float
    events: tuple[bytes, ...]  # whole: an event that was cut counts when its last piece arrived
    attempts: int
    sent: tuple[bytes, ...] = ()  # as they stood in the body, pieces included

    @property
    def records(self) -> list[dict[str, Any]]:
        """The envelopes, in order."""
        return [json.loads(event.decode("utf-8", "surrogatepass")) for event in self.events]


class Courier:
    """Delivers to one subscriber; `dropped` records were given up, `cuts` POSTs were cut by a freeze.

    Raises OSError when a TCP destination cannot be connected to.
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
        self._faults = faults or Faults()
        self._redeliver = redeliver
        self._pieces: dict[bytes, bytes] = {}  # last piece -> whole event; other pieces -> b""
        self.subscription = subscription
        self.dialect = dialect
        self.deliveries: list[Delivery] = []
        self.failures = 0
        self.dropped = 0
        self.on_dropped: Callable[[int, int], None] = lambda _records, _size: None
        self._batcher = Batcher(subscription.buffering)
        self._changed = threading.Condition()
        self._paused = self._stopped = self._urged = self._posting = False
        self._held: list[bytes] = []  # taken from the batcher and not yet acknowledged
        self._session = requests.Session()
        self._session.trust_env = False  # proxies of this machine's user are not the platform's
        self._orphaned = False
        self._socket = self._connect(subscription)
        self._unanswered: socket.socket | None = None
        self.cuts = 0
        self._thread = threading.Thread(target=self._run, name=f"deliver-{name}", daemon=True)
        self._thread.start()

    def push(self, event: bytes) -> None:
        """Queue one encoded event, in pieces if it is larger than the subscription's maxBytes."""
        later = [stamp(time.time() + 0.001)]
        with self._changed:
            pieces = split(event, self.subscription.buffering.max_bytes, later)
            if len(pieces) > 1:
                self._pieces |= dict.fromkeys(pieces[:-1], b"") | {pieces[-1]: event}
            for piece in pieces:
                self._batcher.push(piece, time.monotonic())
            dropped = self._batcher.drop_oldest(BACKLOG) if self._batcher.size > BACKLOG else (0, 0)
            self._changed.notify_all()
        if dropped[0]:
            self._drop(*dropped)

    def _drop(self, records: int, size: int) -> None:
        self.dropped += records
        self.on_dropped(records, size)

    def pause(self, patience: float) -> None:
        """Start no further POST; wait up to `patience` seconds for the one in flight."""
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: not self._posting, patience)

    def cut(self) -> None:
        """Pause; what waits is POSTed first and nobody reads the answer: it is sent again after `resume`."""
        self.pause(POST_TIMEOUT)
        with self._changed:
            self._held = self._held or self._take()
            batch = tuple(self._held)
        target = self.subscription.destination
        if not batch or target.protocol == "TCP" or self._orphaned:
            return
        body = b"[" + b",".join(batch) + b"]"
        head = (
            f"{target.method} {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            self._unanswered = socket.create_connection(("127.0.0.1", target.port), POST_TIMEOUT)
            self._unanswered.sendall(head.encode() + body)
            self.cuts += 1

    def resume(self) -> None:
        """Go on after `pause` or `cut`."""
        with self._changed:
            if self._unanswered is not None:
                self._unanswered.close()
                self._unanswered = None
            self._paused = False
            self._changed.notify_all()

    def flush(self, patience: float) -> bool:
        """Deliver what waits without waiting for thresholds; say whether all of it arrived within `patience` s."""
        with self._changed:
            self._urged = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._held and not len(self._batcher), patience)
            self._urged = False
            return done

    def orphan(self) -> None:
        """The subscriber's process has ended: nobody answers, although another environment may have its port by now."""
        self._orphaned = True

    def adopt(self) -> None:
        """The subscriber is back."""
        self._orphaned = False

    def redirect(self, subscription: Subscription, dialect: Dialect) -> None:
        """Deliver elsewhere from now on: the extension came back after a reset and subscribed again.

        Raises OSError when a TCP destination cannot be connected to.
        """
        connection = self._connect(subscription)
        with self._changed:
            self.subscription = subscription
            self.dialect = dialect
            self._batcher.limits = subscription.buffering
            self._hang_up()
            self._socket = connection
            self._orphaned = False
            self._changed.notify_all()

    @staticmethod
    def _connect(subscription: Subscription) -> socket.socket | None:
        """Dial a TCP destination; an HTTP one is dialled at the first POST."""
        target = subscription.destination
        return socket.create_connection(("127.0.0.1", target.port), POST_TIMEOUT) if target.protocol == "TCP" else None

    def unacknowledged(self) -> list[bytes]:
        """Return the events that were POSTed, or are about to be, and not acknowledged yet; cut ones are whole."""
        with self._changed:
            return [whole for event in self._held if (whole := self._pieces.get(event, event))]

    def undelivered(self) -> int:
        """Return how many events were never acknowledged."""
        with self._changed:
            return len(self._held) + len(self._batcher)

    def stop(self) -> None:
        """End the thread; what waits stays undelivered."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self._hang_up()
        self.resume()
        self._session.close()

    def _run(self) -> None:
        attempts = 0
        while True:
            with self._changed:
                while not self._ready():
                    self._changed.wait(self._patience())  # anew after each push: the first one sets the timer
                if self._stopped:
                    return
                self._held = self._held or self._take()
                self._posting = True
                batch = tuple(self._held)
            attempts += 1
            delivered = self._send(batch)
            times = int(delivered)
            if delivered and self._faults.strikes("duplicate"):
                times += self._send(batch)
            with self._changed:
                self._posting = False
                if delivered:
                    whole = self._whole(batch)
                    self.deliveries += [Delivery(self.name, time.time(), whole, attempts, batch)] * times
                else:
                    self.failures += 1
                if delivered or not self._redeliver:
                    self._held, attempts = [], 0
                self._changed.notify_all()
                if not delivered and self._redeliver:
                    delay = min(BACK_OFF_LAST, BACK_OFF_FIRST * 2.0 ** (attempts - 1))
                    self._changed.wait_for(lambda: self._stopped, delay)
            if not delivered and not self._redeliver:
                self._drop(len(batch), sum(map(len, batch)))

    def _take(self) -> list[bytes]:
        batch = self._batcher.take()
        return self._faults.shuffled(batch) if batch and self._faults.strikes("shuffle") else batch

    def _whole(self, batch: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the events that are complete with this batch, put together again."""
        return tuple(whole for event in batch if (whole := self._pieces.pop(event, event)))

    def _ready(self) -> bool:
        if self._stopped:
            return True
        if self._paused:
            return False
        waiting = bool(self._held) or (self._urged and len(self._batcher) > 0)
        return waiting or self._batcher.due(time.monotonic())

    def _patience(self) -> float | None:
        if self._paused:
            return None
        due_at = self._batcher.due_at()
        return None if due_at is None else max(0.0, due_at - time.monotonic())

    def _send(self, batch: tuple[bytes, ...]) -> bool:
        if self._orphaned:
            return False
        target = self.subscription.destination
        if target.protocol == "TCP":
            return self._write(b"".join(event + b"\n" for event in batch), target.port)
        try:
            answer = self._session.request(
                target.method,
                f"http://127.0.0.1:{target.port}{target.path}",
                data=b"[" + b",".join(batch) + b"]",
                headers={"Content-Type": "application/json", "Host": f"{target.host}:{target.port}"},
                timeout=POST_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
        return answer.ok

    def _write(self, data: bytes, port: int) -> bool:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", port), POST_TIMEOUT)
            self._socket.sendall(data)
        except OSError:
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
