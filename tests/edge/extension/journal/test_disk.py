"""File systems that are full, read-only, or become so; mounted where only the process under test sees them."""

import json
import os

import pytest

from tests.edge.extension.journal.build import python
from tests.fakes.network.namespaces import unshare

START = """
import json, os, sys
from extension.journal import Journal
from extension.journal.directory import RESERVE
from extension.records.body import Body
from extension.shell.spool import Spool
from tests.edge.extension.journal.build import *
from tests.fakes.network import inside
said = Said()
clock = Clock()
def mount(options, path="/mnt"):
    os.spawnlp(os.P_WAIT, "mount", "mount", "-t", "tmpfs", "-o", options, "tmpfs", path)
def remount(options):
    assert os.spawnlp(os.P_WAIT, "mount", "mount", "-t", "tmpfs", "-o", "remount," + options, "tmpfs", "/mnt") == 0
def fill():
    with open("/mnt/function", "ab", buffering=0) as file:
        for size in (65536, 1):
            try:
                while file.write(bytes(size)) == size: pass
            except OSError: pass
def tell(**what): print(json.dumps(what))
"""


def private(code: str, *, size: str = "4m") -> dict[str, object]:
    """What the code told, run in a mount namespace of its own with a tmpfs at /mnt."""
    before = unshare("--mount")
    if not before:
        pytest.skip("the kernel forbids mount namespaces to this user")
    process = python("-c", f"{START}mount('size={size}')\n{code}", before=before)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    told = json.loads(output)
    assert isinstance(told, dict)
    return told


@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
def test_a_read_only_tmp_leaves_memory_and_one_line() -> None:
    told = private(
        "remount('ro')\n"
        "journal = Journal.open('/mnt', ENVIRONMENT, said, now=clock)\n"
        "tell(given=[journal.append(b'1', WALL) for _ in range(5)], file=journal.file(), said=said.messages)\n"
    )
    assert told == {"given": [None] * 5, "file": None, "said": ["the journal cannot be written"]}


@pytest.mark.holds("journal: the size limit is as set, else 64 MiB or an eighth of the free space")
@pytest.mark.parametrize(
    ("size", "share"), [("16m", 2 * 1024 * 1024), ("512m", 64 * 1024 * 1024), ("2g", 64 * 1024 * 1024)]
)
def test_without_a_limit_the_journal_takes_an_eighth_of_what_is_free_or_64_mib(size: str, share: int) -> None:
    told = private("tell(limit=Journal.open('/mnt', ENVIRONMENT, said, now=clock).limit)\n", size=size)
    assert 0.99 * share <= int(str(told["limit"])) <= share


def test_what_is_left_in_a_tmp_that_has_become_read_only_is_still_read() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, now=clock)\n"
        "journal.append(b'1', WALL); journal.append(b'2', WALL)\n"
        "journal.seal(seal_of(1, 1)); journal.close()\n"
        "remount('ro')\n"
        "journal = Journal.open('/mnt', 'another12345', said, now=clock)\n"
        "found = [body.decode() for body in bodies(journal)]\n"
        "journal.forget(2)\n"
        "tell(found=found, seals=len(journal.left.seals), environment=journal.environment, "
        "given=journal.append(b'3', WALL), said=said.messages)\n"
    )
    assert told == {
        "found": ["1", "2"],
        "seals": 1,
        "environment": "0123456789ab",
        "given": None,
        "said": ["the journal cannot be written"],
    }


@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
def test_a_full_tmp_leaves_memory_and_one_line_and_is_tried_again_after_10_s() -> None:
    told = private(
        "fill()\n"
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=1_000_000, now=clock)\n"
        "full = [journal.append(bytes(5000), WALL) for _ in range(5)]\n"
        "files = os.listdir('/mnt/' + FOLDER)\n"
        "os.unlink('/mnt/function')\n"
        "at_once = journal.append(bytes(5000), WALL)\n"
        "clock.now += 10.1\n"
        "later = journal.append(bytes(5000), WALL)\n"
        "tell(full=full, files=files, at_once=at_once, later=later, said=said.messages)\n"
    )
    assert told == {
        "full": [None] * 5,
        "files": [],
        "at_once": None,
        "later": 1,
        "said": ["the journal cannot be written"],
    }


@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
def test_a_tmp_that_fills_up_costs_no_entry_that_has_a_serial_and_leaves_no_torn_one() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=3_000_000, now=clock)\n"
        "given = []\n"
        "for number in range(60):\n"
        "    clock.now += 11\n"
        "    given.append(journal.append(b'%4d' % number + bytes(3000), WALL))\n"
        "    if number == 30: fill()\n"
        "    if number == 50: os.unlink('/mnt/function')\n"
        "journal.close()\n"
        "again = Journal.open('/mnt', ENVIRONMENT, said, limit=3_000_000, now=clock)\n"
        "found = [int(body[:4]) for body in bodies(again)]\n"
        "tell(given=given, found=found, torn=again.left.torn_bytes, said=said.messages)\n"
    )
    given = told["given"]
    assert isinstance(given, list)
    assert given[:31] == list(range(1, 32))
    assert None in given[31:51]
    assert None not in given[51:]
    assert told["found"] == [number for number, serial in enumerate(given) if serial]
    assert (told["torn"], told["said"]) == (0, ["the journal cannot be written"])


