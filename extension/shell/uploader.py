"""The thread that uploads: one PUT at a time; its outcome goes into the inbox as an event. Nobody ever joins it.

What the store has to load (boto3 takes 0.7 s of CPU) is loaded here too: the consumer answers events meanwhile.
"""

from __future__ import annotations

import _thread

from extension.errors import StoreError, described
from extension.events import Uploaded, UploadFailed
from extension.records.objects import CONTENT_TYPE
from extension.shell.threads import start
from extension.stores import PutRequest
from extension.stores.remedies import Place, explained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.events import Upload
    from extension.inbox import Inbox
    from extension.stores import Store


class Uploader:
    """Hands chunks to the store. The consumer submits the next one only after it saw the last one's outcome."""

    def __init__(self, store: Store, inbox: Inbox, place: Place | None = None) -> None:
        self._store = store
        self._place = place or Place()
        self._inbox = inbox
        self._jobs: list[Upload] = []
        self._work = _thread.allocate_lock()
        self._work.acquire()
        self._current: Upload | None = None
        self._abandoned = 0  # number of the attempt that was abandoned last
        self._is_warm = False

    def start(self) -> None:
        """Start the thread; it begins with loading what the first PUT needs."""
        start("uploader", self._run, self._died)

    def submit(self, upload: Upload) -> None:
        """Upload this chunk; returns at once."""
        self._jobs.append(upload)
        self._work.release()

    def abandon(self, attempt: int) -> None:
        """Close the connection of this attempt, the one in flight: its outcome comes soon, whatever it is.

        One that still waits for the store to be loaded is not begun.
        """
        self._abandoned = attempt
        self._store.cancel()

    def _run(self) -> None:
        if not self._is_warm:
            self._is_warm = True  # once is enough: `put` meets the same error
            self._store.warm_up()
        while True:
            self._work.acquire()
            upload = self._current = self._jobs.pop(0)
            self._inbox.put(self._outcome(upload))
            self._current = None

    def _died(self) -> bool:
        """Answer for the attempt in whose middle the thread ended: the core waits for its outcome."""
        upload, self._current = self._current, None
        if upload:
            self._inbox.put(UploadFailed(upload.attempt, StoreError.TRANSPORT, "the uploader ended in its middle"))
        return True

    def _outcome(self, upload: Upload) -> Uploaded | UploadFailed:
        if upload.attempt == self._abandoned:
            return UploadFailed(upload.attempt, StoreError.ABANDONED, "abandoned before it was begun", sent=False)
        chunk = upload.chunk
        request = PutRequest(
            chunk.key,
            chunk.body,
            CONTENT_TYPE,
            chunk.content_encoding,
            chunk.metadata,
            only_if_absent=upload.conditional,
            owner=self._place.owner,
            sse=self._place.sse,
            kms_key=self._place.kms_key,
            tags=self._place.tags,
        )
        try:
            self._store.put(request)
        except StoreError as error:
            return UploadFailed(upload.attempt, error.kind, explained(error, self._place), sent=error.sent)
        except Exception as error:  # noqa: BLE001 - a fault of ours must come back as an outcome, or the chunk would hang
            return UploadFailed(upload.attempt, StoreError.TRANSPORT, f"unexpected: {described(error)}")
        return Uploaded(upload.attempt)
