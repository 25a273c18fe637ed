"""A service answers nonsense while a landscape runs: one sentence, no spin, and all goes on when it has recovered."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.fleet.fleet import at_once
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.landscape.asking import PAUSE
from adaptive_batching.sandbox.landscape.events import QueueMapping, StreamMapping
from adaptive_batching.sandbox.landscape.outcomes import Outcomes
from adaptive_batching.sandbox.landscape.queues.poller import QueuePoller
from adaptive_batching.sandbox.landscape.streams.poller import StreamPoller
from adaptive_batching.sandbox.protocol.invocation import Invocation, Response
from adaptive_batching.sandbox.s3.embedded import REGION, embedded_s3
from tests.edge.sandbox.world import eventually
from tests.fakes.aws.between import between

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from tests.fakes.aws.between import Answer, Asked

PAGE = b"<!doctype html>\n<html><title>500 Internal Server Error</title></html>"
#: Answers of a server that is not AWS's, or is in a bad way: status and body.
ANYTHING = [(200, b"{}"), (200, b"[1]"), (200, b""), (200, PAGE), (500, PAGE), (403, b"[1]")]
#: Of these boto3 makes an answer without members, which AWS gives too, where there are no messages.
EMPTY = (b"{}", b"", PAGE)
#: Operation -> answers to it.
GARBAGE = {
    "ReceiveMessage": [
        *ANYTHING,
        (200, b'{"Messages":[1]}'),
        (200, b'{"Messages":{"a":1}}'),
        (200, b'{"Messages":[{}]}'),
    ],
    "DeleteMessageBatch": [*ANYTHING, (200, b'{"Failed":[{}]}'), (200, b'{"Failed":1}')],
    "GetRecords": [
        *ANYTHING,
        (200, b'{"NextShardIterator":"x","Records":[1]}'),
        (200, b'{"NextShardIterator":"x","Records":[{}]}'),
        (200, b'{"NextShardIterator":"x"}'),
    ],
    "SendMessage": ANYTHING,
}
#: What is asked over and over.
READS = ("ReceiveMessage", "GetRecords")
CELLS = [(operation, *answer) for operation, answers in GARBAGE.items() for answer in answers]


def garbage(asked: Asked, cells: Mapping[str, Cell]) -> Answer | None:
    """Return the answer that a cell wants. Requests name theirs: in the queue's URL, or in the stream's iterator."""
    named = re.search(rb"cell-[0-9]+", asked.body)
    cell = cells.get(named[0].decode()) if named else None
    if not cell or not cell.garbage or asked.action != cell.operation:
        return None
    cell.times.append(time.monotonic())
    return (*cell.garbage, {"Content-Type": "application/x-amz-json-1.0"})


class AnsweringFleet:
    """Answers each invocation at once: with an error, if `fails` is set."""

    room = 10
    function = Function(Path(), "a.b", "f")

    def __init__(self) -> None:
        self.fails = False
        self.payloads: list[bytes] = []

    def begin(self, payload: bytes, *, request_id: str) -> Invocation:
        self.payloads.append(payload)
        invocation = Invocation(payload, 3, "arn", "trace", request_id=request_id)
        invocation.answer(Response(b"null", "Unhandled" if self.fails else None))
        invocation.done.set()
        return invocation

    def got(self, text: str) -> bool:
        return any(text.encode() in one for one in self.payloads)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with embedded_s3() as endpoint:
        yield endpoint


class Cell:
    """One poller, one operation of whose service answers garbage until `recover`."""

    def __init__(self, number: int, cells: dict[str, Cell], direct: Clients, clients: Clients) -> None:
        self.operation, status, body = CELLS[number]
        self.garbage: tuple[int, bytes] | None = (status, body)
        self.times: list[float] = []
        self.said: list[str] = []
        self.fleet = AnsweringFleet()
        self.direct, self.name = direct, f"cell-{number}"
        fleet, told = cast("Fleet", self.fleet), (self.said.append, Outcomes())
        self.queue = direct("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        cells[self.name] = self
        self.streams = self.operation in ("GetRecords", "SendMessage")
        poller: QueuePoller | StreamPoller
        if self.streams:
            self.fleet.fails = self.operation == "SendMessage"
            made = direct("dynamodb").create_table(
                TableName=self.name,
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            )
            mapping = StreamMapping("f", made["TableDescription"]["LatestStreamArn"], retries=0)
            poller = StreamPoller(mapping, fleet, clients, self.queue, *told)
        else:
            arn = f"arn:aws:sqs:{REGION}:123456789012:{self.name}"
            poller = QueuePoller(QueueMapping("f", arn), self.queue, fleet, clients("sqs"), *told)
        self.close = poller.close
        self.put("first")

    def put(self, text: str) -> None:
        if self.streams:
            self.direct("dynamodb").put_item(TableName=self.name, Item={"id": {"S": text}})
        else:
            self.direct("sqs").send_message(QueueUrl=self.queue, MessageBody=text)

    def was_asked(self) -> bool:
        return len(self.times) >= (2 if self.operation in READS else 1)

    def goes_on(self) -> bool:
        return self.fleet.got("second")

    def recover(self) -> None:
        self.garbage = None
        self.put("second")


def test_garbage_for_an_answer_is_one_sentence_no_spin_and_no_end(
    moto: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(between(moto))
        named: dict[str, Cell] = {}
        server.answer = lambda asked: garbage(asked, named)
        direct, clients = Clients(moto, REGION), Clients(server.endpoint, REGION)
        cells = [Cell(number, named, direct, clients) for number in range(len(CELLS))]
        stack.callback(at_once, [cell.close for cell in cells])
        for cell in cells:
            eventually(cell.was_asked, 60)
        for cell in cells:
            cell.recover()
        for cell in cells:
            eventually(cell.goes_on, 60)
        for cell, (operation, status, body) in zip(cells, CELLS, strict=True):
            times = cell.times
            said = [one for one in cell.said if "gives up" not in one]
            assert len(said) <= 1, (operation, status, body, said)
            assert not any("\n" in one or "<" in one for one in said), said
            assert said or body in EMPTY or (operation == "SendMessage" and status == 200), (operation, status, body)
            if operation in READS:
                least = PAUSE if said else 0.1
                assert times[-1] - times[0] >= 0.9 * least * (len(times) - 1), (operation, status, body)
    assert capsys.readouterr().err == ""
