"""The intake with a real journal, a real inbox and real threads: what a 200 means, and bodies that are sent again."""

import json
import threading
import time
from pathlib import Path

import pytest

from extension.core.duplicates import Duplicates
from extension.events import LogsReceived, UnreadBatch
from extension.inbox import Inbox
from extension.intake import OPEN_SECONDS, Intake
from extension.journal import Journal


def journal(parent: Path, limit: int = 0) -> Journal:
    return Journal.open(str(parent), "0123456789ab", lambda *_: None, limit)


def opened(parent: Path) -> tuple[Intake, Inbox, Journal]:
    inbox, kept = Inbox(), journal(parent)
    intake = Intake(inbox)
    intake.open(kept, Duplicates(kept.recent()))
    return intake, inbox, kept


def bodies(items: list[object]) -> list[tuple[bytes, int | None]]:
    return [(item.body, item.serial) for item in items if isinstance(item, LogsReceived)]


@pytest.mark.holds(
    "journal: a body is journalled and queued before the 200; the answer waits up to 5 s for the journal"
)
def test_when_keep_returns_the_body_is_in_the_journal_and_in_the_inbox(tmp_path: Path) -> None:
    intake, inbox, kept = opened(tmp_path)
    for number in range(1, 4):
        body = b"[%d]" % number
        intake.accept(body)
        (entry,) = kept.entries(number, number)
        (item,) = inbox.take(0)
        assert isinstance(item, LogsReceived)
        assert entry == (item.serial, item.wall, item.body) == (number, item.wall, body)
        assert item.wall is not None
        assert abs(item.wall - time.time()) < 5


