"""A /tmp that somebody clears: what was journalled is written again, from what is still open."""

import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from extension.journal import Journal
from tests.edge.extension.journal.build import ENVIRONMENT, FOLDER, WALL, Clock, Said, bodies, seal_of, segments
from tests.edge.extension.journal.conftest import Open

UNWRITABLE = "the journal cannot be written"


@pytest.mark.holds(
    "journal: what another process removes from /tmp is written again with the next entry, and at the end"
)
@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
@pytest.mark.parametrize("how", ["everything", "files", "segments", "and made again"])
def test_after_tmp_is_cleared_the_journal_is_written_again_and_says_so_once(
    open_journal: Open, tmp_path: Path, said: Said, how: str
) -> None:
    journal = open_journal()
    for number in (1, 2, 3):
        journal.append(b"old %d" % number, WALL)
    journal.seal(seal_of(1, 2))
    for serial in (4, 5):
        if how in ("everything", "and made again"):
            shutil.rmtree(tmp_path / FOLDER)
        if how == "and made again":
            (tmp_path / FOLDER).mkdir()
        for path in (tmp_path / FOLDER).glob("segment-*" if how == "segments" else "*"):
            path.unlink()
        assert journal.append(b"new %d" % serial, WALL) == serial
        assert bodies(journal, 1, 99) == [b"old 1", b"old 2", b"old 3", b"new 4", b"new 5"][:serial]
    assert journal.wipes == 2
    assert said.messages == ["the journal was removed from /tmp"]
    assert journal.seal(seal_of(3, 5))
    journal.close()
    again = open_journal("another12345")
    assert (again.environment, again.left.unsealed) == (ENVIRONMENT, [])
    assert [one.entries for one in again.left.seals] == [(1, 2), (3, 5)]
    assert again.append(b"next", WALL) == 6


