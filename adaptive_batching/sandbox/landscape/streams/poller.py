"""Carries out what `shard` decides: reads a stream, runs batches, sends what is discarded to a queue."""

from __future__ import annotations

import json
import threading
import time
import traceback
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.clients import REFUSED, why
from adaptive_batching.sandbox.fleet.fleet import Fleet, ThrottledError
from adaptive_batching.sandbox.landscape import partial
from adaptive_batching.sandbox.landscape.asking import PAUSE, Asking
from adaptive_batching.sandbox.landscape.outcomes import RECORD, Given
from adaptive_batching.sandbox.landscape.streams.records import Origin, discarded, event, record
from adaptive_batching.sandbox.landscape.streams.shard import Discarded, Run, Shard

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.fleet.aws.clients import Clients
    from adaptive_batching.sandbox.landscape.events import StreamMapping
    from adaptive_batching.sandbox.landscape.outcomes import Outcomes
    from adaptive_batching.sandbox.landscape.streams.shard import Batch, Record
    from adaptive_batching.sandbox.protocol.invocation import Invocation

#: Seconds between two reads: Lambda polls the shards of a stream at a base rate of four times a second.
POLL = 0.25
#: The most records that one read returns.
_AT_ONCE = 1000


class StreamPoller:
    """Feeds one function from one stream, until `close`. Raises SandboxError.

    `say` gets a line for each mistake, `outcomes` each batch.
    `queue` is the URL of the queue that gets a record of what is discarded, "" without one. What is written to the
    table after the constructor has returned is read.
    """

    def __init__(
        self,
        mapping: StreamMapping,
        fleet: Fleet,
        clients: Clients,
        queue: str,
        say: Callable[[str], None],
        outcomes: Outcomes,
    ) -> None:
        self._mapping, self._fleet, self._queue, self._say, self._outcomes = mapping, fleet, queue, say, outcomes
        self._streams, self._sqs = clients("dynamodbstreams"), clients("sqs")
        self._shard = Shard(mapping)
        try:
            self._shard_id, self._iterator = self._first()
        except REFUSED as error:
            raise SandboxError(f"the stream {mapping.stream} cannot be read: {why(error)}") from None
        self._last: Invocation | None = None
        self._closed = threading.Event()
        self._reading = Asking(f"the stream {mapping.stream} cannot be read", say, self._closed)
        self._thread = threading.Thread(target=self._work, name=f"stream-{mapping.function}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more records, and wait for the batch that runs."""
        self._closed.set()
        self._thread.join()

    def _first(self) -> tuple[str, str]:
        description = self._streams.describe_stream(StreamArn=self._mapping.stream)["StreamDescription"]
        shard = str(description["Shards"][0]["ShardId"])
        kind = "LATEST" if self._mapping.latest else "TRIM_HORIZON"
        found = self._streams.get_shard_iterator(StreamArn=self._mapping.stream, ShardId=shard, ShardIteratorType=kind)
        return shard, str(found["ShardIterator"])

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                going = self._step()
            except Exception:  # noqa: BLE001 - printed, and tried again
                traceback.print_exc()
                going = False
                self._closed.wait(PAUSE)
            if not going:
                wake = self._shard.wake_at()
                pause = POLL if wake is None else min(POLL, max(0.0, wake - time.time()))
                self._closed.wait(pause or POLL)

    def _step(self) -> bool:
        """Read, and run what is due. Return whether there is something to do at once."""
        if count := min(self._shard.wanted, _AT_ONCE):
            self._read(count)
        decision = self._shard.poll(time.time())
        if isinstance(decision, Run):
            self._run(decision.batch)
        elif decision is not None:
            self._discard(decision)
        return decision is not None

    def _read(self, count: int) -> None:
        def read() -> tuple[str, list[Record]]:
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=count)
            return str(answer["NextShardIterator"]), [record(one, self._mapping.stream) for one in answer["Records"]]

        if found := self._reading(read):  # else the same records are read again
            self._iterator, records = found
            self._shard.received(records, time.time())

    def _run(self, batch: Batch) -> None:
        given = Given(RECORD, tuple(one.sequence for one in batch.records), self._mapping.partial)
        invocation = self._invoked(batch, given)
        if invocation is None:
            self._shard.throttled(time.time())
            return
        self._last = invocation
        failed, first = self._failed(given, invocation)
        if not failed:
            self._shard.succeeded()
        elif end := self._shard.failed(time.time(), first):
            self._discard(end)

    def _invoked(self, batch: Batch, given: Given) -> Invocation | None:
        """Run a batch. Return None if it could not be run, because of a throttle or a failure of the sandbox."""
        try:
            invocation = self._outcomes.begin(self._fleet, given, json.dumps(event(batch.records)).encode())
            invocation.done.wait()
        except ThrottledError:
            return None
        except SandboxError as error:
            self._say(f"{self._mapping.function} was not invoked: {error}")
            return None
        except Exception:  # noqa: BLE001 - printed, and the batch is tried again
            traceback.print_exc()
            return None
        return None if invocation.broken else invocation

    def _failed(self, given: Given, invocation: Invocation) -> tuple[bool, str | None]:
        """Return whether a batch has failed, and from which record on, None for all of it."""
        if invocation.function_error:
            return True, None
        try:
            found = given.failed(invocation.response, None)
        except partial.MalformedError as why:
            self._say(f"the answer of {self._mapping.function} fails its whole batch: {why}")
            return True, None
        return bool(found), next((number for number in given.identifiers if number in found), None)

    def _discard(self, end: Discarded) -> None:
        last, function = self._last, self._fleet.function
        records = end.batch.records
        self._outcomes.gave_up(self._mapping.function, len(records))
        self._say(
            f"{function.name} gives up {len(records):,} of the stream's records after {end.batch.runs:,} runs: "
            f"{end.condition}, sequence numbers {records[0].sequence} to {records[-1].sequence}"
        )
        if not self._queue:
            return
        origin = Origin(self._mapping.stream, self._shard_id, function.arn, function.version)
        request_id = last.request_id if last and end.batch.runs else ""
        document = discarded(end, origin, request_id, last.function_error if last else None, time.time())
        asking = Asking(f"the record of what was discarded was not taken by {self._queue}", self._say)
        asking(lambda: self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps(document)))
