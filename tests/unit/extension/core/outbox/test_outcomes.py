"""What an answer of the store means: done, somebody else's, try again; and writes that must not overwrite."""

import json

import pytest

from extension import events
from extension.core.outbox import Delivery
from extension.core.recovery import Rebuilt
from extension.errors import StoreError
from tests.unit.extension.build import at, chunk
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200
EXISTS, UNCONDITIONAL = StoreError.EXISTS, StoreError.UNCONDITIONAL
MIB = 1024 * 1024


def busy(**values: object) -> Story:
    """In the middle of a long invocation; chunk 2 is on its way."""
    return warm(SHIP_RATE_BYTES=200, **values).invoke("r1", 10, timeout=900).logs(11, LONG)


@pytest.mark.holds('circuit: "it exists" after an unknown outcome means that the chunk is stored')
def test_exists_after_an_unknown_outcome_means_done() -> None:
    story = busy().failed(11.5, StoreError.TRANSPORT).until(12).failed(12.1, EXISTS)
    assert story.told[-1] == "12.1 say info"
    assert story.ledger == (2, 2, 0)


@pytest.mark.holds('circuit: "it exists" after an unknown outcome means that the chunk is stored')
def test_exists_after_a_freeze_cut_the_first_attempt_means_done() -> None:
    story = busy().done("r1", 11.1).freeze(600).invoke("r2", 611.1).failed(611.2, StoreError.ABANDONED)
    story.failed(611.3, EXISTS)
    assert (story.core.counters.shipped, story.core.counters.lost) == (2, 0)


@pytest.mark.holds(
    'circuit: "it exists" at a first attempt is a collision: the chunk gets a new key, which is reported'
)
def test_exists_at_a_first_attempt_is_a_collision_a_new_key_is_used_and_that_is_said() -> None:
    story = busy()
    story.core.seal_written(story.chunks["2"].chunk.key)  # as it is before an attempt
    story.failed(11.1, EXISTS)
    assert story.told[-3:] == ["11.1 rekey 3", "11.1 say warning", "11.1 upload 3 bytes(1)"]
    first, second = story.chunks["2"].chunk, story.chunks["3"].chunk
    assert (first.body, first.metadata) == (second.body, second.metadata)
    assert second.seal.key == second.key
    assert story.chunks["3"].must_seal  # the journal must learn of the new key first
    assert story.messages == ["key collision: another object has this key, a new key is used"]
    assert story.stored(11.2).ledger == (2, 2, 0)


@pytest.mark.holds(
    'circuit: "it exists" at a first attempt is a collision: the chunk gets a new key, which is reported'
)
def test_a_store_that_says_of_every_key_that_it_is_taken_is_a_failing_store() -> None:
    story = busy().failed(11.1, EXISTS).failed(11.2, EXISTS)
    assert story.told[-1] == "11.2 say warning"  # and no upload at once
    story.until(11.4).failed(11.5, EXISTS).until(11.9).failed(12, EXISTS)
    assert story.told[-1] == "12 say error"
    assert story.core.waiting_records == 1


REFUSED = [StoreError.THROTTLED, StoreError.CONFIGURATION, StoreError.CREDENTIALS]


@pytest.mark.holds('circuit: "it exists" after nothing but definite refusals is a collision too')
@pytest.mark.parametrize("kind", REFUSED)
def test_exists_after_a_definite_refusal_is_a_collision(kind: str) -> None:
    story = busy().failed(11.1, kind).until(11.4)
    assert story.told[-1] == "11.3 upload 2 bytes(1)"
    story.failed(11.5, EXISTS)
    assert story.told[-3:] == ["11.5 rekey 3", "11.5 say warning", "11.5 upload 3 bytes(1)"]
    assert story.stored(11.6).ledger == (2, 2, 0)


@pytest.mark.holds('circuit: "it exists" after nothing but definite refusals is a collision too')
@pytest.mark.parametrize("kind", [StoreError.TRANSPORT, StoreError.ABANDONED])
def test_exists_after_an_attempt_of_which_nothing_was_sent_is_a_collision(kind: str) -> None:
    story = busy()
    story.event(11.1, events.UploadFailed(2, kind, "refused", sent=False)).until(11.4).failed(11.5, EXISTS)
    assert story.told[-3:] == ["11.5 rekey 3", "11.5 say warning", "11.5 upload 3 bytes(1)"]


@pytest.mark.holds('circuit: "it exists" after an unknown outcome means that the chunk is stored')
def test_one_unknown_outcome_among_refusals_is_enough() -> None:
    story = busy().failed(11.1, StoreError.SERVER).until(11.4)
    story.event(11.5, events.UploadFailed(3, StoreError.TRANSPORT, "refused", sent=False)).until(11.9)
    assert story.failed(12, EXISTS).told[-1] == "12 say info"
    assert story.ledger == (2, 2, 0)


