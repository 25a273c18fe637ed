"""Looks into queues of dead letters and leaves everything there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds for which a message is hidden while it is looked at: longer than the function may run. So no two runs tell
#: the same message, and after a run that was killed it comes back by itself.
HIDDEN = 120
#: Messages of a queue that one run looks at.
MOST = 1000
#: Seconds that SQS waits for a message: with 0 it asks some of its servers only.
WAIT = 1
_AT_ONCE = 10


class Peek:
    """The messages of one queue, hidden from others until `give_back`. `client` is boto3's of SQS."""

    def __init__(self, client: Any, url: str, wait: int = WAIT) -> None:  # noqa: ANN401 - boto3 makes its classes
        self._client, self._url, self._wait = client, url, wait
        self._handles: list[str] = []

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._url.rstrip("/").rpartition("/")[2]

    def messages(self, is_late: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """Yield the messages, each once, until there are no more, MOST are seen or it is late."""
        seen: set[str] = set()
        while len(self._handles) < MOST and not is_late():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=HIDDEN,
                WaitTimeSeconds=self._wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            found = answer.get("Messages", [])
            self._handles += [one["ReceiptHandle"] for one in found]
            if not found:
                return
            for one in found:
                if one["MessageId"] not in seen:
                    seen.add(one["MessageId"])
                    yield one

    def give_back(self) -> None:
        """Let others see all messages again, at once."""
        while self._handles:
            some, self._handles = self._handles[:_AT_ONCE], self._handles[_AT_ONCE:]
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(some)
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