def test_a_seal_and_a_spooled_file_too_find_out_that_tmp_was_cleared(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    shutil.rmtree(tmp_path / FOLDER)
    assert journal.seal(seal_of(1, 1, sequence=7))
    shutil.rmtree(tmp_path / FOLDER)
    descriptor = journal.file()
    assert descriptor is not None
    assert os.fstat(descriptor).st_size == 0
    os.close(descriptor)
    journal.close()
    state = open_journal().left.state
    assert state is not None
    assert state.sequence == 7


@pytest.mark.parametrize(("later", "is_back"), [(0.0, False), (0.049, False), (0.051, True)])
def test_a_seal_at_once_behind_its_entries_does_not_see_a_move_and_the_next_entry_brings_both(
    open_journal: Open, tmp_path: Path, later: float, *, is_back: bool
) -> None:
    clock = Clock()
    journal = open_journal(now=clock)
    journal.append(b"1", WALL)
    (tmp_path / FOLDER).rename(tmp_path / "elsewhere")
    clock.now += later
    assert journal.seal(seal_of(1, 1))
    assert (tmp_path / FOLDER).exists() == is_back
    clock.now += 20
    assert journal.append(b"2", WALL) == 2
    journal.close()
    left = open_journal().left
    assert [one.entries for one in left.seals] == [(1, 1)]
    assert left.unsealed == [(2, 2)]


@pytest.mark.holds(
    "journal: what another process removes from /tmp is written again with the next entry, and at the end"
)
def test_what_an_earlier_process_left_outlives_a_cleared_tmp_too(open_journal: Open, tmp_path: Path) -> None:
    first = open_journal(limit=200_000)
    for _ in range(20):
        first.append(bytes(4000), WALL)
    first.seal(seal_of(1, 10))
    first.close()
    second = open_journal(limit=200_000)
    second.forget(10)
    kept = len(segments(tmp_path))
    shutil.rmtree(tmp_path / FOLDER)
    assert second.append(b"21", WALL) == 21
    assert len(segments(tmp_path)) == kept, "what is forgotten is not written again, and the last one is gone on with"
    second.close()
    assert open_journal(limit=200_000).left.unsealed == [(11, 21)]


def test_a_segment_that_was_removed_alone_is_written_again_too(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(limit=200_000)
    for _ in range(20):
        journal.append(bytes(4000), WALL)
    segments(tmp_path)[0].unlink()
    assert journal.append(b"21", WALL) == 21
    journal.close()
    assert open_journal(limit=200_000).left.unsealed == [(1, 21)]


@pytest.mark.holds(
    "journal: what another process removes from /tmp is written again with the next entry, and at the end"
)
@pytest.mark.parametrize("how", ["moved", "moved, and made again", "oldest", "newest", "another file"])
def test_what_is_moved_is_written_again_too(open_journal: Open, tmp_path: Path, said: Said, how: str) -> None:
    journal, folder = open_journal(limit=200_000), tmp_path / FOLDER
    expected = [b"%4000d" % serial for serial in range(1, 21)]
    for body in expected:
        journal.append(body, WALL)
    if how.startswith("moved"):
        folder.rename(tmp_path / "elsewhere")
        if how.endswith("made again"):
            folder.mkdir()
    else:
        segment = segments(tmp_path)[0 if how == "oldest" else -1]
        segment.rename(tmp_path / "a segment")
        if how == "another file":
            segment.write_bytes(b"something else")
    assert journal.append(b"21", WALL) == 21
    assert said.messages == ["the journal was removed from /tmp"]
    assert bodies(journal) == [*expected, b"21"]
    journal.close()
    assert bodies(open_journal("another12345", limit=200_000)) == [*expected, b"21"]


def test_where_a_link_stands_in_its_place_memory_has_to_do(open_journal: Open, tmp_path: Path, said: Said) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    (tmp_path / FOLDER).rename(tmp_path / "elsewhere")
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")  # the next process will not follow it
    assert journal.append(b"2", WALL) is None
    assert said.messages == ["the journal was removed from /tmp", UNWRITABLE]
    assert bodies(journal) == [b"1"]


@pytest.mark.holds("journal: a file of it that is cut costs what stood there, and nothing that comes later")
@pytest.mark.parametrize("left", [0, 5, 8000])
@pytest.mark.parametrize("which", [0, -1])
def test_a_file_that_is_cut_costs_what_stood_there_and_nothing_that_comes_later(
    open_journal: Open, tmp_path: Path, said: Said, left: int, which: int
) -> None:
    journal = open_journal(limit=200_000)
    expected = [b"%4000d" % serial for serial in range(1, 21)]
    for body in expected:
        journal.append(body, WALL)
    cut = segments(tmp_path)[which]
    content = cut.read_bytes()
    os.truncate(cut, left)
    later = [b"later %d" % number for number in range(3)]
    assert [journal.append(body, WALL) for body in later] == [21, 22, 23]
    kept = [body for body in expected if body not in content or 0 <= content.index(body) + len(body) <= left]
    assert bodies(journal) == kept + later
    assert said.messages == ["a file of the journal was cut"]
    assert journal.wipes == 1
    journal.close()
    again = open_journal("another12345", limit=200_000)
    assert bodies(again) == kept + later
    assert again.left.environment == ENVIRONMENT
    assert again.append(b"next", WALL) == 24


def test_clearing_tmp_again_and_again_costs_no_more_files_and_no_more_descriptors(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal()
    for serial in range(1, 101):
        assert journal.append(b"%d" % serial, WALL) == serial
        if serial == 50:
            opened = len(list(Path("/proc/self/fd").iterdir()))
        shutil.rmtree(tmp_path / FOLDER)
    journal.persist()
    assert len(segments(tmp_path)) <= 2
    assert len(list(Path("/proc/self/fd").iterdir())) <= opened + 2
    assert bodies(journal, 1, 100) == [b"%d" % serial for serial in range(1, 101)]


def test_what_is_read_while_tmp_is_cleared_and_written_again_is_read_whole(open_journal: Open, tmp_path: Path) -> None:
    first = open_journal(limit=200_000)
    for serial in range(1, 21):
        first.append(b"%4000d" % serial, WALL)
    first.close()
    journal = open_journal(limit=200_000)
    found = []
    for serial, _, body in journal.entries(1, 20):
        found.append((serial, int(body)))
        if serial in (2, 9):
            shutil.rmtree(tmp_path / FOLDER)
        if serial in (3, 10):
            assert journal.append(b"new", WALL)
    assert found == [(serial, serial) for serial in range(1, 21)]


def test_a_forget_that_could_not_be_written_is_known_after_the_journal_was_written_again(
    tmp_path: Path, said: Said
) -> None:
    (tmp_path / "tmp").mkdir()
    clock = Clock()
    journal = Journal.open(str(tmp_path / "tmp"), ENVIRONMENT, said, now=clock)
    for body in (b"1", b"2", b"3"):
        journal.append(body, WALL)
    shutil.rmtree(tmp_path / "tmp")
    journal.forget(2)
    (tmp_path / "tmp").mkdir()
    clock.now += 10.1
    assert journal.append(b"4", WALL) == 4
    journal.close()
    again = Journal.open(str(tmp_path / "tmp"), "another12345", said, now=Clock())
    assert again.left.unsealed == [(3, 4)]
    again.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_tmp_that_is_cleared_while_batches_come_costs_nothing(open_journal: Open, tmp_path: Path, seed: int) -> None:
    """Whatever is removed between any two steps: at the end the next process finds all of it."""
    journal, chance = open_journal(), random.Random(seed)
    stop = threading.Event()

    def clear() -> None:
        while not stop.is_set():
            shutil.rmtree(tmp_path / FOLDER, ignore_errors=True)
            time.sleep(chance.random() / 200)

    thread = threading.Thread(target=clear)
    thread.start()
    kept = [serial for _ in range(300) if (serial := journal.append(bytes(chance.randrange(3000)), WALL))]
    stop.set()
    thread.join(10)
    journal.persist()
    journal.close()
    left = open_journal("another12345").left
    assert [serial for first, last in left.unsealed for serial in range(first, last + 1)] == kept


@pytest.mark.holds(
    "journal: what another process removes from /tmp is written again with the next entry, and at the end"
)
def test_what_is_removed_just_before_the_end_is_there_for_the_next_process(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    shutil.rmtree(tmp_path / FOLDER)
    journal.persist()
    journal.close()
    assert bodies(open_journal()) == [b"1"]


def test_where_there_is_no_room_for_what_was_removed_memory_has_it_and_that_is_said(tmp_path: Path, said: Said) -> None:
    (tmp_path / "tmp").mkdir()
    journal = Journal.open(str(tmp_path / "tmp"), ENVIRONMENT, said, now=Clock())
    journal.append(b"1", WALL)
    shutil.rmtree(tmp_path / "tmp" / FOLDER)
    in_its_way = tmp_path / "tmp" / FOLDER / "segment-00000001"  # of whoever writes: root heeds no permissions
    in_its_way.mkdir(parents=True)
    in_its_way.parent.chmod(0o500)
    assert journal.append(b"2", WALL) is None
    assert said.messages == ["the journal was removed from /tmp", UNWRITABLE]
    journal.close()


def test_a_parent_that_is_cleared_too_is_tried_again_after_10_s(tmp_path: Path, said: Said) -> None:
    clock = Clock()
    (tmp_path / "tmp").mkdir()
    journal = Journal.open(str(tmp_path / "tmp"), ENVIRONMENT, said, now=clock)
    assert journal.append(b"1", WALL) == 1
    shutil.rmtree(tmp_path / "tmp")
    assert journal.append(b"2", WALL) is None
    (tmp_path / "tmp").mkdir()
    assert journal.append(b"3", WALL) is None
    assert not journal.seal(seal_of(1, 1))
    clock.now += 10.1
    assert journal.append(b"4", WALL) == 2
    assert bodies(journal, 1, 99) == [b"1", b"4"]
    assert said.messages == ["the journal was removed from /tmp", UNWRITABLE]
    journal.close()


def test_what_another_process_has_left_meanwhile_is_not_touched(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    shutil.rmtree(tmp_path / FOLDER)
    other = open_journal("another12345")
    other.append(b"other", WALL)
    other.close()
    assert journal.append(b"2", WALL) == 2
    assert (tmp_path / f"{FOLDER}.1").is_dir()
    assert bodies(journal, 1, 99) == [b"1", b"2"]
    journal.close()
    again = open_journal("third0000000")
    assert (again.environment, bodies(again)) == ("another12345", [b"other"])
