"""A process is killed while it writes: everything that had returned is there, once, and in order."""

import random
import time
from pathlib import Path

import pytest

from tests.edge.extension.journal.build import ENVIRONMENT, WALL, bodies, python
from tests.edge.extension.journal.conftest import Open
from tests.edge.extension.journal.writer import body_of


def killed(parent: Path, seed: int, what: str, operations: int) -> list[list[str]]:
    """The operations that returned before the kill, which comes after so many, in the middle of another."""
    writer = python("-m", "tests.edge.extension.journal.writer", str(parent), str(seed), what)
    assert writer.stdout
    lines: list[list[str]] = []
    try:
        give_up = time.monotonic() + 60
        while len(lines) < operations:
            assert time.monotonic() < give_up
            lines.append(writer.stdout.readline().split())
            assert lines[-1], f"the writer ended: {lines[-3:]}"
    finally:
        writer.kill()
    lines.extend(line.split() for line in writer.stdout.read().splitlines() if line)
    writer.wait()
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_every_append_that_returned_is_there_in_order_and_none_twice(
    open_journal: Open, tmp_path: Path, seed: int
) -> None:
    operations = random.Random(seed).randint(2000, 6000)
    print("seed", seed, "operations", operations)
    lines = killed(tmp_path, seed, "append", operations)
    returned = [int(line[1]) for line in lines if line[0] == "append" and len(line) == 2]
    journal = open_journal()
    found = list(journal.entries(1, 2**62))
    assert [serial for serial, _, _ in found] == list(range(1, len(found) + 1))
    assert len(found) in (returned[-1], returned[-1] + 1)  # the one that had not returned yet may be there as well
    assert all((wall, body) == (WALL + serial - 1, body_of(serial, seed)) for serial, wall, body in found)
    assert journal.left.unsealed == [(1, len(found))]
    assert journal.append(b"the next one", WALL) == len(found) + 1


@pytest.mark.parametrize("seed", range(6))
def test_seals_and_what_is_forgotten_survive_too_over_several_kills(
    open_journal: Open, tmp_path: Path, seed: int
) -> None:
    print("seed", seed)
    killed(tmp_path, seed, "random", 900)
    lines = killed(tmp_path, seed, "random", random.Random(seed).randint(800, 3000))
    journal = open_journal("another12345")
    assert journal.environment == ENVIRONMENT
    last = max(int(line[-1]) for line in lines if line[0] in ("append", "open"))
    assert journal.left.last in (last, last + 1)
    forgotten = [int(line[1]) for line in lines if line[0] == "forget"]
    forgetting = [int(line[1]) for line in lines if line[0] == "forgetting"]
    sealed = [(int(line[1]), int(line[2])) for line in lines if line[0] == "seal" and len(line) == 3]
    sealing = [(int(line[1]), int(line[2])) for line in lines if line[0] == "sealing" and len(line) == 3]
    entries = [one.entries for one in journal.left.seals if one.entries]
    found = [one for one in entries if one[0] > int(lines[0][1])]
    expected = [
        [one for one in seals if one[1] > max(gone, default=0)]
        for seals in (sealed, sealing)
        for gone in (forgotten, forgetting)
    ]
    assert found in expected  # the operation in which it was killed is done, or not begun
    for one in journal.left.seals:
        assert one.entries is not None
        first, last = one.entries
        assert bodies(journal, first, last) == [body_of(serial, seed) for serial in range(first, last + 1)]
        assert (one.after.sequence, one.environment) == (last, ENVIRONMENT)
    if sealed:
        assert journal.left.state is not None
        assert journal.left.state.sequence in (sealed[-1][1], sealing[-1][1])


def test_a_chunk_whose_making_killed_the_process_twice_is_known_and_can_be_set_aside(
    open_journal: Open, tmp_path: Path
) -> None:
    code = (
        "import sys, os\n"
        "from extension.journal import Journal\n"
        "from tests.edge.extension.journal.build import *\n"
        "journal = Journal.open(sys.argv[1], ENVIRONMENT, print, now=Clock())\n"
        "if not journal.left.last:\n"
        "    for number in range(1, 7): journal.append(b'%d' % number, WALL)\n"
        "    journal.seal(seal_of(1, 2)); journal.seal(seal_of(3, 4))\n"
        "journal.replaying(1); journal.replayed(1); journal.replaying(3)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    for _ in range(2):
        process = python("-c", code, str(tmp_path))
        output, _ = process.communicate(timeout=30)
        assert (process.returncode, output) == (-9, "")
    journal = open_journal()
    assert [one.key for one in journal.left.seals] == ["key-1-2", "key-3-4"]
    assert journal.left.replays == {3: 2}
    assert journal.quarantine(3, 4)
    journal.close()
    again = open_journal()
    assert [one.key for one in again.left.seals] == ["key-1-2"]
    assert again.left.unsealed == [(5, 6)]
    assert bodies(again, 1, 2) == [b"1", b"2"]
    (aside,) = (tmp_path / "adaptive-batching-extension").glob("aside-*")
    assert b"3" in aside.read_bytes()


def test_of_three_environments_that_share_a_folder_the_next_process_finds_what_the_killed_one_left(
    open_journal: Open, tmp_path: Path
) -> None:
    first, second = open_journal("first1234567"), open_journal("second123456")
    first.append(b"of the first", WALL)
    second.append(b"of the second", WALL)
    lines = killed(tmp_path, 1, "append", 50)
    returned = [int(line[1]) for line in lines if line[0] == "append" and len(line) == 2]
    third = open_journal("third1234567")
    assert third.environment == ENVIRONMENT
    assert bodies(third)[: returned[-1]] == [body_of(serial, 1) for serial in returned]
    assert (bodies(first), bodies(second)) == ([b"of the first"], [b"of the second"])
    assert (first.left.last, second.left.last) == (0, 0)
