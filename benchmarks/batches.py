"""POST bodies as the platform sends them. Deterministic: the lines look like a service's, and compress like them."""

from __future__ import annotations

import json
import random

MESSAGES = (
    "order accepted, waiting for payment",
    "payment retried after a timeout of the provider",
    "stock of the warehouse is lower than expected",
    "cache miss, the customer is read from the table",
    "shipment handed over to the carrier",
)
DETAILS = ("customer", "warehouse", "carrier", "basket", "voucher", "address", "invoice", "region")
PER_REQUEST = 20  # lines that share a trace id
TIME = "2026-11-21T09:15:02.150Z"


def lines(count: int, size: int, seed: int = 1) -> list[str]:
    """Return so many log lines of `size` characters, each with some varied fields, as structured logs have."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    made = []
    for number in range(count):
        if number % PER_REQUEST == 0:
            trace = f"{chance.getrandbits(64):016x}"
        text = f'{{"level":"INFO","n":{number},"trace":"{trace}","message":"{chance.choice(MESSAGES)}","detail":"'
        while len(text) < size - 3:
            text += f"{chance.choice(DETAILS)}={chance.randrange(1000)} "
        made.append(text[: size - 3] + '"}\n')
    return made


def body(logged: list[str], request_id: str = "", *, done: bool = True, start: bool = True) -> bytes:
    """Return one batch: the lines, between `platform.start` and `platform.runtimeDone` where a request is named."""
    records: list[dict[str, object]] = [{"time": TIME, "type": "function", "record": line} for line in logged]
    if request_id and start:
        record = {"requestId": request_id, "version": "$LATEST"}
        records.insert(0, {"time": TIME, "type": "platform.start", "record": record})
    if request_id and done:
        spans = [{"name": "responseLatency", "start": TIME, "durationMs": 4.1}]
        metrics = {"durationMs": 5.2, "producedBytes": 2}
        told = {"requestId": request_id, "status": "success", "metrics": metrics, "spans": spans}
        records.append({"time": TIME, "type": "platform.runtimeDone", "record": told})
    return json.dumps(records, separators=(",", ":")).encode()
