"""What is in the journal, and how long."""

import threading
from pathlib import Path

import pytest

from extension.core.duplicates import Duplicates
from extension.journal.directory import RESERVE
from extension.records.chunk import ReaderState, Seal
from tests.edge.extension.journal.build import ENVIRONMENT, FOLDER, WALL, Said, bodies, seal_of, segments
from tests.edge.extension.journal.conftest import Open


def test_what_was_appended_is_left_for_the_next_process(open_journal: Open, said: Said) -> None:
    first = open_journal()
    assert [first.append(b"%d" % number, WALL + number) for number in (1, 2, 3)] == [1, 2, 3]
    first.close()
    second = open_journal("another12345")
    assert second.environment == ENVIRONMENT
    assert list(second.entries(1, 9)) == [(1, WALL + 1, b"1"), (2, WALL + 2, b"2"), (3, WALL + 3, b"3")]
    assert (second.left.unsealed, second.left.seals, second.left.torn) == ([(1, 3)], [], 0)
    assert second.append(b"4", WALL) == 4
    assert said.lines == []


def test_a_new_journal_has_nothing_left_and_the_environment_it_was_given(open_journal: Open) -> None:
    journal = open_journal("0a0a0a0a0a0a")
    left = journal.left
    assert (journal.environment, left.unsealed, left.seals, left.state, left.last) == ("0a0a0a0a0a0a", [], [], None, 0)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_reader_goes_on_behind_the_newest_seal_whichever_was_written_last(
    open_journal: Open, order: tuple[int, int]
) -> None:
    first = open_journal()
    for number in range(1, 4):
        first.append(b"%d" % number, WALL)
    for entry in order:  # a chunk that the store refuses is overtaken, and may be sealed after its successor
        assert first.seal(seal_of(entry, entry))
    first.close()
    left = open_journal("another12345").left
    assert left.unsealed == [(3, 3)]
    assert left.state is not None
    assert (left.state.request_id, left.state.sequence) == ("r-2", 2)