def test_a_seal_gets_in_although_the_disk_is_full() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=2_000_000, now=clock)\n"
        "for _ in range(10): assert journal.append(bytes(5000), WALL)\n"
        "fill()\n"
        "entry = journal.append(bytes(100_000), WALL)\n"
        "sealed = [journal.seal(seal_of(first, first, 'k' * 3000)) for first in range(1, 11)]\n"
        "for _ in range(3): fill()\n"
        "journal.close()\n"
        "again = Journal.open('/mnt', ENVIRONMENT, said, limit=2_000_000, now=clock)\n"
        "tell(entry=entry, sealed=sealed, seals=len(again.left.seals), state=again.left.state.sequence)\n"
    )
    assert told == {"entry": None, "sealed": [True] * 10, "seals": 10, "state": 10}


def test_poison_that_cannot_be_copied_is_dropped_alone_and_said() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=3_000_000, now=clock)\n"
        "for _ in range(10): assert journal.append(bytes(50_000), WALL)\n"
        "fill()\n"
        "done = journal.quarantine(3, 4)\n"
        "journal.close()\n"
        "again = Journal.open('/mnt', ENVIRONMENT, said, limit=3_000_000, now=clock)\n"
        "tell(done=done, left=again.left.unsealed, said=said.messages,\n"
        "     aside=[name for name in os.listdir('/mnt/' + FOLDER) if name.startswith('aside')])\n"
    )
    assert told["done"] is False
    assert told["left"] == [[1, 2], [5, 10]]
    assert told["aside"] == []
    assert "a chunk that cannot be made again is dropped" in str(told["said"])


@pytest.mark.holds(
    "memory: an open chunk is a file without a name in the journal's folder, or in memory if there is no folder"
)
def test_a_spooled_body_that_no_longer_fits_is_complete_from_file_and_memory() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=1_000_000, now=clock)\n"
        "body = Body(gzip=False, storage=Spool(journal.file))\n"
        "lines = [b'%6d' % number * 1000 for number in range(400)]\n"
        "for line in lines[:200]: body.append(line)\n"
        "fill()\n"
        "for line in lines[200:]: body.append(line)\n"
        "made = body.close()\n"
        "tell(kind=type(made).__name__, equal=made == b''.join(lines), size=body.size)\n"
    )
    assert told == {"kind": "bytes", "equal": True, "size": 2_400_000}


def test_a_spooled_body_goes_on_in_its_file_once_there_is_room_again() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=1_000_000, now=clock)\n"
        "body = Body(gzip=False, storage=Spool(journal.file))\n"
        "lines = [b'%6d' % number * 1000 for number in range(400)]\n"
        "for line in lines[:100]: body.append(line)\n"
        "fill()\n"
        "for line in lines[100:200]: body.append(line)\n"
        "os.unlink('/mnt/function')\n"
        "for line in lines[200:]: body.append(line)\n"
        "made = body.close()\n"
        "tell(kind=type(made).__name__, equal=open(made, 'rb').read() == b''.join(lines), size=body.size)\n",
        size="8m",
    )
    assert told == {"kind": "SpoolPath", "equal": True, "size": 2_400_000}


@pytest.mark.holds(
    "memory: an open chunk is a file without a name in the journal's folder, or in memory if there is no folder"
)
def test_without_proc_a_spooled_body_is_read_back() -> None:
    told = private(
        "journal = Journal.open('/mnt', ENVIRONMENT, said, limit=1_000_000, now=clock)\n"
        "storage = Spool(journal.file)\n"
        "body = Body(gzip=False, storage=storage)\n"
        "mount('size=4k', '/proc')\n"
        "for _ in range(2000): body.append(b'x' * 1000)\n"
        "spooled = storage.is_file\n"
        "made = body.close()\n"
        "tell(spooled=spooled, kind=type(made).__name__, equal=made == b'x' * 2_000_000, size=body.size)\n"
    )
    assert told == {"spooled": True, "kind": "bytes", "equal": True, "size": 2_000_000}


#: Root mounts a folder of another user's; who is root in the namespace alone takes one that belongs to the real root.
FOREIGN = ["-t", "tmpfs", "-o", "uid=12345", "tmpfs"] if os.geteuid() == 0 else ["--bind", "/usr"]


@pytest.mark.holds(
    "journal: the journal is in /tmp/adaptive-batching-extension: modes 0700 and 0600, links refused, owner checked"
)
def test_a_folder_of_somebody_else_is_refused() -> None:
    told = private(
        "place = '/mnt/' + FOLDER\n"
        "os.mkdir(place)\n"
        f"assert os.spawnlp(os.P_WAIT, 'mount', 'mount', *{FOREIGN}, place) == 0\n"
        "before = os.listdir(place)\n"
        "journal = Journal.open('/mnt', ENVIRONMENT, said, now=clock)\n"
        "given = [journal.append(b'1', WALL), journal.append(b'2', WALL)]\n"
        "tell(given=given, sealed=journal.seal(seal_of(1, 1)), left=[bodies(journal), journal.file()],\n"
        "     said=said.messages, why=said.lines[0][2]['why'], same=os.listdir(place) == before)\n"
    )
    assert "belongs to another user" in str(told.pop("why"))
    assert told == {
        "given": [None, None],
        "sealed": False,
        "left": [[], None],
        "said": ["the journal cannot be written"],
        "same": True,
    }
