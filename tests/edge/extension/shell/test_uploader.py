"""The thread that uploads: whatever the store does, an outcome comes back, and the next chunk is put."""

from __future__ import annotations

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

    def __init__(self, fault: Exception) -> None:
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
    assert repr(fault) in failed.detail or str(fault) in failed.detail
    assert isinstance(stored, Uploaded)
    assert (stored.attempt, store.stored) == (2, ["a.log"])