def test_entries_can_be_read_back_while_more_arrive(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(1, 6):
        journal.append(b"%d" % number, WALL)
    reading = journal.entries(2, 4)
    assert next(reading)[2] == b"2"
    journal.append(b"6", WALL)
    assert [body for _, _, body in reading] == [b"3", b"4"]


@pytest.mark.holds("journal: a seal (key, range, request id, sequence, state) is written before the first attempt")
def test_a_seal_comes_back_with_the_state_before_and_after(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(1, 4):
        journal.append(b"%d" % number, WALL)
    states = ReaderState("r-1", ("r-0", "r-1"), 40), ReaderState("r-2", ("r-1", "r-2"), 52)
    seal = Seal("logs/key", 1, 2, *states, "age", '{"type":"extension.report"}\n')
    assert journal.seal(seal)
    journal.close()
    (back,) = (again := open_journal()).left.seals
    assert (back.key, back.entries, back.reason, back.report_line) == ("logs/key", (1, 2), "age", seal.report_line)
    assert (back.before.request_id, back.before.seen, back.before.sequence) == ("r-1", ("r-0", "r-1"), 40)
    assert (back.after.request_id, back.after.seen, back.after.sequence) == ("r-2", ("r-1", "r-2"), 52)
    assert again.left.unsealed == [(3, 3)]


def test_the_last_seal_of_a_chunk_counts_for_its_key_was_taken(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.seal(seal_of(1, 1, "taken"))
    journal.seal(seal_of(1, 1, "used"))
    journal.close()
    assert [one.key for one in open_journal().left.seals] == ["used"]


@pytest.mark.holds("journal: a new process continues environment id and sequence numbers")
def test_the_readers_state_outlives_the_chunk_so_that_no_sequence_number_is_used_twice(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal(limit=80_000)
    for number in range(1, 41):
        assert journal.append(bytes(4000), WALL)
        journal.seal(seal_of(number, number))
        journal.forget(number)
    assert len(segments(tmp_path)) == 1
    journal.close()
    between = open_journal()  # a process that closes no chunk
    between.append(b"41", WALL)
    between.forget(41)
    assert len(segments(tmp_path)) == 1
    between.close()
    left = open_journal().left
    assert (left.seals, left.unsealed) == ([], [])
    assert left.state is not None
    assert (left.state.sequence, left.state.request_id) == (40, "r-40")


def test_a_seal_of_a_chunk_that_is_in_memory_alone_keeps_the_sequence_going(open_journal: Open) -> None:
    journal = open_journal()
    assert journal.seal(seal_of(None, None, sequence=17))
    journal.close()
    left = open_journal().left
    assert (left.seals, left.state and left.state.sequence) == ([], 17)


def test_forget_takes_a_range_so_that_a_younger_chunk_may_be_stored_first(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(1, 7):
        journal.append(b"%d" % number, WALL)
    for first in (1, 3):
        journal.seal(seal_of(first, first + 1))
    journal.forget(4, 3)
    journal.close()
    again = open_journal()
    assert [one.key for one in again.left.seals] == ["key-1-2"]
    assert again.left.unsealed == [(5, 6)]
    again.forget(2)
    again.close()
    assert (open_journal().left.seals, again.left.unsealed) == ([], [(5, 6)])


def test_forgetting_nothing_or_the_same_twice_is_no_harm(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    for last in (0, 1, 1):
        journal.forget(last)
    journal.close()
    assert open_journal().left.unsealed == []


@pytest.mark.holds("journal: a body leaves the journal when its chunk is stored or given up, not before")
def test_segments_vanish_once_all_their_entries_are_forgotten(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    for _ in range(60):
        journal.append(bytes(100_000), WALL)
    assert len(segments(tmp_path)) == 6
    journal.forget(25)
    assert len(segments(tmp_path)) == 4
    journal.forget(60)
    assert len(segments(tmp_path)) == 1
    assert max(path.stat().st_size for path in segments(tmp_path)) <= 1024 * 1024


def test_an_entry_longer_than_a_segment_has_one_of_its_own(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    for size in (10, 3_000_000, 10):
        assert journal.append(bytes(size), WALL)
    assert len(segments(tmp_path)) == 3
    journal.close()
    assert [len(body) for body in bodies(open_journal())] == [10, 3_000_000, 10]


def test_serials_go_on_although_no_entry_is_left(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    assert journal.append(bytes(2_000_000), WALL) == 1
    journal.forget(1)
    assert sum(path.stat().st_size for path in segments(tmp_path)) < 1000
    journal.close()
    again = open_journal()
    assert (again.left.last, again.append(b"2", WALL)) == (1, 2)


def test_a_segment_whose_seal_still_counts_stays_until_that_chunk_is_stored(open_journal: Open) -> None:
    journal = open_journal(limit=200_000)
    journal.append(bytes(4000), WALL)
    for _ in range(8):
        journal.append(bytes(4000), WALL)
    journal.seal(seal_of(1, 1))  # stands in another segment than entry 1
    for _ in range(20):
        journal.append(bytes(4000), WALL)
    journal.forget(29, 2)
    journal.close()
    again = open_journal(limit=200_000)
    assert [one.key for one in again.left.seals] == ["key-1-1"]
    assert bodies(again, 1, 1) == [bytes(4000)]


def test_what_is_forgotten_stays_forgotten_when_the_file_that_said_so_is_gone(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal(limit=200_000)
    for _ in range(7):
        journal.append(bytes(4000), WALL)
    assert len(segments(tmp_path)) == 2
    journal.forget(6, 2)  # is written to the second segment, and holds for the first
    for _ in range(7):
        journal.append(bytes(4000), WALL)
    journal.forget(13, 7)
    assert [path.name for path in segments(tmp_path)] == ["segment-00000001", "segment-00000003"]
    journal.close()
    assert open_journal(limit=200_000).left.unsealed == [(1, 1), (14, 14)]


@pytest.mark.holds("twice: bodies in the journal are recognized after a restart too")
def test_bodies_received_before_a_restart_are_known_again_forgotten_ones_included(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(100):
        journal.append(b"body %d" % number, WALL)
    journal.forget(90)
    journal.close()
    again = open_journal()
    assert list(again.recent()) == [b"body %d" % number for number in range(36, 100)]
    duplicates = Duplicates(again.recent())
    assert [duplicates.seen(b"body 99"), duplicates.seen(b"body 36"), duplicates.seen(b"body 100")] == [
        True,
        True,
        False,
    ]


def test_after_a_snapshot_it_is_another_environment_and_old_chunks_keep_theirs(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.seal(seal_of(1, 1))
    journal.rename("restored0001")
    journal.append(b"2", WALL)
    journal.seal(seal_of(2, 2))
    journal.close()
    again = open_journal("another12345")
    assert again.environment == "restored0001"
    assert [one.environment for one in again.left.seals] == [ENVIRONMENT, "restored0001"]


def test_many_threads_append_and_each_entry_has_a_serial_of_its_own(open_journal: Open) -> None:
    journal = open_journal()
    given: dict[int, bytes] = {}

    def append(thread: int) -> None:
        for number in range(300):
            body = b"%d/%d" % (thread, number)
            serial = journal.append(body, WALL)
            assert serial is not None
            given[serial] = body

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(given) == list(range(1, 2401))
    assert {serial: body for serial, _, body in journal.entries(1, 2400)} == given


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
def test_folder_and_files_are_for_this_user_alone(open_journal: Open, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(mode=0o777)
    (tmp_path / FOLDER).chmod(0o777)
    journal = open_journal()
    journal.append(b"1", WALL)
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"segment-00000001", RESERVE}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / FOLDER).iterdir()} == {0o600}


def test_what_is_passed_over_is_forgotten_and_the_next_process_goes_on_from_the_state_behind_it(
    open_journal: Open,
) -> None:
    first = open_journal()
    for number in range(1, 5):
        first.append(b"%d" % number * 1000, WALL)
    first.pass_over(1, 3, ReaderState("r-3", ("r-3",), 7))
    first.append(b"5", WALL)
    first.close()
    left = open_journal("another12345").left
    assert left.unsealed == [(4, 5)]
    assert left.state is not None
    assert (left.state.request_id, left.state.sequence) == ("r-3", 7)


def test_what_is_passed_over_while_tmp_is_cleared_is_forgotten_too(open_journal: Open, tmp_path: Path) -> None:
    first = open_journal()
    for number in range(1, 4):
        first.append(b"%d" % number, WALL)
    for path in (tmp_path / FOLDER).iterdir():
        path.unlink()
    first.pass_over(1, 2, ReaderState("r-2", (), 0))
    first.close()
    left = open_journal("another12345").left
    assert left.unsealed == [(3, 3)]
    assert left.state is not None
    assert left.state.request_id == "r-2"
