"""The shell: one consumer on the main thread, fed by one inbox, which carries out what the core decides.

The listener, the poller and the uploader are helper threads. The consumer never does I/O that can block and never
waits longer than the core's `wake_at()`. What is heavy is imported here, after the first `event/next` was written.
"""

import time

from extension.messages import say
from extension.poller import Gone, Poller, Polled


def run(settings: "Settings", started: "Started", environ: "Mapping[str, str]") -> int:
    """Consume until SHUTDOWN; the process's exit code. Whatever breaks, the function goes on: `event/next` is polled."""
    poller = Poller(started.calls, started.inbox)
    poller.start()
    if started.api:
        try:
            return _ship(settings, started, environ, poller)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the function must live
            say("error", "shipping has ended for this environment, the function goes on", {"why": _traceback(error)})
            poller.release()  # the invocation in whose middle it broke, if there was one
    return _poll_only(started.inbox, poller)


def _ship(settings: "Settings", started: "Started", environ: "Mapping[str, str]", poller: Poller) -> int:
    # Heavy from here on: json, zlib, the store with its TLS.
    import json  # noqa: PLC0415
    import os  # noqa: PLC0415

    import _signal  # noqa: PLC0415

    from extension import events, objects  # noqa: PLC0415
    from extension.batcher import Batcher  # noqa: PLC0415
    from extension.shipper import Shipper  # noqa: PLC0415
    from extension.stores import factory  # noqa: PLC0415
    from extension.telemetry import Reader  # noqa: PLC0415
    from extension.uploader import Uploader  # noqa: PLC0415

    def now() -> events.Moment:
        return events.Moment(time.monotonic(), time.time())

    def polled(body: bytes) -> "events.Event":
        event = json.loads(body)
        if event.get("eventType") == "SHUTDOWN":
            return events.Shutdown(str(event.get("shutdownReason", "")).lower(), event.get("deadlineMs", 0) / 1000)
        return events.Invoke(str(event.get("requestId", "")), event.get("deadlineMs", 0) / 1000, str(event.get("invokedFunctionArn", "")))

    def terminated(*_: object) -> None:
        inbox.interrupt(events.Shutdown("sigterm", time.time() + SIGTERM_SECONDS))

    inbox = started.inbox
    _signal.signal(_signal.SIGTERM, terminated)
    origin = objects.Origin(
        environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"), environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""), os.urandom(6).hex()
    )
    origin.api, origin.schema = started.api, started.schema
    reader = Reader(settings.log_types, origin)
    shipper = Shipper(settings, Batcher(settings, origin, unique_id), reader, origin, managed=started.managed)
    store = factory.create(settings.client, settings.bucket, settings.region, environ, lambda text: say("warning", text))
    store.warm_up()
    uploader = Uploader(store, inbox)
    uploader.start()
    shed = 0
    while True:
        wake_at = shipper.wake_at()
        for item in inbox.take(None if wake_at is None else wake_at - time.monotonic()) or [None]:
            if isinstance(item, Gone):
                say("error", "the Extensions API has gone", {"why": item.why})
                return 1
            event = polled(item.body) if isinstance(item, Polled) else item
            for action in shipper.handle(event, now()):  # type: ignore[arg-type]
                if isinstance(action, events.Upload):
                    uploader.submit(action)
                elif isinstance(action, events.Abandon):
                    uploader.abandon()
                elif isinstance(action, events.Release):
                    poller.release()
                elif isinstance(action, events.Say):
                    say(action.level, action.message, action.fields)
                else:
                    if action.lost_records:
                        say("error", "records could not be shipped", {"records": action.lost_records, "bytes": action.lost_bytes})
                    return 0
        if inbox.shed_batches > shed:
            shed = inbox.shed_batches
            say("error", "the queue was full: the oldest batches are lost", {"batches": shed, "bytes": inbox.shed_bytes})


def _poll_only(inbox: "Inbox", poller: Poller) -> int:
    """Keep the function alive: release every invocation at once, leave at SHUTDOWN."""
    while True:
        for item in inbox.take(None):
            if isinstance(item, Gone):
                return 1
            if isinstance(item, Polled):
                if b'"SHUTDOWN"' in item.body:
                    return 0
                poller.release()


def unique_id() -> str:
    """A random UUID (version 4), drawn anew at each call: a snapshot may be restored many times."""
    import os  # noqa: PLC0415 - loaded long ago

    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _traceback(error: Exception) -> str:
    import traceback  # noqa: PLC0415 - only now needed

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))[-4000:]


SIGTERM_SECONDS = 2.0  # until SIGKILL is to be expected after a SIGTERM; lambda-protocol 7.5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension import events
    from extension.inbox import Inbox
    from extension.settings import Settings
    from extension.startup import Started
