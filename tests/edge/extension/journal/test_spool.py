"""A spooled body is the same object in the bucket, and costs no memory."""

import gc
import json
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extension.journal import Journal
from extension.records.body import Body
from extension.shell import spool
from extension.shell.spool import Spool
from tests.edge.extension.journal.build import ENVIRONMENT, FOLDER, WALL, Clock, Said, python
from tests.edge.extension.journal.conftest import Open

MEASURE = """
import json, random, sys, zlib
from extension.journal import Journal
from extension.records.body import Body
from extension.shell.spool import Spool
def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"): return int(line.split()[1])
journal = Journal.open(sys.argv[1], "0123456789ab", print)
make = {"spool": lambda: Body(gzip=False, storage=Spool(journal.file)), "memory": lambda: Body(gzip=False)}
idle = most = anonymous()
body = make[sys.argv[2]]()
dice = random.Random(1)
line = dice.randbytes(4095).replace(b"\\n", b" ") + b"\\n"
checksum = 0
for number in range(50 * 256):
    body.append(line)
    if number % 256 == 0: most = max(most, anonymous())
made = body.close()
most = max(most, anonymous())
print(json.dumps([body.raw_bytes, (most - idle) // 1024]))
"""


LARGE = spool.IN_MEMORY + 50_000  # becomes a file


def descriptors(folder: Path) -> set[str]:
    """Those that lead into this folder; what other tests leave to be collected does not count."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - iterdir would hold one of its own
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115 - a name that may be gone by now
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.add(f"{name} {target}")
    return found


def content(made: "bytes | str") -> bytes:
    return made if isinstance(made, bytes) else Path(made).read_bytes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 1000, 65_535, 65_536, 262_143, 262_144, 600_000]), max_size=5),
    gzip=st.booleans(),
)
def test_the_bytes_are_those_of_the_body_in_memory(open_journal: Open, sizes: list[int], *, gzip: bool) -> None:
    journal = open_journal()
    dice = random.Random(7)
    spooled, plain = Body(gzip=gzip, storage=Spool(journal.file)), Body(gzip=gzip)
    for size in sizes:
        lines = dice.randbytes(size)
        spooled.append(lines)
        plain.append(lines)
        assert spooled.raw_bytes == plain.raw_bytes
    expected = plain.close()
    assert content(spooled.close()) == expected
    assert (spooled.size, spooled.raw_bytes) == (len(expected), plain.raw_bytes)
    journal.close()


def test_a_small_body_stays_in_memory_a_large_one_is_a_file(open_journal: Open) -> None:
    journal = open_journal()
    for size, kind in ((spool.IN_MEMORY - 1, bytes), (spool.IN_MEMORY, spool.SpoolPath)):
        body = Body(gzip=False, storage=Spool(journal.file))
        body.append(bytes(size))
        assert type(body.close()) is kind


def test_the_file_can_be_read_again_for_every_attempt(open_journal: Open) -> None:
    body = Body(gzip=False, storage=Spool(open_journal().file))
    body.append(bytes(LARGE))
    made = body.close()
    del body
    gc.collect()
    assert [len(content(made)) for _ in range(3)] == [LARGE] * 3


@pytest.mark.holds(
    "memory: an open chunk is a file without a name in the journal's folder, or in memory if there is no folder"
)
def test_nothing_is_left_on_disk_and_no_descriptor_either(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    before = descriptors(tmp_path)
    for finished in (True, False):
        body = Body(gzip=False, storage=Spool(journal.file))
        body.append(bytes(LARGE))
        made = body.close() if finished else None
        assert [path.name for path in (tmp_path / FOLDER).iterdir() if path.name.startswith("spool")] == []
        assert descriptors(tmp_path) > before
        del made, body
        gc.collect()
        assert descriptors(tmp_path) == before


def test_a_spooled_body_outlives_a_tmp_that_is_cleared(open_journal: Open, tmp_path: Path) -> None:
    body = Body(gzip=False, storage=Spool(open_journal().file))
    body.append(bytes(LARGE))
    shutil.rmtree(tmp_path / FOLDER)
    body.append(b"x" * LARGE)
    assert content(body.close()) == bytes(LARGE) + b"x" * LARGE
    assert body.size == 2 * LARGE


@pytest.mark.holds(
    "memory: an open chunk is a file without a name in the journal's folder, or in memory if there is no folder"
)
def test_where_there_is_no_file_memory_serves() -> None:
    asked: list[int] = []

    def none() -> None:
        asked.append(1)

    body = Body(gzip=False, storage=Spool(none))
    for _ in range(4000):
        body.append(b"x" * 1000)
    assert body.close() == b"x" * 4_000_000
    assert 1 <= len(asked) <= 13


def test_what_a_process_killed_in_between_has_left_is_removed(tmp_path: Path, said: Said) -> None:
    (tmp_path / FOLDER).mkdir(mode=0o700)
    (tmp_path / FOLDER / "spool-00000003").write_bytes(b"?")
    journal = Journal.open(str(tmp_path), ENVIRONMENT, said, now=Clock())
    assert journal.append(b"1", WALL) == 1
    assert not (tmp_path / FOLDER / "spool-00000003").exists()
    journal.close()


@pytest.mark.holds("memory: memory stays within 16 MiB of idle, whatever the byte threshold is")
@pytest.mark.parametrize(("kind", "grows"), [("spool", False), ("memory", True)])
def test_memory_stays_within_16_mib_of_idle_while_50_mib_are_spooled(tmp_path: Path, kind: str, *, grows: bool) -> None:
    process = python("-c", MEASURE, str(tmp_path), kind)
    output, _ = process.communicate(timeout=60)
    size, grown = json.loads(output)
    print(kind, "MiB of anonymous memory above idle:", grown)
    assert size == 50 * 1024 * 1024
    assert (grown > 16) == grows
