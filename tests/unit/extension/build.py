"""Makes cores for tests: a shipper with everything pure around it, and POST bodies as the platform sends them."""

import json
from collections.abc import Callable
from itertools import count

from extension import events, settings
from extension.core.batcher import Batcher
from extension.core.recovery import filters_of
from extension.core.shipper import Shipper
from extension.records import objects
from extension.records.chunk import Chunk, ReaderState, Seal
from extension.records.reader import Reader

PREFIX = settings.PREFIX
EPOCH = 1_795_608_000.0  # wall clock of the tests at mono 0


def told(**values: object) -> settings.Settings:
    """Settings as from an environment; keys without the prefix."""
    environ = {PREFIX + name: str(value) for name, value in values.items()}
    return settings.from_environ({PREFIX + "S3_BUCKET": "a-bucket", "AWS_REGION": "eu-west-1", **environ})


def core(
    *,
    managed: bool = False,
    chance: Callable[[], float] = lambda: 1.0,
    restored: Callable[[], None] | None = None,
    origin: objects.Origin | None = None,
    **values: object,
) -> Shipper:
    """A shipper whose keys end in 1, 2, 3 ..."""
    numbers = count(1)
    checked = told(**values)
    origin = origin or objects.Origin("orders-api", "$LATEST", "0123456789ab")
    reader = Reader(checked.log_types, origin, filters=filters_of(checked.filters))
    batches = Batcher(checked, origin, lambda: str(next(numbers)))
    made = Shipper(checked, batches, reader, managed=managed, chance=chance, restored=restored)
    made.conditional(wanted=checked.conditional)
    return made


def at(seconds: float, wall: float | None = None) -> events.Moment:
    """The moment `seconds` after the start of the test, on both clocks unless `wall` says otherwise."""
    return events.Moment(1000.0 + seconds, EPOCH + (seconds if wall is None else wall))


def logs(*envelopes: dict[str, object]) -> events.LogsReceived:
    """One POST."""
    return events.LogsReceived(json.dumps(envelopes).encode())


def function_line(text: str = "hello\n") -> dict[str, object]:
    """One envelope of type function."""
    return {"time": "2026-11-20T09:15:02.150Z", "type": "function", "record": text}


def platform(kind: str, request_id: str, **more: object) -> dict[str, object]:
    """One platform envelope that names a request."""
    return {"time": "2026-11-20T09:15:02.101Z", "type": f"platform.{kind}", "record": {"requestId": request_id, **more}}


def invoke(request_id: str, now: events.Moment, seconds: float = 30.0) -> events.Invoke:
    """An INVOKE whose function times out `seconds` after `now`."""
    return events.Invoke(request_id, now.wall + seconds, "arn:aws:lambda:eu-west-1:111122223333:function:orders-api")


START = ReaderState(None, (), 0)


def chunk(key: str, body: bytes = b"", *, size: int | None = None, serial: int | None = None, **more: int) -> Chunk:
    """A closed chunk of one record; `serial` is that of its one entry in the journal, None: it is not there."""
    seal = Seal(key, serial, serial, START, ReaderState(None, (), 1), "bytes")
    values = {"records": 1, "raw_bytes": len(body), **more}
    return Chunk(seal, body, len(body) if size is None else size, "", {"reason": "bytes"}, **values)