@pytest.mark.holds("shutdown: the last line names the keys under which lost records may be stored all the same")
@pytest.mark.parametrize("sent", [True, False])
def test_of_what_was_never_sent_the_last_line_does_not_say_that_it_may_be_stored(*, sent: bool) -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).shutdown(10.1)
    for hundredths in range(1030, 1200, 5):  # the next one would begin after the end
        attempt = story.until(hundredths / 100).core.in_flight
        if attempt:
            story.event(hundredths / 100, events.UploadFailed(attempt, StoreError.TRANSPORT, "refused", sent=sent))
    assert story.until(20).told[-1] == "12 exit lost 1"
    assert story.figures["lost"] == 1
    assert ("perhapsStored" in story.figures) == sent


def test_collisions_with_a_success_between_are_collisions() -> None:
    story = busy().failed(11.1, EXISTS).stored(11.2).logs(12, LONG).failed(12.1, EXISTS)
    assert story.told[-2:] == ["12.1 say warning", "12.1 upload 5 bytes(1)"]
    assert len(set(story.messages)) == 1


@pytest.mark.parametrize(("kind", "key"), [(EXISTS, 3), (UNCONDITIONAL, 2)])
def test_an_answer_that_asks_for_another_put_does_not_hurry_an_open_circuit(kind: str, key: int) -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11).until(11.9).invoke("r2", 12, timeout=900)
    assert story.until(13).told[-2] == "12.5 say error"
    assert story.failed(13, kind).until(60).told[-2:] == ["13 say warning", f"43 upload {key} bytes(1)"]


@pytest.mark.holds(
    "circuit: a store without conditional writes is asked once, then gets plain PUTs, which is reported once"
)
def test_a_store_that_does_not_know_conditional_writes_is_asked_once_and_that_is_said_once() -> None:
    story = busy()
    asked = [story.chunks["2"].conditional]
    story.failed(11.1, UNCONDITIONAL)
    assert story.told[-2:] == ["11.1 say warning", "11.1 upload 2 bytes(1)"]
    asked.append(story.chunks["2"].conditional)
    story.stored(11.2).logs(12, LONG)
    asked.append(story.chunks["3"].conditional)
    assert asked == [True, False, False]
    assert len(story.messages) == 1


@pytest.mark.holds(
    "circuit: a store without conditional writes is asked once, then gets plain PUTs, which is reported once"
)
def test_a_store_that_refuses_a_plain_put_as_unknown_is_a_failing_store() -> None:
    story = busy().failed(11.1, UNCONDITIONAL).failed(11.2, UNCONDITIONAL)
    assert story.told[-1] == "11.2 say warning"
    story.until(11.4).failed(11.5, UNCONDITIONAL).until(11.9).failed(12, UNCONDITIONAL)
    assert story.told[-1] == "12 say error"


@pytest.mark.holds("circuit: the store is asked not to overwrite, unless the setting is off")
def test_conditional_writes_can_be_switched_off() -> None:
    assert busy().chunks["2"].conditional
    assert not busy(CONDITIONAL_WRITE="off").chunks["2"].conditional


def snapshot() -> Story:
    """SnapStart, with 9 MiB logged before the snapshot, of which 8 make a chunk."""
    story = Story(restored=[].clear)
    for number in range(9):
        story.logs(number / 100, "x" * MIB)
    return story


@pytest.mark.holds("variants: SnapStart: a chunk closed before the snapshot keeps its key")
def test_a_chunk_from_before_a_snapshot_keeps_its_key_and_exists_means_that_a_copy_has_stored_it() -> None:
    story = snapshot().invoke("r1", 3600)
    assert story.told == ["3600 upload 1 backlog(8)"]
    story.failed(3600.1, EXISTS)
    assert story.core.counters.shipped == 8
    assert story.messages == []


@pytest.mark.holds("variants: SnapStart: a chunk closed before the snapshot keeps its key")
def test_what_was_open_at_the_snapshot_gets_a_key_after_it_and_a_collision_is_one() -> None:
    story = snapshot().invoke("r1", 3600).stored(3600.1)
    assert story.told[-1] == "3600.1 upload 2 restore(1)"
    story.failed(3600.2, EXISTS)
    assert story.told[-1] == "3600.2 upload 3 restore(1)"


def test_after_a_restore_a_collision_is_one_too() -> None:
    story = Story(restored=[].clear).invoke("r1", 0).done("r1", 0.1).until(0.2).failed(0.2, EXISTS)
    assert story.told[-2:] == ["0.2 say warning", "0.2 upload 2 first(1)"]