def test_bodies_reach_the_inbox_in_the_order_of_their_serials(tmp_path: Path) -> None:
    intake, inbox, _ = opened(tmp_path)
    threads = [threading.Thread(target=intake.accept, args=(b"[%d]" % number,)) for number in range(50)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert [serial for _, serial in bodies(inbox.take(0))] == list(range(1, 51))


@pytest.mark.holds("twice: a body equal to one of the last 64, byte for byte, is answered and counted, but not queued")
def test_a_body_that_is_sent_again_is_answered_counted_and_neither_journalled_nor_queued(tmp_path: Path) -> None:
    intake, inbox, kept = opened(tmp_path)
    for body in (b"[1]", b"[2]", b"[1]", b"[1]"):
        intake.accept(body)
    assert bodies(inbox.take(0)) == [(b"[1]", 1), (b"[2]", 2)]
    assert [body for _, _, body in kept.entries(1, 9)] == [b"[1]", b"[2]"]
    assert intake.duplicates == 2


@pytest.mark.holds("twice: a body equal to one of the last 64, byte for byte, is answered and counted, but not queued")
def test_the_last_64_bodies_are_remembered_and_no_more(tmp_path: Path) -> None:
    intake, inbox, _ = opened(tmp_path)
    for number in range(65):
        intake.accept(b"[%d]" % number)
    intake.accept(b"[1]")
    assert intake.duplicates == 1
    intake.accept(b"[0]")
    assert intake.duplicates == 1
    assert len(inbox.take(0)) == 66


def test_bodies_that_an_earlier_process_journalled_are_known(tmp_path: Path) -> None:
    intake, _, kept = opened(tmp_path)
    intake.accept(b"[1]")
    kept.close()
    intake, inbox, _ = opened(tmp_path)
    intake.accept(b"[1]")
    assert (intake.duplicates, inbox.take(0)) == (1, [])


@pytest.mark.holds(
    "journal: a body is journalled and queued before the 200; the answer waits up to 5 s for the journal"
)
def test_an_answer_waits_for_the_journal_to_be_open(tmp_path: Path) -> None:
    inbox, kept = Inbox(), journal(tmp_path)
    intake = Intake(inbox)
    threads = [threading.Thread(target=intake.accept, args=(b"[%d]" % number,), daemon=True) for number in range(3)]
    for one in threads:
        one.start()
    threads[0].join(0.1)
    assert all(one.is_alive() for one in threads)
    assert inbox.take(0) == []
    intake.open(kept, Duplicates())
    for one in threads:
        one.join(10)
    assert [serial for _, serial in bodies(inbox.take(0))] == [1, 2, 3]


def test_without_a_journal_memory_has_to_do(tmp_path: Path) -> None:
    inbox = Inbox()
    intake = Intake(inbox)
    intake.open(None, None)
    intake.accept(b"[1]")
    intake.accept(b"[1]")
    assert bodies(inbox.take(0)) == [(b"[1]", None), (b"[1]", None)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.holds("journal: if /tmp is full, read-only or cleared, memory is used, which is reported once")
def test_what_a_full_journal_does_not_take_is_kept_in_memory(tmp_path: Path) -> None:
    inbox, kept = Inbox(), journal(tmp_path, limit=10_000)
    intake = Intake(inbox)
    intake.open(kept, Duplicates())
    large = b"[" + b" " * 10_000 + b"]"
    intake.accept(b"[1]")
    intake.accept(large)
    assert bodies(inbox.take(0)) == [(b"[1]", 1), (large, None)]


@pytest.mark.holds(
    "journal: a body is journalled and queued before the 200; the answer waits up to 5 s for the journal"
)
def test_an_answer_does_not_wait_for_ever_for_a_journal_that_never_opens() -> None:
    assert OPEN_SECONDS == 5.0
    inbox = Inbox()
    intake = Intake(inbox, patience=0.5)
    begun = time.monotonic()
    intake.accept(b"[1]")
    assert 0.49 < time.monotonic() - begun < 3.5
    begun = time.monotonic()
    intake.accept(b"[2]")  # once is enough
    assert time.monotonic() - begun < 0.4
    assert bodies(inbox.take(0)) == [(b"[1]", None), (b"[2]", None)]


class Broken(Inbox):
    """An inbox that has no memory left, once."""

    faults = 1

    def put(self, item: object, size: int = 0, timeout: float = 1.0, *, wakes: bool = True) -> None:
        if self.faults:
            self.faults -= 1
            raise MemoryError
        super().put(item, size, timeout, wakes=wakes)


@pytest.mark.holds("twice: a body that could not be kept does not count as a duplicate when it comes again")
def test_a_body_that_could_not_be_kept_is_no_echo_when_it_comes_again() -> None:
    inbox = Broken()
    intake = Intake(inbox)
    intake.open(None, Duplicates())
    with pytest.raises(MemoryError):
        intake.accept(b"[1]")
    intake.accept(b"[1]")
    assert bodies(inbox.take(0)) == [(b"[1]", None)]
    assert intake.duplicates == 0


class BrokenJournal:
    """A journal that raises."""

    def append(self, body: bytes, wall: float) -> int | None:
        raise OverflowError(body, wall)


@pytest.mark.holds("journal: whatever it raises the body is answered, and kept in memory")
def test_a_journal_that_raises_costs_no_answer_and_that_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    inbox = Inbox()
    intake = Intake(inbox)
    intake.open(BrokenJournal(), Duplicates())
    for body in (b"[1]", b"[2]", b"[1]"):
        intake.accept(body)
    assert bodies(inbox.take(0)) == [(b"[1]", None), (b"[2]", None)]
    assert intake.duplicates == 1
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert line["message"] == "internal error: the journal failed, memory has to do"
    assert line["why"].startswith("OverflowError at extension.intake:")
    assert "[1]" not in str(line)


@pytest.mark.holds("accounts: a batch that the full queue drops is read back from the journal")
def test_what_a_full_inbox_gives_up_is_told_with_its_serial_records_and_bytes(tmp_path: Path) -> None:
    inbox, kept = Inbox(capacity=100), journal(tmp_path)
    intake = Intake(inbox)
    intake.open(kept, Duplicates())
    first = b'[{"record":1},{"record":2}]' + b" " * 60
    intake.accept(first)
    intake.accept(b"[" + b" " * 70 + b"]")  # waits a second for room, then the oldest goes
    given_up, newer = inbox.take(0)  # in the order in which they came
    assert isinstance(given_up, UnreadBatch)
    assert (given_up.serial, given_up.records, given_up.size) == (1, 2, len(first))
    assert bodies([newer])[0][1] == 2
