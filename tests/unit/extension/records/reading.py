"""Makes POST bodies, and reads what a reader made of them."""

import json

from extension.records import objects
from extension.records.envelopes import UNPARSED
from extension.records.reader import Reader, Received
from tests.unit.extension.build import EPOCH

ALL = ("platform", "function", "extension")
NOW = objects.iso_time(EPOCH)
TIME = "2026-11-20T09:15:02.150Z"


def reader(*types: str, concurrent: bool = False) -> Reader:
    return Reader(types or ALL, objects.Origin("orders-api", "$LATEST", "0123456789ab"), concurrent=concurrent)


def read(body: str | bytes, source: Reader | None = None) -> Received:
    return (source or reader()).read(body.encode() if isinstance(body, str) else body, EPOCH)


def lines(received: Received) -> list[dict[str, object]]:
    """Each line parsed by a reader that is not ours; a line that does not parse fails the test."""
    texts = received.lines.split(b"\n")
    assert texts.pop() == b""
    parsed = [json.loads(text) for text in texts]
    assert len(parsed) == received.records
    return parsed


def unparsed_texts(received: Received) -> list[object]:
    return [line["record"] for line in lines(received) if line["type"] == UNPARSED]


def envelope(kind: str, record: object, time: object = TIME) -> str:
    return json.dumps({"time": time, "type": kind, "record": record})


def start(request_id: str) -> str:
    return envelope("platform.start", {"requestId": request_id})


def request_ids(received: Received) -> list[object]:
    return [line["requestId"] for line in lines(received)]
