"""The shell around the core: run it, and whatever breaks in it, keep the function alive.

Loaded after the first `event/next` was written; what is heavy (the core, the store) is imported from here on, so that
a fault in it is one line on stderr and not the end of the function.
"""

from __future__ import annotations

from extension.errors import described
from extension.events import Shutdown, unread
from extension.inbox import EVERYTHING
from extension.messages import say
from extension.shell import next_event
from extension.shell.poller import Disconnected, Polled, Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.inbox import Inbox
    from extension.settings import Settings
    from extension.startup import Started


def run(settings: Settings, started: Started, environ: Mapping[str, str]) -> int:
    """Consume until SHUTDOWN; the process's exit code. `event/next` is polled whatever happens."""
    poller = Poller(started.calls, started.inbox)
    poller.start()
    pending: list[object] = []
    unshipped = 0
    if started.api:
        consumer = None
        try:
            from extension.shell.consumer import Consumer

            consumer = Consumer(settings, started, environ, poller)
            return consumer.run()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the extension, the function must live
            fields: dict[str, object] = {"why": described(error)}
            say("error", "internal error: shipping stopped for this environment, the function continues", fields)
        if consumer:
            pending, unshipped = consumer.pending, consumer.waiting_records
            if consumer.leaving:
                pending.append(Shutdown("", 0.0))
        else:
            started.intake.open(None, None)  # no body waits for a journal any more
    return poll_only(started.inbox, poller, pending, unshipped)


def poll_only(inbox: Inbox, poller: Poller, pending: list[object], unshipped: int) -> int:
    """Release every invocation at once, leave at SHUTDOWN; `pending` are items that were not consumed.

    What the platform still delivers goes into the journal, if there is one: a reset is followed by another process.
    """
    poller.release()  # the invocation in whose middle it broke, if there was one
    while True:
        for number, item in enumerate(pending):
            if batch := unread(item):
                unshipped += batch.records
            elif isinstance(item, Polled) and not _ends(item):
                poller.release()
            elif isinstance(item, (Polled, Shutdown, Disconnected)):  # Shutdown: SIGTERM
                behind = map(unread, (*pending[number + 1 :], *inbox.take(0, EVERYTHING)))
                unshipped += sum(batch.records for batch in behind if batch)
                if unshipped:
                    say(
                        "error",
                        "environment shutting down: nothing was shipped since the internal error",
                        {"records": unshipped},
                    )
                return 1 if isinstance(item, Disconnected) else 0
        pending = inbox.take(None)


def _ends(item: Polled) -> bool:
    event, _ = next_event.read(item.body, item.arrived)
    return isinstance(event, Shutdown)
