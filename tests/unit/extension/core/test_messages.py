"""What operators read: each message of the core with all that stands beside it."""

from __future__ import annotations

from extension import events
from extension.core.counters import Counters
from extension.core.outbox import Delivery, Outbox
from extension.core.outbox.circuit import Circuit
from extension.errors import StoreError
from tests.unit.extension.build import chunk
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200
FAILED = "upload failed: the object is kept and retried"
OPENED = "circuit opened: store reports errors of its own, logs are buffered and retried"


def running() -> Story:
    """In the middle of a long invocation; chunk 2, of one record, is on its way since 11 s."""
    return warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(11, LONG)


def test_the_first_failure_is_told_with_its_reason_and_the_second_is_not() -> None:
    story = running().failed(11.1)
    assert story.fields == {FAILED: {"why": "scripted"}}
    assert story.failed(11.4).messages == [FAILED]


def test_that_the_circuit_opens_is_told_with_the_reason_and_what_waits() -> None:
    story = running().failed(11.1).failed(11.4).failed(11.9)
    assert story.fields[OPENED] == {"why": "scripted", "waiting_records": 1}


def test_that_the_store_is_reachable_again_is_told_after_one_failure_and_after_an_open_circuit() -> None:
    story = running().failed(11.1).stored(11.4)
    assert story.messages == [FAILED, "upload succeeded: store reachable again"]
    story.logs(12, LONG).failed(12.1).failed(12.4).failed(12.9).until(43).stored(43)
    assert story.messages[2:] == [FAILED, OPENED, "circuit closed: store reachable again"]
    assert story.fields["circuit closed: store reachable again"] == {}


def test_a_refused_object_is_named_with_its_records_and_the_stores_words() -> None:
    story = running()
    for number in range(3):
        story.failed(11.1 + number, StoreError.CONFIGURATION).until(12 + number)
    text = "object refused: set aside and retried later, others continue"
    assert story.fields[text] == {"key": story.chunks["2"].chunk.key, "records": 1, "why": "scripted"}


def test_that_if_none_match_is_no_longer_sent_is_told_once_with_the_reason() -> None:
    story = running().failed(11.1, StoreError.UNCONDITIONAL)
    text = "the store does not support conditional writes: If-None-Match is no longer sent"
    assert story.fields == {text: {"why": "scripted"}}


def test_a_key_collision_is_told_with_both_keys() -> None:
    story = running()
    taken = story.chunks["2"].chunk.key
    story.failed(11.1, StoreError.EXISTS)
    text = "key collision: another object has this key, a new key is used"
    assert story.fields == {text: {"taken": taken, "used": story.chunks["3"].chunk.key}}


def outbox() -> Outbox:
    return Outbox(Circuit(lambda: 1.0), Counters(), lambda one: one.with_key(one.key + "-again"))


def test_what_an_earlier_process_had_in_memory_only_is_told_with_its_key() -> None:
    box = outbox()
    box.add(Delivery.recovered(chunk("a", serial=1), 2), 1000)
    box.start(1.0)
    said = [one for one in box.answered(events.Uploaded(1), 1.1, held=True) if isinstance(one, events.Say)]
    assert [(one.level, one.message, one.fields) for one in said] == [
        ("error", "records lost: an earlier process had them in memory only", {"records": 2, "key": "a"})
    ]


def test_a_chunk_that_no_attempt_was_made_at_is_dropped_without_a_perhaps() -> None:
    box = outbox()
    box.add(Delivery(chunk("a", size=900), maybe_stored=False), 1000)
    said, discarded = box.add(Delivery(chunk("b", size=900), maybe_stored=False), 1000)
    assert isinstance(said, events.Say)
    assert said.message == "buffer limit reached: the oldest chunk is dropped, its records are lost"
    assert said.fields == {"records": 1, "bytes": 0, "key": "a"}
    assert isinstance(discarded, events.Discard)


def test_a_seal_counts_for_the_chunk_that_it_names() -> None:
    box = outbox()
    for name in "ab":
        box.add(Delivery(chunk(name, serial=1), maybe_stored=False), 1000)
    box.seal_written("b")
    assert [one.seal_written for one in box] == [False, True]
    box.seal_written("another")
    assert [one.seal_written for one in box] == [False, True]


def test_nothing_waits_nothing_wants_to_go() -> None:
    box = outbox()
    assert (box.ready_at(), box.ready(1e9), box.records, box.pending) == (None, False, 0, 0)
