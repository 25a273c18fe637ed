"""The thresholds: one test for each rule in the module's docstring, and their edges."""

from itertools import count

import pytest

from extension.core.batcher import AGE, BYTES, INVOKES, Batcher
from extension.events import Moment
from extension.records import objects
from extension.records.body import Body
from extension.records.reader import Received
from tests.unit.extension.build import EPOCH, START, at, told


def batcher(**settings: object) -> Batcher:
    numbers = count(1)
    wide = {"SHIP_RATE_BYTES": 1000, "SHIP_RATE_INVOKES": 3, "SHIP_RATE_MILLISECONDS": 10_000} | settings
    origin = objects.Origin("orders-api", "$LATEST", "0123456789ab")
    return Batcher(told(**wide), origin, lambda: str(next(numbers)))


def post(size: int, records: int = 1, first: str = "", last: str = "") -> Received:
    """What one POST of `size` encoded bytes came to."""
    received = Received()
    received.lines = b"x" * (size - 1) + b"\n"
    received.records = records
    received.first_time, received.last_time = first, last or first
    return received


def test_reached_is_crossed_in_bytes() -> None:
    batches = batcher()
    batches.push(post(999), at(0))
    assert batches.due(at(0)) == ""
    batches.push(post(1), at(0))
    assert batches.due(at(0)) == BYTES


def test_reached_is_crossed_in_invocations() -> None:
    batches = batcher()
    batches.push(post(1), at(0))
    batches.invoked()
    batches.invoked()
    assert batches.due(at(0)) == ""
    batches.invoked()
    assert batches.due(at(0)) == INVOKES


def test_reached_is_crossed_in_age() -> None:
    batches = batcher()
    batches.push(post(1), at(5))
    assert batches.due(at(14.99)) == ""
    assert batches.due(at(15)) == AGE


def test_the_wake_up_planned_for_an_age_finds_it_reached() -> None:
    for start in range(1000):
        batches = batcher(SHIP_RATE_MILLISECONDS=100)
        batches.push(post(1), at(start / 7))
        wake_at = batches.due_at
        assert wake_at is not None
        assert batches.due(Moment(wake_at, wake_at - 1000 + EPOCH)) == AGE


def test_any_single_post_fits_and_is_never_divided() -> None:
    batches = batcher()
    batches.push(post(20 * 1024 * 1024, records=50), at(0))
    chunk = batches.take(BYTES, START, START)
    assert (chunk.raw_bytes, chunk.records, len(chunk.body)) == (20 * 1024 * 1024, 50, 20 * 1024 * 1024)
    assert (batches.raw_bytes, batches.records) == (0, 0)


def test_the_age_is_that_of_the_oldest_waiting_record() -> None:
    batches = batcher()
    batches.push(post(1), at(0))
    batches.push(post(1), at(9))
    assert batches.age(at(9.5)) == 9.5
    assert batches.due(at(10)) == AGE


def test_an_empty_batcher_has_no_age_and_is_never_due() -> None:
    batches = batcher()
    for _ in range(10):
        batches.invoked()
    assert (batches.age(at(1e6)), batches.due(at(1e6)), batches.due_at) == (0.0, "", None)


def test_a_post_without_shipped_records_leaves_the_batcher_empty() -> None:
    batches = batcher()
    batches.push(Received(), at(0))
    assert batches.due(at(1e6)) == ""
    batches.push(post(1), at(100))
    assert batches.age(at(101)) == pytest.approx(1.0)


def test_an_invocation_counts_also_while_nothing_waits() -> None:
    batches = batcher()
    for _ in range(3):
        batches.invoked()
    batches.push(post(1), at(0))
    assert batches.due(at(0)) == INVOKES


def test_invocations_can_be_left_out_of_the_question() -> None:
    batches = batcher()
    for _ in range(3):
        batches.invoked()
    batches.push(post(1), at(0))
    assert batches.due(at(0), count_invokes=False) == ""


def test_counting_starts_again_when_a_chunk_is_taken() -> None:
    batches = batcher()
    for _ in range(3):
        batches.invoked()
    batches.push(post(1000), at(0))
    batches.take(BYTES, START, START)
    batches.push(post(999), at(50))
    assert (batches.due(at(50)), batches.invokes, batches.records) == ("", 0, 1)
    assert batches.due(at(60)) == AGE


def test_an_empty_batcher_cannot_be_taken_from() -> None:
    batches = batcher()
    with pytest.raises(ValueError, match="empty"):
        batches.take(BYTES, START, START)
    batches.push(post(1), at(0))
    assert batches.take(BYTES, START, START).records == 1  # the refusal has changed nothing


