"""Carries out what `batches` decides: receives messages, runs batches, deletes what succeeded."""

from __future__ import annotations

import json
import threading
import time
import traceback
from functools import partial as bound
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, why
from adaptive_batching.sandbox.fleet.fleet import Fleet, ThrottledError
from adaptive_batching.sandbox.landscape import partial
from adaptive_batching.sandbox.landscape.asking import PAUSE, Asking
from adaptive_batching.sandbox.landscape.outcomes import MESSAGE, Given
from adaptive_batching.sandbox.landscape.queues.batches import RECEIVED_AT_ONCE, Batch, Batches
from adaptive_batching.sandbox.landscape.queues.records import event, message
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.sandbox.landscape.events import QueueMapping
    from adaptive_batching.sandbox.landscape.outcomes import Outcomes
    from adaptive_batching.sandbox.landscape.queues.batches import Message
    from adaptive_batching.sandbox.protocol.invocation import Invocation

#: Seconds that a request waits for messages, and between two looks at whether there are some, or room for a batch.
_WAIT, _LOOK = 1, 0.1


class QueuePoller:
    """Feeds one function from one queue, until `close`. Raises SandboxError.

    `sqs` is boto3's client, `say` gets a line for each mistake, `outcomes` each batch.
    """

    def __init__(
        self,
        mapping: QueueMapping,
        url: str,
        fleet: Fleet,
        sqs: Any,  # noqa: ANN401 - boto3 makes its classes at run time
        say: Callable[[str], None],
        outcomes: Outcomes,
    ) -> None:
        self._mapping, self._url, self._fleet, self._sqs = mapping, url, fleet, sqs
        self._say, self._outcomes = say, outcomes
        try:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
            visibility = float(found["Attributes"]["VisibilityTimeout"])
        except REFUSED as error:
            raise SandboxError(f"{mapping.queue} cannot be read: {why(error)}") from None
        self._batches = Batches(mapping, visibility)
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._reading = Asking(f"{mapping.queue} cannot be read", say, self._closed)
        self._runs: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._work, name=f"queue-{mapping.function}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Receive no more messages, and wait for the batches that run."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        for thread in list(self._runs):
            thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                self._step()
            except Exception:  # noqa: BLE001 - printed, and tried again
                traceback.print_exc()
                self._closed.wait(PAUSE)

    def _step(self) -> None:
        """Receive messages, and start the batches that are due."""
        with self._changed:
            count = self._batches.wanted(self._fleet.room)
            wake = self._batches.wake_at()
            pause = None if wake is None else max(0.0, wake - time.monotonic())
            if not count:
                self._changed.wait(min(_LOOK, pause or _LOOK))  # what is due already waits for room
        found = self._receive(count, pause) if count else []
        with self._changed:
            if count and not found:  # long polls have whole seconds, and not every server waits for them
                self._changed.wait(_LOOK if pause is None else min(_LOOK, pause))
            now = time.monotonic()
            self._batches.received(found, now)
            batches = [] if self._closed.is_set() else self._batches.poll(now, self._fleet.room)
            for batch in batches:
                thread = threading.Thread(target=self._run, args=(batch,), name="batch", daemon=True)
                self._runs.add(thread)
                thread.start()

    def _receive(self, count: int, pause: float | None) -> list[Message]:
        """Ask for messages, for no longer than until a batch is due."""
        wait = _WAIT if pause is None else min(_WAIT, int(pause))

        def receive() -> list[Message]:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            return [message(one, self._mapping.queue) for one in answer.get("Messages") or []]

        return self._reading(receive) or []

    def _run(self, batch: Batch) -> None:
        again = False
        try:
            again = not self._carry_out(batch)
        except Exception:  # noqa: BLE001 - printed, and the messages become visible again
            traceback.print_exc()
        with self._changed:
            if again:
                self._batches.throttled(batch.number, time.monotonic())
            else:
                self._batches.ended(batch.number)
            self._runs.discard(threading.current_thread())
            self._changed.notify_all()

    def _carry_out(self, batch: Batch) -> bool:
        """Run a batch and delete what succeeded, as soon as the function has answered. Return False if throttled."""
        given = Given(MESSAGE, tuple(one.message_id for one in batch.messages), self._mapping.partial)
        try:
            invocation = self._outcomes.begin(self._fleet, given, json.dumps(event(batch.messages)).encode())
        except ThrottledError:
            return False
        except SandboxError as error:
            self._say(f"{self._mapping.function} was not invoked: {error}")
            return True
        invocation.answered.wait()
        self._delete(batch.succeeded(self._failed(given, invocation)))
        invocation.done.wait()
        return True

    def _failed(self, given: Given, invocation: Invocation) -> set[str] | None:
        """Return the ids of the messages that failed, None if all did."""
        if invocation.broken:
            return None
        try:
            return given.failed(invocation.response, invocation.function_error)
        except partial.MalformedError as why:
            self._say(f"the answer of {self._mapping.function} fails its whole batch: {why}")
            return None

    def _delete(self, messages: Sequence[Message]) -> None:
        asking = Asking(f"messages of {self._mapping.queue} cannot be deleted", self._say)
        for start in range(0, len(messages), RECEIVED_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": one.handle}
                for number, one in enumerate(messages[start : start + RECEIVED_AT_ONCE])
            ]
            if codes := asking(bound(self._not_deleted, entries)):
                self._say(f"{counted(len(codes), MESSAGE)} of {self._mapping.queue} cannot be deleted: {codes[0]}")

    def _not_deleted(self, entries: Sequence[Mapping[str, str]]) -> list[str]:
        """Delete messages. Return the error codes of those that were not."""
        answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return [str(one["Code"]) for one in answer.get("Failed") or []]
