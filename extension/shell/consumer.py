"""One consumer on the main thread, fed by one inbox, which carries out what the core decides.

The listener, the poller and the uploader are helper threads. The consumer never does I/O that can block and never
waits longer than the core's `wake_at()`.
"""

import json
import time

from extension import events
from extension.journal import Sealed
from extension.messages import say
from extension.shell.executor import Environment
from extension.shell.poller import Gone, Polled


class Consumer:
    """The loop. Constructing it puts everything of one environment together, and warms up what an upload needs."""

    def __init__(
        self, settings: "Settings", started: "Started", environ: "Mapping[str, str]", poller: "Poller"
    ) -> None:
        self._poller = poller
        self._inbox = started.inbox
        self._keeper = started.keeper
        self._listener = started.listener
        self._environment = Environment(settings, started, environ)
        self._shipper = self._environment.shipper
        self._faults = 0  # in a row
        self.leaving = False  # SHUTDOWN or SIGTERM has come
        self.taken: list[object] = []  # from the inbox and not consumed yet

    @property
    def waiting_records(self) -> int:
        """Records received that are neither stored nor lost."""
        return self._shipper.waiting_records

    def run(self) -> int:
        """Consume until the core says Exit; the process's exit code. Raises after two faults of ours in a row."""
        for left in self._environment.left_over():
            self.taken.append(left)
            self._consume_taken()
        while True:
            wake_at = self._shipper.wake_at()
            self.taken = self._inbox.take(None if wake_at is None else wake_at - time.monotonic()) or [None]
            self._count()
            code = self._consume_taken()
            if code >= 0:
                return code

    def _consume_taken(self) -> int:
        while self.taken:
            code = self._attempt(self.taken.pop(0))
            if code >= 0:
                return code
        return -1

    def _attempt(self, item: object) -> int:
        """Take one item, survive a fault in that; the exit code when it was the last, else -1."""
        try:
            code = self._consume(item)
        except Exception as error:  # noqa: BLE001 - one fault must not end the shipping
            unread = _batch_of(item) if self._shipper.is_reading else None
            self._shipper.is_reading = False
            self._survive(error, item, unread)
            return 0 if self.leaving and not self.taken else -1
        if item and not isinstance(item, events.Shed):
            self._faults = 0
        return code

    def _consume(self, item: object) -> int:
        if isinstance(item, Gone):
            say("error", "the Extensions API has gone", {"why": item.why})
            return 1
        if isinstance(item, Sealed):
            return self._carry_out(self._environment.take_up(item))
        event = _polled(item.body) if isinstance(item, Polled) else item
        if isinstance(item, events.GivenUp):
            event = self._read_again(item)
        self.leaving = self.leaving or isinstance(event, events.Shutdown)
        moment = events.Moment(time.monotonic(), time.time())
        return self._carry_out(self._shipper.handle(event, moment))  # type: ignore[arg-type]  # the inbox holds events

    def _carry_out(self, actions: "list[events.Action]") -> int:
        """Do what the core says; the exit code when it says Exit, else -1."""
        for number, action in enumerate(actions):
            try:
                if isinstance(action, events.Exit):
                    say("error" if action.lost_records else "info", "this environment ends", action.figures)
                    if action.figures["waiting"]:
                        self._environment.leave()
                    return 0
                if isinstance(action, events.Release):
                    self._poller.release()
                elif isinstance(action, events.Say):
                    say(action.level, action.message, action.fields)
                else:
                    self._environment.carry_out(action)
            except Exception:
                if any(isinstance(one, events.Release) for one in actions[number:]):
                    self._poller.release()
                raise
        return -1

    def _read_again(self, item: "events.GivenUp") -> "events.Event":
        """A body for which the queue had no room: the journal may have it."""
        for body in self._environment.bodies(item.serial, item.serial):
            return body
        say("error", "the queue was full: a batch is lost", {"records": item.records, "bytes": item.size})
        return events.Shed(item.records, item.size)

    def _survive(self, error: Exception, item: object, unread: "events.GivenUp | None") -> None:
        """Fail open: say it, let the function go on; a second fault in a row is one too many."""
        self._faults += 1
        self._shipper.accounts.errors += 1
        if self._faults > 1:
            self.taken[:0] = [unread] if unread else []  # counted by whoever takes over
            raise error
        import traceback  # eight files more, for a fault alone

        why = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-4000:]
        if unread:  # reading it again would be the same fault
            text = "a fault of the extension; it goes on, a batch is lost"
            say("error", text, {"records": unread.records, "bytes": unread.size, "why": why})
            self.taken.insert(0, events.Shed(unread.records, unread.size))
            self._environment.set_aside(unread.serial)
        else:
            say("error", "a fault of the extension; it goes on", {"why": why})
        if isinstance(item, Polled):
            self._poller.release()

    def _count(self) -> None:
        """Bring what the helper threads have counted into the accounts."""
        accounts = self._shipper.accounts
        accounts.echoes = self._keeper.echoes
        accounts.refused = self._listener.refused if self._listener else 0


def _batch_of(item: object) -> "events.GivenUp | None":
    """Serial, records and bytes of a batch; None for anything else."""
    if isinstance(item, events.LogsReceived):
        return item.given_up()
    return item if isinstance(item, events.GivenUp) else None


def _polled(body: bytes) -> "events.Event":
    """The event that `event/next` answered. Source: Extensions API 2020-01-01; the casing of the reason varies."""
    event = json.loads(body)
    deadline = event.get("deadlineMs", 0) / 1000
    if event.get("eventType") == "SHUTDOWN":
        return events.Shutdown(str(event.get("shutdownReason", "")).lower(), deadline)
    return events.Invoke(str(event.get("requestId", "")), deadline, str(event.get("invokedFunctionArn", "")))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.settings import Settings
    from extension.shell.poller import Poller
    from extension.startup import Started