def test_bytes_are_counted_before_compression() -> None:
    batches = batcher(COMPRESSION="gzip")
    batches.push(post(1000), at(0))
    assert batches.due(at(0)) == BYTES
    chunk = batches.take(BYTES, START, START)
    assert len(chunk.body) < 100
    assert (chunk.raw_bytes, chunk.content_encoding, chunk.key[-3:]) == (1000, "gzip", ".gz")


def test_the_key_is_of_the_arrival_of_the_first_record_not_of_the_last_nor_of_the_take() -> None:
    batches = batcher()
    batches.push(post(1), at(1))
    batches.push(post(1), at(7200))
    key = batches.take(AGE, START, START).key
    assert key == f"function=orders-api/date=2026-11-25/hour=12/orders-api-{int((EPOCH + 1) * 1000)}-1.log"


def test_first_and_last_time_span_all_posts_of_the_chunk_and_only_it() -> None:
    batches = batcher()
    batches.push(post(1, first="2026-11-20T09:15:05Z", last="2026-11-20T09:15:06Z"), at(0))
    batches.push(post(1), at(0))
    batches.push(post(1, first="2026-11-20T09:15:01Z", last="2026-11-20T09:15:02Z"), at(0))
    batches.push(post(1, first="2026-11-20T09:15:03Z"), at(0))
    metadata = batches.take(BYTES, START, START).metadata
    assert (metadata["first-time"], metadata["last-time"]) == ("2026-11-20T09:15:01Z", "2026-11-20T09:15:06Z")
    assert (metadata["records"], metadata["raw-bytes"], metadata["reason"]) == ("4", "4", "bytes")
    batches.push(post(1), at(0))
    assert "first-time" not in batches.take(BYTES, START, START).metadata


@pytest.mark.parametrize(
    ("ship_bytes", "limit"), [(1, 8 * 1024 * 1024), (8 * 1024 * 1024, 8 * 1024 * 1024), (104857600, 104857600)]
)
def test_the_open_chunk_ends_at_8_mib_or_at_the_threshold_if_larger(ship_bytes: int, limit: int) -> None:
    assert batcher(SHIP_RATE_BYTES=ship_bytes).limit == limit


def test_a_lowered_threshold_is_due_earlier_and_no_lowering_makes_it_higher() -> None:
    batches = batcher()
    batches.thresholds.lower(100)
    batches.thresholds.lower(500)
    batches.push(post(99), at(0))
    assert batches.due(at(0)) == ""
    batches.push(post(1), at(0))
    assert batches.due(at(0)) == BYTES


def test_records_that_the_journal_does_not_hold_are_loose_and_their_chunk_says_how_many() -> None:
    batches = batcher()
    batches.push(post(70, records=2), at(0), 7)
    batches.push(post(30, records=3), at(0))
    batches.push(post(20, records=1), at(0))
    assert (batches.open.unjournalled_records, batches.open.unjournalled_bytes) == (4, 50)
    chunk = batches.take(BYTES, START, START)
    assert (chunk.unjournalled_records, chunk.unjournalled_bytes) == (4, 50)
    assert (batches.open.unjournalled_records, batches.open.unjournalled_bytes) == (0, 0)


def test_a_chunk_of_posts_that_the_journal_does_not_hold_seals_none_of_its_entries() -> None:
    batches = batcher()
    batches.push(post(1), at(0))
    seal = batches.take(BYTES, START, START).seal
    assert (seal.first, seal.last, seal.entries) == (None, None, None)


def test_another_key_of_a_chunk_is_of_the_same_arrival_and_is_sealed_anew() -> None:
    batches = batcher(COMPRESSION="gzip")
    batches.push(post(1), at(1))
    chunk = batches.take(AGE, START, START)
    other = batches.rekey(chunk)
    assert chunk.key.endswith("-1.log.gz")
    assert other.key == chunk.key.removesuffix("-1.log.gz") + "-2.log.gz"
    assert (other.seal.key, other.body) == (other.key, chunk.body)


class Upper(Body):
    """A body that can be told from the usual one."""

    __slots__ = ()

    def close(self) -> bytes | str:
        """In capitals."""
        return super().close().upper()


def test_each_chunk_has_a_body_of_the_kind_that_the_batcher_was_given() -> None:
    batches = Batcher(told(), objects.Origin("f", "1", "0123456789ab"), lambda: "u", lambda: Upper(gzip=False))
    bodies = []
    for _ in range(2):
        batches.push(post(3), at(0))
        bodies.append(batches.take(BYTES, START, START).body)
    assert bodies == [b"XX\n", b"XX\n"]