def test_without_a_snapshot_what_is_closed_before_the_first_invoke_is_shared_with_nobody() -> None:
    story = Story()
    for number in range(9):
        story.logs(number / 100, "x" * MIB)
    story.invoke("r1", 3600).failed(3600.1, EXISTS)
    assert story.told[-2:] == ["3600.1 say warning", "3600.1 upload 2 backlog(8)"]


def left(missing: int) -> tuple[Story, Delivery]:
    """A process that finds a chunk of the last one, of which `missing` records cannot be read any more."""
    story = Story(SHIP_RATE_BYTES=200)
    body = json.dumps({"time": "t", "type": "function", "record": "r"}).encode() + b"\n"
    story.core.recover(Rebuilt(chunk("key-7", body, serial=1), missing))
    return story, story.core.waiting[0]


@pytest.mark.holds(
    "journal: recovery begins after the first `event/next`, and its chunks are shipped with the first invocation"
)
def test_what_an_earlier_process_left_is_shipped_with_the_first_invocation_and_no_sooner() -> None:
    story, _ = left(0)
    assert story.logs(1, LONG).until(60).told == []
    assert story.invoke("r1", 61).stored(61.1).told[:2] == ["61 upload 7 bytes(1)", "61.1 upload 1 bytes(1)"]


@pytest.mark.holds(
    "journal: what an earlier process left is shipped first: the chunks, then the bodies that were in none"
)
def test_chunks_that_an_earlier_process_left_go_oldest_first_and_before_what_is_new() -> None:
    story, first = left(0)
    story.core.recover(Rebuilt(chunk("key-8", bytes(first.chunk.body), serial=2), 0))  # type: ignore[arg-type]
    story.logs(1, LONG).invoke("r1", 2).stored(2.1).stored(2.2).stored(2.3)
    assert story.told[:3] == ["2 upload 7 bytes(1)", "2.1 upload 8 bytes(1)", "2.2 upload 1 bytes(1)"]


@pytest.mark.holds('journal: "it exists" for a chunk of an earlier process means that it is stored')
def test_exists_at_a_chunk_that_an_earlier_process_left_means_done() -> None:
    story, delivery = left(0)
    assert delivery.seal_written  # the journal holds its seal
    story.invoke("r1", 1).failed(1.1, EXISTS)
    assert story.told == ["1 upload 7 bytes(1)"]
    assert story.ledger == (1, 1, 0)


@pytest.mark.holds(
    "journal: a chunk made again with records missing never overwrites; they are lost unless it was stored whole before"
)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_chunk_that_is_made_again_with_records_missing_never_overwrites(missing: int) -> None:
    story, _ = left(missing)
    story.core.conditional(wanted=False)
    story.invoke("r1", 1)
    assert story.chunks["7"].conditional
    assert story.ledger == (1 + missing, 0, 0)


@pytest.mark.holds(
    "journal: a chunk made again with records missing never overwrites; they are lost unless it was stored whole before"
)
def test_records_that_could_not_be_read_again_are_lost_only_if_the_earlier_process_had_not_stored_them() -> None:
    story, _ = left(2)
    assert story.core.waiting_records == 3
    assert story.invoke("r1", 1).stored(1.1).ledger == (3, 1, 2)
    assert story.told[-1] == "1.1 say error"
    story, _ = left(2)
    assert story.invoke("r1", 1).failed(1.1, EXISTS).ledger == (3, 3, 0)
    story, _ = left(2)  # now it may be this process's own attempt that is there
    story.invoke("r1", 1).failed(1.1, StoreError.TRANSPORT).until(2)
    assert story.failed(2.1, EXISTS).ledger == (3, 1, 2)


def old(key: str, mib: int, unrecovered: int = 0) -> Rebuilt:
    """A chunk of one record that an earlier process left, so large in the store."""
    return Rebuilt(chunk(f"key-{key}", size=mib * MIB), unrecovered)


