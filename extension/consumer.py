"""One consumer on the main thread, fed by one inbox, which carries out what the core decides.

The listener, the poller and the uploader are helper threads. The consumer never does I/O that can block and never
waits longer than the core's `wake_at()`.
"""

import json
import os
import signal
import time

from extension import events, objects
from extension.batcher import Batcher
from extension.messages import say
from extension.poller import Gone, Polled
from extension.shipper import Shipper
from extension.stores import factory
from extension.telemetry import Reader
from extension.uploader import Uploader

SIGTERM_SECONDS = 2.0  # until SIGKILL is to be expected (lambda-runtime-environment, shutdown phase)


class Consumer:
    """Everything of one environment, put together. Constructing it warms up what the first upload needs."""

    def __init__(
        self, settings: "Settings", started: "Started", environ: "Mapping[str, str]", poller: "Poller"
    ) -> None:
        self._inbox = started.inbox
        self._poller = poller
        origin = objects.Origin(
            environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
            environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            os.urandom(6).hex(),
        )
        origin.api, origin.schema = started.api, started.schema
        reader = Reader(settings.log_types, origin)
        batcher = Batcher(settings, origin, unique_id)
        self._shipper = Shipper(settings, batcher, reader, managed=started.managed, chance=_chance)
        store = factory.create(settings.client, settings.bucket, settings.region, environ, _warn)
        store.warm_up()
        self._uploader = Uploader(store, self._inbox)
        self._uploader.start()
        self._shed = 0
        signal.signal(signal.SIGTERM, self._terminated)

    def run(self) -> int:
        """Consume until the core says Exit; the process's exit code."""
        while True:
            wake_at = self._shipper.wake_at()
            for item in self._inbox.take(None if wake_at is None else wake_at - time.monotonic()) or [None]:
                if isinstance(item, Gone):
                    say("error", "the Extensions API has gone", {"why": item.why})
                    return 1
                event = _polled(item.body) if isinstance(item, Polled) else item
                moment = events.Moment(time.monotonic(), time.time())
                for action in self._shipper.handle(event, moment):  # type: ignore[arg-type]  # the inbox holds events
                    if isinstance(action, events.Exit):
                        return self._left(action)
                    self._carry_out(action)
            self._report_shed()

    def _carry_out(self, action: "events.Action") -> None:
        if isinstance(action, events.Upload):
            self._uploader.submit(action)
        elif isinstance(action, events.Abandon):
            self._uploader.abandon()
        elif isinstance(action, events.Release):
            self._poller.release()
        elif isinstance(action, events.Say):
            say(action.level, action.message, action.fields)

    def _left(self, action: events.Exit) -> int:
        level = "error" if action.lost_records else "info"
        say(level, "this environment ends", action.figures)
        return 0

    def _report_shed(self) -> None:
        if self._inbox.shed_batches > self._shed:
            self._shed = self._inbox.shed_batches
            fields: dict[str, object] = {"batches": self._shed, "bytes": self._inbox.shed_bytes}
            say("error", "the queue was full: the oldest batches are lost", fields)

    def _terminated(self, *_: object) -> None:
        self._inbox.interrupt(events.Shutdown("sigterm", time.time() + SIGTERM_SECONDS))


def unique_id() -> str:
    """A random UUID (version 4), drawn anew at each call: a snapshot may be restored many times."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _chance() -> float:
    """A number from 0 to 1, drawn anew at each call."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _polled(body: bytes) -> "events.Event":
    """The event that `event/next` answered. Source: Extensions API 2020-01-01; the casing of the reason varies."""
    event = json.loads(body)
    deadline = event.get("deadlineMs", 0) / 1000
    if event.get("eventType") == "SHUTDOWN":
        return events.Shutdown(str(event.get("shutdownReason", "")).lower(), deadline)
    return events.Invoke(str(event.get("requestId", "")), deadline, str(event.get("invokedFunctionArn", "")))


def _warn(text: str) -> None:
    say("warning", text)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.poller import Poller
    from extension.settings import Settings
    from extension.startup import Started
