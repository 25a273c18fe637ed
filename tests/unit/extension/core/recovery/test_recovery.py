"""A chunk of an earlier process is made again out of the journal: the same key, bytes and metadata, for any bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extension import events
from extension.core import recovery
from extension.core.batcher import Batcher
from extension.core.shipper import Shipper
from extension.records import objects
from extension.records.body import Body
from extension.records.reader import Reader
from tests.unit.extension.build import at, invoke, told

if TYPE_CHECKING:
    from extension.records.chunk import Chunk

HEAD = b'{"time":"2026-11-20T09:15:02.150Z","type":"function","record":'
REQUESTS = st.sampled_from(["r1", "r2", "r3", "r4"])
NAMING = REQUESTS.map(lambda one: {"request_id": one}) | REQUESTS.map(lambda one: f'{{"requestId":"{one}"}}')
RECORDS = (
    NAMING
    | st.text(max_size=30)
    | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
)
TYPES = st.sampled_from(["function", "extension", "platform.report", "something.new"])
WHOLE = st.builds(
    lambda kind, record: json.dumps({"time": "2026-11-20T09:15:02.149Z", "type": kind, "record": record}).encode(),
    TYPES,
    RECORDS,
)
STARTS = st.builds(
    lambda kind, one: json.dumps({"time": "t", "type": kind, "record": {"requestId": one}}).encode(),
    st.sampled_from(["platform.start", "platform.start", "platform.report"]),
    REQUESTS,
)
PIECES = st.sampled_from(
    [HEAD + b'{"message":"AA}', HEAD + b'AA"}}', HEAD + b'"half}', HEAD + b'of it"}', HEAD + b"AA}"]
)
ARRAYS = st.lists(WHOLE | STARTS | PIECES, max_size=4).map(lambda parts: b"[" + b",".join(parts) + b"]")
BODIES = st.lists(st.tuples(ARRAYS | st.binary(max_size=40), st.sampled_from([0.0, 0.01, 0.5, 1.5, 30.0])), max_size=12)


def environment(
    *, gzip: bool, ship_bytes: int, concurrent: bool = False, **more: int
) -> tuple[Shipper, objects.Origin]:
    checked = told(COMPRESSION="gzip" if gzip else "none", SHIP_RATE_BYTES=ship_bytes, **more)
    origin = objects.Origin("orders-api", "$LATEST", "0123456789ab")
    origin.api, origin.schema = "telemetry", "2022-12-13"
    keys = iter(range(1, 10_000))
    batches = Batcher(checked, origin, lambda: str(next(keys)))
    reader = Reader(checked.log_types, origin, concurrent=concurrent)
    return Shipper(checked, batches, reader, managed=True), origin


class Life:
    """One process, whose every chunk is kept as it was shipped."""

    def __init__(self, *, gzip: bool, ship_bytes: int, concurrent: bool = False, **more: int) -> None:
        self.core, _ = environment(gzip=gzip, ship_bytes=ship_bytes, concurrent=concurrent, **more)
        self.chunks: list[Chunk] = []
        self.entries: dict[int, tuple[float, bytes]] = {}
        self.now = 0.0

    def feed(self, event: events.Event | None) -> None:
        for action in self.core.handle(event, at(self.now)):
            if isinstance(action, events.Upload):
                self.chunks.append(action.chunk)
                self.feed(events.Uploaded(action.attempt))

    def until(self, moment: float) -> None:
        while (wake := self.core.wake_at()) is not None and wake - 1000.0 <= moment:
            self.now = max(self.now, wake - 1000.0)
            self.feed(None)
        self.now = moment

    def post(self, body: bytes) -> None:
        serial, wall = len(self.entries) + 1, at(self.now).wall
        self.entries[serial] = wall, body
        self.feed(events.LogsReceived(body, serial, wall))


def again(chunk: Chunk, life: Life, *, gzip: bool) -> Chunk | None:
    """By another process, which knows the journal alone."""
    _, origin = environment(gzip=gzip, ship_bytes=1)
    seal = chunk.seal
    assert seal.entries is not None
    first, last = seal.entries
    entries = [(serial, *life.entries[serial]) for serial in range(first, last + 1)]
    checked = told(COMPRESSION="gzip" if gzip else "none")
    made = recovery.Rebuilding(seal, checked, origin, origin.environment, lambda: Body(gzip=gzip))
    for entry in entries:
        made.push(*entry)
    verdict = made.verdict()
    return verdict.chunk if isinstance(verdict, recovery.Rebuilt) else None


@pytest.mark.holds("journal: the next process ships the same bytes under the same key")
@settings(max_examples=300, deadline=None)
@given(BODIES, st.booleans(), st.sampled_from([1, 300, 100_000]), st.booleans())
def test_every_chunk_comes_back_with_the_same_key_bytes_and_metadata(
    bodies: list[tuple[bytes, float]],
    gzip: bool,  # noqa: FBT001
    ship_bytes: int,
    concurrent: bool,  # noqa: FBT001
) -> None:
    life = Life(gzip=gzip, ship_bytes=ship_bytes, concurrent=concurrent)
    if not concurrent:
        for request in ("r1", "r2", "r3", "r0"):
            life.feed(invoke(request, at(0.0)))
    for body, pause in bodies:
        life.post(body)
        life.until(life.now + pause)
    life.feed(events.Shutdown("spindown", at(life.now).wall + 2.0))
    life.until(life.now + 3.0)
    assert sum(chunk.records for chunk in life.chunks) == life.core.counters.received
    for chunk in life.chunks:
        made = again(chunk, life, gzip=gzip)
        assert made is not None
        assert (made.key, made.body) == (chunk.key, chunk.body)
        assert made.metadata == chunk.metadata
        assert (made.records, made.raw_bytes, made.content_encoding) == (
            chunk.records,
            chunk.raw_bytes,
            chunk.content_encoding,
        )
        assert made.seal is chunk.seal
    ranges = [chunk.seal.entries for chunk in life.chunks if chunk.seal.entries]
    covered = [serial for first, last in ranges for serial in range(first, last + 1)]
    assert covered == sorted(set(covered))  # no entry is in two chunks


def test_nothing_left_of_a_chunk_is_no_chunk() -> None:
    life = Life(gzip=False, ship_bytes=1)
    life.post(b"[" + HEAD + b'"a line"}]')
    (chunk,) = life.chunks
    _, origin = environment(gzip=False, ship_bytes=1)
    verdict = recovery.Rebuilding(chunk.seal, told(), origin, "", lambda: Body(gzip=False)).verdict()
    assert isinstance(verdict, recovery.Unreadable)
    assert (verdict.seal, verdict.lost) == (chunk.seal, chunk.records)


def test_a_record_whose_rest_was_in_memory_alone_is_kept_as_text() -> None:
    life = Life(gzip=False, ship_bytes=100_000)
    life.post(b"[" + HEAD + b'{"message":"AA}]')
    life.feed(events.LogsReceived(b"[" + HEAD + b'AA"}}]', 0, at(0.0).wall))
    life.feed(events.Shutdown("spindown", at(0.0).wall + 2.0))
    life.until(3.0)
    (chunk,) = life.chunks
    made = again(chunk, life, gzip=False)
    assert made is not None
    assert made.records == 1
    assert b"extension.unparsed" in bytes(made.body)  # type: ignore[arg-type]


@pytest.mark.holds("journal: the next process ships the same bytes under the same key")
def test_a_record_whose_rest_came_too_late_is_given_up_again_though_the_rest_is_there_by_now() -> None:
    life = Life(gzip=False, ship_bytes=100_000)
    life.post(b"[" + HEAD + b'{"message":"AA}]')
    life.until(1.5)
    life.post(b"[" + HEAD + b'AA"}}]')
    life.feed(events.Shutdown("spindown", at(1.5).wall + 2.0))
    life.until(4.5)
    (chunk,) = life.chunks
    assert chunk.seal.partial_at == (1, 2)  # the rest alone is a record that is cut, too
    made = again(chunk, life, gzip=False)
    assert made is not None
    assert (made.key, made.body, made.metadata) == (chunk.key, chunk.body, chunk.metadata)


@pytest.mark.holds("journal: the next process ships the same bytes under the same key")
def test_a_chunk_that_is_made_again_keeps_the_environment_of_its_seal() -> None:
    life = Life(gzip=False, ship_bytes=1)
    life.post(b"[" + HEAD + b'"a line"}]')
    (chunk,) = life.chunks
    chunk.seal.environment = "of-the-seal"
    made = again(chunk, life, gzip=False)
    assert made is not None
    assert b'"environment":"of-the-seal"' in bytes(made.body)  # type: ignore[arg-type]
    assert made.metadata["environment"] == "of-the-seal"


def test_a_seal_without_an_environment_is_of_the_journals() -> None:
    life = Life(gzip=False, ship_bytes=1)
    life.post(b"[" + HEAD + b'"a line"}]')
    (chunk,) = life.chunks
    chunk.seal.environment = ""
    made = again(chunk, life, gzip=False)
    assert made is not None
    assert made.body == chunk.body


def line(record: object, kind: str = "function") -> bytes:
    return json.dumps({"time": "t", "type": kind, "record": record}).encode()


def ids_of(chunk: Chunk | None) -> list[object]:
    assert chunk is not None
    return [one["requestId"] for one in objects.decode(bytes(chunk.body))]  # type: ignore[arg-type]


@pytest.mark.holds("journal: the next process ships the same bytes under the same key")
def test_a_chunk_in_the_middle_of_several_requests_comes_back_with_their_ids() -> None:
    life = Life(gzip=False, ship_bytes=1, concurrent=True)
    starts = [line({"requestId": f"r{number}"}, "platform.start") for number in range(100)]
    ends = [line({"requestId": f"r{number}"}, "platform.report") for number in range(60)]
    life.post(b"[" + b",".join(starts + ends[:40]) + b"]")
    late = [line({"requestId": "r0"}), line({"requestId": "r20"}), line({"requestId": "r99"}), line("a line")]
    life.post(b"[" + b",".join([*late, *ends[40:]]) + b"]")
    life.post(b"[" + b",".join(line({"requestId": f"r{number}"}, "platform.report") for number in range(60, 99)) + b"]")
    life.post(b"[" + b",".join(late) + b"]")
    assert ids_of(life.chunks[1])[:4] == ["r0", "r20", "r99", None]
    assert ids_of(life.chunks[3])[2:4] == ["r99", "r99"]
    made = again(life.chunks[3], life, gzip=False)
    assert ids_of(made)[2:4] == ["r99", "r99"]
    assert ids_of(again(life.chunks[1], life, gzip=False))[1:4] == ["r20", "r99", None]


@pytest.mark.holds("journal: the next process ships the same bytes under the same key")
def test_what_was_known_at_the_beginning_of_a_chunk_is_known_again_however_many_invocations_are_in_it() -> None:
    life = Life(gzip=False, ship_bytes=100_000, SHIP_RATE_INVOKES=1000)
    for request in ("old", "r0"):
        life.feed(invoke(request, at(0.0)))
        life.post(b"[" + line({"requestId": request}, "platform.start") + b"]")
    life.until(20.0)
    life.post(b"[" + line({"requestId": "r0"}, "platform.report") + b"," + line({"requestId": "old"}) + b"]")
    for number in range(1, 80):
        life.feed(invoke(f"r{number}", at(20.0)))
        life.post(b"[" + line({"requestId": f"r{number}"}, "platform.start") + b"]")
    life.post(b"[" + line({"requestId": "r40"}) + b"]")
    life.until(40.0)
    last = life.chunks[-1]
    assert ids_of(last)[:2] + ids_of(last)[-1:] == ["r0", "old", "r40"]
    made = again(last, life, gzip=False)
    assert made is not None
    assert made.body == last.body


@pytest.mark.holds("faults: a forged record makes no object unstorable: an ARN looks like one, headers stay under 2 KB")
def test_a_chunk_keeps_the_arn_that_it_was_sealed_with() -> None:
    life = Life(gzip=False, ship_bytes=1)
    life.post(b"[" + line({"requestId": "r1", "functionArn": "arn:of-a-record"}, "platform.start") + b"]")
    life.feed(invoke("r1", at(0.0)))
    life.post(b"[" + line("a line") + b"]")
    arns = [chunk.metadata["function-arn"] for chunk in life.chunks]
    assert arns == ["arn:of-a-record", "arn:aws:lambda:eu-west-1:111122223333:function:orders-api"]
    _, origin = environment(gzip=False, ship_bytes=1)
    origin.arn = "arn:of-the-next-process"
    for chunk, arn in zip(life.chunks, arns, strict=True):
        first, last = chunk.seal.entries or (0, 0)
        made = recovery.Rebuilding(chunk.seal, told(), origin, "", lambda: Body(gzip=False))
        for serial in range(first, last + 1):
            made.push(serial, *life.entries[serial])
        verdict = made.verdict()
        assert isinstance(verdict, recovery.Rebuilt)
        assert verdict.chunk.metadata["function-arn"] == arn
