"""Whatever is wrong with /tmp: no exception, memory serves, said once; and nothing of others is touched."""

import io
import json
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extension.journal import Journal, frames
from extension.journal.directory import Folder, Refused
from tests.edge.extension.journal.build import (
    ENVIRONMENT,
    FOLDER,
    WALL,
    Clock,
    Said,
    bodies,
    python,
    seal_of,
    segments,
)
from tests.edge.extension.journal.conftest import Open

UNWRITABLE = "the journal cannot be written"


# neighbours


@pytest.mark.holds("journal: the journal of another process is adopted only if that process has ended")
def test_the_journal_of_a_living_neighbour_is_never_adopted_that_of_a_dead_one_is(
    open_journal: Open, tmp_path: Path
) -> None:
    neighbour = python("-m", "tests.edge.extension.journal.writer", str(tmp_path), "1", "append")
    try:
        assert neighbour.stdout
        for _ in range(20):
            assert neighbour.stdout.readline()
        beside = open_journal("beside000001")
        assert (beside.environment, beside.left.last, bodies(beside)) == ("beside000001", 0, [])
        assert beside.append(b"mine", WALL) == 1
        assert (tmp_path / f"{FOLDER}.1").is_dir()
    finally:
        neighbour.kill()
        neighbour.communicate(timeout=30)
    adopted = open_journal("another12345")
    assert adopted.environment == ENVIRONMENT
    assert adopted.left.last >= 19
    assert bodies(beside) == [b"mine"]


def test_nine_live_side_by_side_and_the_tenth_has_memory_alone(open_journal: Open, said: Said) -> None:
    journals = [open_journal() for _ in range(10)]
    assert [journal.append(b"1", WALL) for journal in journals] == [1] * 9 + [None]
    assert said.messages == [UNWRITABLE]


# what stands at its place


def refused(open_journal: Open, said: Said) -> str:
    journal = open_journal()
    assert [journal.append(b"1", WALL), journal.append(b"2", WALL)] == [None, None]
    assert journal.seal(seal_of(1, 1)) is False
    journal.forget(1)
    assert (bodies(journal), journal.file(), journal.environment) == ([], None, ENVIRONMENT)
    assert said.messages == [UNWRITABLE]
    return str(said.lines[0][2]["why"])


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
def test_a_link_at_its_place_is_refused(open_journal: Open, tmp_path: Path, said: Said) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refused(open_journal, said)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_at_its_place_is_refused(open_journal: Open, tmp_path: Path, said: Said) -> None:
    (tmp_path / FOLDER).write_text("mine")
    assert "not a folder" in refused(open_journal, said)
    assert (tmp_path / FOLDER).read_text() == "mine"


