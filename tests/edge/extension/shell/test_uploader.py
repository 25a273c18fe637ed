"""The thread that uploads: whatever the store does, an outcome comes back, and the next chunk is put."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from extension.events import Upload, Uploaded, UploadFailed
from extension.inbox import Inbox
from extension.shell.uploader import Uploader
from tests.unit.extension.build import chunk

if TYPE_CHECKING:
    from extension.stores import PutRequest


class Faulty:
    """A store that raises what it is given, once."""

    def __init__(self, fault: BaseException) -> None:
        self._faults = [fault]
        self.stored: list[str] = []

    def warm_up(self) -> None:
        """Nothing to load."""

    def put(self, request: PutRequest) -> None:
        if self._faults:
            raise self._faults.pop()
        self.stored.append(request.key)

    def cancel(self) -> None:
        """Nothing is in progress."""


@pytest.mark.holds("faults: an exception in the store counts as a failed upload")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (StoreError(StoreError.THROTTLED, 503, "SlowDown", "less"), StoreError.THROTTLED),
        (ZeroDivisionError("a fault of ours"), StoreError.TRANSPORT),
        (MemoryError(), StoreError.TRANSPORT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fault_of_the_store_is_an_outcome_and_the_next_chunk_is_put(fault: Exception, kind: str) -> None:
    store, inbox = Faulty(fault), Inbox()
    uploader = Uploader(store, inbox)
    uploader.start()
    outcomes: list[object] = []
    for attempt in (1, 2):
        uploader.submit(Upload(attempt, chunk("a.log", b"{}\n")))
        outcomes += inbox.take(10.0)
    failed, stored = outcomes
    assert isinstance(failed, UploadFailed)
    assert (failed.attempt, failed.kind) == (1, kind)
    known = isinstance(fault, StoreError)
    assert (str(fault) if known else f"unexpected: {type(fault).__name__} at ") in failed.detail
    assert known or "a fault of ours" not in failed.detail
    assert isinstance(stored, Uploaded)
    assert (stored.attempt, store.stored) == (2, ["a.log"])


class Slow(Faulty):
    """A store that takes its time to load."""

    def __init__(self) -> None:
        super().__init__(ZeroDivisionError())
        self._faults.clear()
        self.loaded = threading.Event()

    def warm_up(self) -> None:
        assert self.loaded.wait(10.0)


def test_an_attempt_that_is_abandoned_while_the_store_is_loaded_is_not_begun() -> None:
    store, inbox = Slow(), Inbox()
    uploader = Uploader(store, inbox)
    uploader.start()
    uploader.submit(Upload(1, chunk("a.log", b"{}\n")))
    uploader.abandon(1)
    assert inbox.take(0.05) == []
    store.loaded.set()
    (abandoned,) = inbox.take(10.0)
    assert isinstance(abandoned, UploadFailed)
    assert (abandoned.attempt, abandoned.kind, abandoned.sent) == (1, StoreError.ABANDONED, False)
    uploader.submit(Upload(2, chunk("a.log", b"{}\n")))
    (stored,) = inbox.take(10.0)
    assert isinstance(stored, Uploaded)
    assert (stored.attempt, store.stored) == (2, ["a.log"])


@pytest.mark.holds("faults: a thread that is needed and ends is said, and replaced")
def test_an_uploader_that_ends_is_said_and_started_again_and_its_attempt_has_an_outcome(
    capfd: pytest.CaptureFixture[str],
) -> None:
    store, inbox = Faulty(SystemExit("secret")), Inbox()
    uploader = Uploader(store, inbox)
    uploader.start()
    outcomes: list[object] = []
    for attempt in (1, 2):
        uploader.submit(Upload(attempt, chunk("a.log", b"{}\n")))
        outcomes += inbox.take(10.0)
    failed, stored = outcomes
    assert isinstance(failed, UploadFailed)
    assert (failed.attempt, failed.kind) == (1, StoreError.TRANSPORT)
    assert isinstance(stored, Uploaded)
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert line["message"] == "internal error: the uploader failed, it is started again"
    assert "SystemExit at " in line["why"]
    assert "secret" not in line["why"]
