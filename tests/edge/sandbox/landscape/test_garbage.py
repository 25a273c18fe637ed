"""A service answers nonsense while a landscape runs: one sentence, no spin, and all goes on when it has recovered."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import requests

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.sandbox.fleet.fleet import Fleet

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


class Between(ThreadingHTTPServer):
    """Hands requests on to moto's server, but answers those that a cell wants garbage for.

    A request names its cell: in the queue's URL, or in the iterator of the table's stream.
    """

    daemon_threads = True

    def __init__(self, moto: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moto = moto
        self.cells: dict[str, Cell] = {}
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Between
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm, wbufsize = True, -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        named = re.search(rb"cell-[0-9]+", body)
        cell = self.server.cells.get(named[0].decode()) if named else None
        if cell and cell.garbage and operation == cell.operation:
            cell.times.append(time.monotonic())
            status, content = cell.garbage
        else:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(self.server.moto, data=body, headers=dict(self.headers), timeout=60)
            status, content = answer.status_code, answer.content
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


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

    def __init__(self, number: int, between: Between, direct: Clients, clients: Clients) -> None:
        self.operation, status, body = CELLS[number]
        self.garbage: tuple[int, bytes] | None = (status, body)
        self.times: list[float] = []
        self.said: list[str] = []
        self.fleet = AnsweringFleet()
        self.direct, self.name = direct, f"cell-{number}"
        fleet, told = cast("Fleet", self.fleet), (self.said.append, Outcomes())
        self.queue = direct("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        between.cells[self.name] = self
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
        between = stack.enter_context(Between(moto))
        stack.callback(between.shutdown)
        direct, clients = Clients(moto, REGION), Clients(between.url, REGION)
        cells = [Cell(number, between, direct, clients) for number in range(len(CELLS))]
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