def test_no_folder_to_be_in_is_no_reason_to_fail(tmp_path: Path, said: Said) -> None:
    journal = Journal.open(str(tmp_path / "nowhere"), ENVIRONMENT, said, now=Clock())
    assert (journal.append(b"1", WALL), said.messages) == (None, [UNWRITABLE])


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
def test_a_link_or_a_folder_among_the_segments_is_not_read(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.close()
    shutil.copy(segments(tmp_path)[0], tmp_path / "elsewhere")
    (tmp_path / FOLDER / "segment-00000002").symlink_to(tmp_path / "elsewhere")
    (tmp_path / FOLDER / "segment-00000003").mkdir()
    os.mkfifo(tmp_path / FOLDER / "segment-00000004")
    (tmp_path / FOLDER / "segment-x").write_bytes(b"?")
    assert bodies(open_journal()) == [b"1"]


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_segment_of_somebody_else_is_not_read(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.close()
    shutil.copy(segments(tmp_path)[0], tmp_path / FOLDER / "segment-00000005")
    os.chown(tmp_path / FOLDER / "segment-00000005", 12345, 12345)
    assert bodies(open_journal()) == [b"1"]


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    foreign = Path("/etc/passwd")  # root's
    if os.geteuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.touch()
        os.chown(foreign, 12345, 12345)
    folder = Folder(os.open(foreign.parent, os.O_RDONLY), str(foreign.parent))
    with pytest.raises(Refused, match="not a plain file of this user"):
        folder.read(foreign.name)
    folder.close()


# a torn or broken file


def filled(parent: Path, said: Said) -> list[bytes]:
    """The bodies in a journal of three segments; those in the newest are a few of the last, no seal behind them."""
    shutil.rmtree(parent / FOLDER, ignore_errors=True)
    journal = Journal.open(str(parent), ENVIRONMENT, said, limit=400_000, now=Clock())
    dice = random.Random(1)
    expected = [dice.randbytes(dice.choice((50, 500, 9000))) for _ in range(30)]
    for number, body in enumerate(expected, 1):
        assert journal.append(body, WALL) == number
        if number == 15:
            assert journal.seal(seal_of(1, 15))
    journal.close()
    assert len(segments(parent)) == 3
    return expected


@pytest.mark.holds("journal: a torn tail is cut at the last whole batch and counted")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_torn_tail_is_cut_at_the_last_whole_entry_and_counted(
    tmp_path: Path, said: Said, data: st.DataObject
) -> None:
    expected = filled(tmp_path, said)
    newest = segments(tmp_path)[-1]
    content = newest.read_bytes()
    sizes = [frames.ENTRY_BYTES + len(body) for body in expected if body in content]
    assert 1 < len(sizes) < 15
    torn = cut = data.draw(st.integers(1, sum(sizes)))
    os.truncate(newest, len(content) - cut)
    kept = list(expected)
    while torn > 0:
        torn -= frames.ENTRY_BYTES + len(kept.pop())
    journal = Journal.open(str(tmp_path), ENVIRONMENT, said, limit=400_000, now=Clock())
    assert bodies(journal) == kept
    assert (journal.left.last, journal.left.torn_bytes, journal.left.torn) == (len(kept), -torn, int(torn < 0))
    assert journal.append(b"the next one", WALL) == len(kept) + 1
    journal.close()
    again = Journal.open(str(tmp_path), ENVIRONMENT, said, limit=400_000, now=Clock())
    assert bodies(again) == [*kept, b"the next one"]
    again.close()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
@pytest.mark.holds("journal: a broken entry costs itself alone if its length is whole")
def test_any_changed_byte_costs_its_own_entry_or_the_rest_of_its_segment_and_nothing_else(
    tmp_path: Path, said: Said, data: st.DataObject
) -> None:
    expected = filled(tmp_path, said)
    broken = data.draw(st.sampled_from(segments(tmp_path)))
    content = broken.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytes((content[at] ^ data.draw(st.integers(1, 255)),))
    broken.write_bytes(content[:at] + changed + content[at + 1 :])
    intact = {
        serial: body
        for serial, body in enumerate(expected, 1)
        if body not in content or content.index(body) + len(body) <= at
    }
    ends = [0, *(end for _, _, end in frames.valid(io.BytesIO(content).read, len(content)))]
    frame = max(number for number, end in enumerate(ends) if end <= at)
    in_length = frame == 0 or at < ends[frame] + 4  # without its header nothing of a segment is used
    if not in_length:
        intact |= {
            serial: body
            for serial, body in enumerate(expected, 1)
            if body in content and content.index(body) - frames.ENTRY_BYTES > at
        }
    journal = Journal.open(str(tmp_path), "another12345", said, limit=400_000, now=Clock())
    assert {serial: body for serial, _, body in journal.entries(1, 2**62)} == intact
    assert journal.left.torn == 1
    if in_length:
        assert len(content) - at <= journal.left.torn_bytes <= len(content)
    else:
        assert journal.left.torn_bytes == ends[frame + 1] - ends[frame]
    assert said.lines == []
    journal.close()


def forged_seal(*members: object) -> bytes:
    """A seal of which key, first and last serial, and environment are these."""
    key, first, last, environment = members
    state: list[object] = [None, 0, [], ""]
    payload = json.dumps([key, first, last, "age", "", [], environment, state, state])
    return frames.frame(frames.SEAL, payload.encode())


FORGED = [
    frames.frame(frames.ENTRY, (2**64 - 1).to_bytes(8, "big") + bytes(8), b"forged"),
    frames.frame(
        frames.SEAL, json.dumps(["k", 2**64, 2**65, "age", "", [], ENVIRONMENT, *[[None, 0, [], ""]] * 2]).encode()
    ),
    forged_seal("k", -5, -1, ENVIRONMENT),
    forged_seal("k", 1, 1, '"' * 12),
    frames.serials(frames.FORGET, 0, 2**64 - 1),
    frames.serials(frames.REPLAYING, 2**64 - 1),
    frames.serials(frames.REPLAYED, 0),
]


@pytest.mark.holds("journal: a frame with a right checksum that says what is never written is left out and counted")
@pytest.mark.parametrize("forged", FORGED)
def test_a_frame_that_says_what_is_never_written_is_left_out_and_counted(
    open_journal: Open, tmp_path: Path, said: Said, forged: bytes
) -> None:
    forged += b"forged" * (forged[4] == frames.ENTRY)
    journal = open_journal()
    journal.append(b"before", WALL)
    with segments(tmp_path)[0].open("ab") as file:
        file.write(forged * 2)
    journal.append(b"behind", WALL)
    journal.close()
    again = open_journal("another12345")
    assert (again.left.unsealed, again.left.seals, again.left.last) == ([(1, 2)], [], 2)
    assert (again.left.torn, again.left.torn_bytes) == (1, 2 * len(forged))
    assert bodies(again) == [b"before", b"behind"]
    assert again.append(b"and on", WALL) == 3
    assert said.lines == []


def test_behind_the_last_serial_of_all_memory_has_to_do(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    with segments(tmp_path)[0].open("ab") as file:
        file.write(frames.entry(2**63 - 1, WALL, b"forged") + b"forged")
    journal.close()
    again = open_journal("another12345")
    assert again.left.last == 2**63 - 1
    assert again.append(b"and on", WALL) is None


def test_a_segment_of_an_unknown_format_is_counted_not_read(open_journal: Open, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "segment-00000007").write_bytes(b"something else")
    journal = open_journal()
    assert (journal.left.torn, journal.left.torn_bytes, journal.environment) == (1, 14, ENVIRONMENT)
    assert journal.append(b"1", WALL) == 1
    assert segments(tmp_path)[-1].name == "segment-00000008"


def test_a_segment_without_its_header_or_with_a_second_one_is_not_ours(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.close()
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole)
    entry = frames.entry(9, WALL, b"9") + b"9"
    (tmp_path / FOLDER / "segment-00000002").write_bytes(entry)
    again = open_journal()
    assert bodies(again) == [b"1"]
    assert (again.left.torn, again.left.torn_bytes) == (2, len(whole) + len(entry))


# too little room


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.holds("journal: the size limit is as set, else 64 MiB or an eighth of the free space")
@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
def test_what_does_not_fit_is_not_journalled_said_once_and_there_is_room_again_after_forget(
    open_journal: Open, tmp_path: Path, said: Said
) -> None:
    journal = open_journal(limit=1_000_000)
    given = [journal.append(bytes(20_000), WALL) for _ in range(60)]
    kept = len([serial for serial in given if serial])
    assert given == [*range(1, kept + 1), *[None] * (60 - kept)]
    assert 40 <= kept < 50
    assert size_of(tmp_path / FOLDER) <= 1_000_000
    assert said.messages == ["the journal is full"]
    assert journal.seal(seal_of(1, 20))
    journal.forget(20)
    assert journal.append(bytes(20_000), WALL) == kept + 1
    assert said.messages == ["the journal is full"]


def test_that_it_is_full_again_is_said_again_after_a_minute_in_which_all_was_well(
    open_journal: Open, said: Said
) -> None:
    clock = Clock()
    journal = open_journal(limit=100_000, now=clock)
    for pause, times in ((0, 1), (59, 1), (2, 2), (100, 3)):
        clock.now += pause
        last = 0
        while serial := journal.append(bytes(10_000), WALL):
            last = serial
        assert len(said.lines) == times
        journal.forget(last)


@pytest.mark.parametrize("limit", [3_000, 30_000, 300_000, 3_000_000])
def test_a_journal_that_is_emptied_in_time_is_never_full_however_small(
    open_journal: Open, tmp_path: Path, said: Said, limit: int
) -> None:
    journal = open_journal(limit=limit)
    for number in range(1, 200):
        assert journal.append(bytes(limit // (2 + number % 3)), WALL) == number
        assert size_of(tmp_path / FOLDER) <= limit
        journal.seal(seal_of(number, number))
        journal.forget(number)
    assert said.lines == []


def test_seals_do_not_grow_without_bound(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(limit=100_000)
    for number in range(1, 3000):
        journal.append(bytes(1000), WALL)
        journal.seal(seal_of(number, number))
    assert size_of(tmp_path / FOLDER) <= 100_000 + 128 * 1024


@pytest.mark.holds("journal: the size limit is as set, else 64 MiB or an eighth of the free space")
def test_without_a_limit_it_is_64_mib_or_an_eighth_of_what_is_free(open_journal: Open, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    expected = min(64 * 1024 * 1024, free.f_bavail * free.f_frsize // 8)
    assert abs(open_journal().limit - expected) <= expected // 100


@pytest.mark.holds(
    "journal: replay is bounded by the limit in force or that of the files (at most 64 MiB); the oldest is left out"
)
def test_more_than_the_limit_is_never_read_back_and_what_is_over_is_the_oldest(
    open_journal: Open, tmp_path: Path
) -> None:
    journal = open_journal(limit=800_000)
    for _ in range(30):
        journal.append(bytes(20_000), WALL)
    journal.close()
    for number, path in enumerate(segments(tmp_path)):  # a stranger's hand
        shutil.copy(path, tmp_path / FOLDER / f"segment-{number + 100:08d}")
        shutil.copy(path, tmp_path / FOLDER / f"segment-{number + 200:08d}")
    total = sum(path.stat().st_size for path in segments(tmp_path))
    left = open_journal(limit=10_000).left
    read = sum(segment.size for segment in left.segments if segment.number < 1000)
    assert left.over_bytes > 0
    assert read <= 800_000 + 128 * 1024 + 20_000
    assert left.over_bytes + read >= total
    assert {segment.number for segment in left.segments} > set(range(200, 200 + 5))


@pytest.mark.holds(
    "journal: replay is bounded by the limit in force or that of the files (at most 64 MiB); the oldest is left out"
)
def test_a_limit_that_a_file_names_counts_up_to_64_mib(open_journal: Open, tmp_path: Path) -> None:
    open_journal(limit=10**12).close()
    largest = 64 * 1024 * 1024
    (told,) = segments(tmp_path)
    shutil.copy(told, tmp_path / FOLDER / "segment-00000002")
    os.truncate(told, largest + 128 * 1024)  # a hole
    assert open_journal(limit=50_000).left.over_bytes == largest + 128 * 1024
    assert not told.exists()


@pytest.mark.holds(
    "journal: replay is bounded by the limit in force or that of the files (at most 64 MiB); the oldest is left out"
)
def test_what_was_journalled_is_read_although_tmp_has_filled_up_since(open_journal: Open) -> None:
    journal = open_journal(limit=2_000_000)
    for _ in range(80):
        assert journal.append(bytes(20_000), WALL)
    journal.close()
    assert len(bodies(open_journal(limit=50_000))) == 80


# a slow disk


@pytest.mark.holds("journal: an append of over 50 ms switches to memory for 10 s, which is reported once")
def test_after_an_append_of_over_50_ms_memory_serves_for_10_s_said_once(open_journal: Open, said: Said) -> None:
    clock = Clock()
    journal = open_journal(now=clock)
    assert journal.append(b"1", WALL) == 1
    for expected in (2, 3):
        clock.step = 0.051
        assert journal.append(b"slow", WALL) == expected
        clock.step = 0.0
        clock.now += 9.9
        assert journal.append(b"memory", WALL) is None
        assert journal.seal(seal_of(1, 1))  # one chunk, one seal: the promise is worth the wait
        clock.now += 0.2
    assert journal.append(b"4", WALL) == 4
    assert [message[:16] for message in said.messages] == ["the disk is slow"]


def test_an_append_of_exactly_50_ms_is_quick_enough(open_journal: Open) -> None:
    clock = Clock()
    clock.now, clock.step = 0.0, 0.05
    journal = open_journal(now=clock)
    assert [journal.append(b"1", WALL), journal.append(b"2", WALL)] == [1, 2]


def test_what_is_set_aside_takes_room_too(open_journal: Open, tmp_path: Path, said: Said) -> None:
    journal = open_journal(limit=400_000)
    for _ in range(10):
        journal.append(bytes(10_000), WALL)
    assert journal.quarantine(1, 10)
    while journal.append(bytes(10_000), WALL):
        pass
    assert 380_000 < size_of(tmp_path / FOLDER) <= 400_000
    assert said.messages == ["the journal is full"]


def test_closed_is_closed(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"1", WALL)
    journal.close()
    journal.close()
    assert (journal.append(b"2", WALL), journal.file(), bodies(journal)) == (None, None, [])
    assert not journal.seal(seal_of(1, 1))
    assert bodies(open_journal()) == [b"1"]