@pytest.mark.parametrize(("threshold", "most"), [(1, 32), (20, 60)])
def test_what_earlier_processes_left_is_bounded_by_32_mib_or_three_of_a_larger_threshold(
    threshold: int, most: int
) -> None:
    story = Story(SHIP_RATE_BYTES=threshold * MIB)
    for key, mib, lost in (("a", most // 2, 0), ("b", most // 2, 0), ("c", 1, 1)):
        story.core.recover(old(key, mib))
        assert story.core.counters.lost == lost
    assert story.invoke("r1", 1).told == ["1 upload b bytes(1)"]  # the oldest is lost


def test_an_earlier_process_s_chunk_that_is_shed_is_said_and_leaves_the_journal() -> None:
    story = Story()
    story.core.recover(old("a", 30))
    said, dropped = story.core.recover(old("b", 30))
    assert isinstance(said, events.Say)
    assert (said.level, said.fields["records"], said.fields["perhapsStored"]) == ("error", 1, {"key-a": 1})
    assert isinstance(dropped, events.Discard)
    assert dropped.seal.key == "key-a"


def test_a_chunk_larger_than_all_that_may_wait_waits_too_alone_or_behind_one_in_flight() -> None:
    story = Story()
    story.core.recover(old("a", 50))
    story.invoke("r1", 1)
    story.core.recover(old("b", 50))
    assert story.core.counters.lost == 0
    story.core.recover(old("c", 50))
    assert story.core.counters.lost == 1
    assert story.stored(1.1).told == ["1 upload a bytes(1)", "1.1 upload c bytes(1)"]


def test_what_is_shed_with_records_missing_is_lost_with_them() -> None:
    story = Story()
    story.core.recover(old("a", 50, 2))
    story.core.recover(old("b", 50))
    assert story.ledger == (4, 0, 3)


def test_what_is_shed_is_said_with_its_key_and_that_it_may_be_stored_after_all() -> None:
    story = Story()
    story.core.recover(old("a", 32))
    batch = b'[{"type":"function","record":"' + b"x" * (8 * MIB) + b'"}]'
    said = [action for action in story.core.handle(events.LogsReceived(batch), at(1)) if isinstance(action, events.Say)]
    assert [one.fields for one in said] == [{"records": 1, "bytes": 0, "key": "key-a", "perhapsStored": {"key-a": 1}}]


@pytest.mark.parametrize(("first", "lost"), [(1, 0), (None, 1)])  # None: the journal holds the seal, and no body of it
def test_after_a_reset_a_sealed_chunk_is_left_to_the_next_process_whole(first: int | None, lost: int) -> None:
    story = Story()
    # In memory alone: the next process misses it, and says so.
    made = chunk("key-a", size=MIB, serial=first, unjournalled_records=1, unjournalled_bytes=1)
    story.core.recover(Rebuilt(made, 0))
    assert story.shutdown(1, budget=0, reason="timeout").told == [f"1 exit lost {lost}"]
    assert (story.figures["waiting"], story.figures["lostBytes"]) == (1 - lost, lost)
    assert ("perhapsStored" in story.figures) == bool(lost)


def test_under_a_key_of_its_own_nothing_is_perhaps_stored_before_a_put_was_left_unanswered() -> None:
    story, _ = left(2)
    story.invoke("r1", 1).failed(1.1, UNCONDITIONAL).failed(1.2, StoreError.THROTTLED).shutdown(1.25, budget=0)
    assert story.told[-1] == "1.25 exit lost 3"
    assert "perhapsStored" not in story.figures


def test_what_is_closed_behind_it_is_bounded_by_three_of_a_larger_threshold_too() -> None:
    story = Story(SHIP_RATE_BYTES=17 * MIB)
    story.core.recover(old("a", 16))
    assert story.logs(1, "x" * 17 * MIB).logs(2, "x" * 17 * MIB).core.counters.lost == 0
    assert story.logs(3, "x" * 17 * MIB).core.counters.lost > 0


@pytest.mark.holds(
    "journal: a chunk made again with records missing never overwrites; they are lost unless it was stored whole before"
)
def test_where_the_store_cannot_but_overwrite_it_gets_a_key_of_its_own() -> None:
    story, delivery = left(2)
    story.invoke("r1", 1).failed(1.1, UNCONDITIONAL)
    assert story.told == ["1 upload 7 bytes(1)", "1.1 rekey 1", "1.1 say warning", "1.1 upload 1 bytes(1)"]
    assert not story.chunks["1"].conditional
    assert not delivery.must_not_overwrite
    story.failed(1.2, UNCONDITIONAL)
    assert story.told[-1] == "1.2 say warning"


def test_where_conditional_writes_are_off_nothing_needs_to_be_said_of_that() -> None:
    story, _ = left(2)
    story.core.conditional(wanted=False)
    assert story.invoke("r1", 1).failed(1.1, UNCONDITIONAL).told[-2:] == ["1.1 rekey 1", "1.1 upload 1 bytes(1)"]


@pytest.mark.holds("memory: waiting chunks are bounded in bytes; the oldest is dropped, whole and counted")
def test_shed_is_the_oldest_that_is_not_in_flight_and_the_journal_is_told() -> None:
    story = busy()
    batch = b'[{"type":"function","record":"' + b"x" * (8 * MIB) + b'"}]'
    found = [
        action
        for serial in range(1, 6)
        for action in story.core.handle(events.LogsReceived(batch, serial), story.now())
    ]
    dropped = [action.seal for action in found if isinstance(action, events.Discard)]
    assert [seal.key.rpartition("-")[2] for seal in dropped] == ["3.log", "4.log"]
    assert [(seal.first, seal.last) for seal in dropped] == [(1, 1), (2, 2)]
    assert story.core.counters.lost == 2
