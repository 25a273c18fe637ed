"""One run of the notifier: what arrived and what lies in the queues is told, once each.

The order matters. Messages are received before the markers are listed: while this run has a message, no other run does,
so a marker that is not in the list is not about to be written. A marker is written after the webhook took the message:
what was not taken is told by a later run, and a run that is killed in between tells it again.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from notifier import events, letters, message, queues, webhook
from notifier.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from notifier.bucket import Bucket
    from notifier.notices import Clue, Notice
    from notifier.search import Attempt

#: Messages that one run posts.
MOST_POSTS = 10
#: Runs that wait for lines; the next one posts without.
WAITS = 2
_EVENT, _WAITED, _RECEIVED = ".event", ".waited-", ".received-"
#: Queues that are looked at at the same time.
MOST_AT_ONCE = 8


class NotifierError(Exception):
    """Something was not told. A later run tries again; Lambda counts an error, which its alarm sees."""


@dataclass
class Notifier:
    """What a run needs. `sqs` is boto3's client, `urls` are those of queues, `functions` names.

    `now` is in epoch milliseconds; `is_late` says whether the run has to come to its end. `wait` is how many seconds
    an empty queue is waited for.
    """

    bucket: Bucket
    sqs: Any
    urls: Sequence[str]
    functions: Sequence[str]
    webhook: str
    now: int
    is_late: Callable[[], bool] = lambda: False
    source: str = ""
    wait: int = queues.WAIT
    _wrong: list[str] = field(default_factory=list)

    def run(self, event: object) -> None:
        """Tell what an event says and, if it is time, what lies in the queues. Raises NotifierError at the end."""
        peeks = [queues.Peek(self.sqs, url, self.wait) for url in self.urls]
        arrived = events.read(event, frozenset(one.name for one in peeks))
        try:
            self._tell(arrived, peeks if arrived.look else [])
        finally:
            for one in peeks:
                self._attempt(f"queue {one.name}", one.give_back)
        if self._wrong:
            raise NotifierError("; ".join(self._wrong))

    def _tell(self, arrived: events.Arrived, peeks: Sequence[queues.Peek]) -> None:
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:  # an empty queue takes a second
            found = [one for some in pool.map(self._peeked, peeks) for one in some]
        markers = self.bucket.markers()
        kept = self._kept(markers) if arrived.look else []
        lying = [letters.read(one, queue, self.now, _received(markers, one["MessageId"])) for queue, one in found]
        new = {
            one.id: one
            for one in (*arrived.notices, *kept, *sorted(lying, key=lambda one: one.at))
            if one.id not in markers
        }
        chosen, later = list(new.values())[:MOST_POSTS], list(new.values())[MOST_POSTS:]
        self._keep(later, markers)
        search, note = self._searched([one.clue for one in chosen if one.clue])
        more = f"{len(later)} more wait and are told next." if later else ""
        for number, notice in enumerate(chosen):
            attempt = search.found(notice.clue) if notice.clue else None
            looks = _looks(markers, notice.id)
            if notice.clue and not _is_enough(notice.clue, attempt) and looks < WAITS:
                self._keep([notice], markers)
                self.bucket.mark(f"{notice.id}{_WAITED}{looks + 1}")
                _log("waiting for its lines", notice, looks=looks + 1)
                continue
            notes = (*_notes(notice, attempt, note), more if number == len(chosen) - 1 else "")
            if self.is_late() or not self._posted(notice, attempt, tuple(filter(None, notes)), fails=arrived.look):
                self._keep(chosen[number:], markers)
                return

    def _peeked(self, peek: queues.Peek) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        self._attempt(
            f"queue {peek.name}", lambda: found.extend((peek.name, one) for one in peek.messages(self.is_late))
        )
        return found

    def _kept(self, markers: set[str]) -> list[Notice]:
        names = sorted(one.removesuffix(_EVENT) for one in markers if one.endswith(_EVENT))
        return [
            notice
            for name in names
            if name not in markers
            for notice in events.read(json.loads(self.bucket.kept(name + _EVENT))).notices
        ]

    def _keep(self, notices: Sequence[Notice], markers: set[str]) -> None:
        """Keep for the next look what nothing else keeps: events, and how often a message had been received."""
        for one in notices:
            name = one.id + (_EVENT if one.kept else f"{_RECEIVED}{one.received}")
            if name not in markers and (one.kept or one.what == letters.LYING):
                self.bucket.mark(name, one.kept)

    def _searched(self, clues: list[Clue]) -> tuple[Search, str]:
        """Search for all clues at once. Return a sentence on what was left out, too."""
        search = Search(clues)
        if not clues:
            return search, ""
        try:
            return search, self.bucket.search(search, clues, self.functions).note
        except (ClientError, BotoCoreError) as error:
            self._wrong.append(f"logs: {_short(error)}")
            return search, f"The logs could not be read: {_short(error)}."

    def _posted(self, notice: Notice, attempt: Attempt | None, notes: tuple[str, ...], *, fails: bool) -> bool:
        """Post a message and write its marker. Return whether the next one is worth a try.

        `fails` says whether the run fails if the webhook does not take an event that is kept.
        """

        def text(*more: str, with_lines: bool = True) -> str:
            return message.text(
                notice,
                attempt,
                notes=(*notes, *more),
                source=self.source,
                now=self.now,
                with_lines=with_lines,
            )

        try:
            try:
                webhook.post(self.webhook, text())
            except webhook.RefusedError as error:
                _log("refused with its lines", notice, error=str(error))
                webhook.post(self.webhook, text("The webhook refused it with its lines.", with_lines=False))
        except webhook.WebhookError as error:
            _log("not told", notice, error=str(error))
            if fails or not notice.kept:
                self._wrong.append(str(error))
            return False
        self.bucket.mark(notice.id)
        _log("told", notice)
        return True

    def _attempt(self, what: str, call: Callable[[], object]) -> None:
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            self._wrong.append(f"{what}: {_short(error)}")


def _is_enough(clue: Clue, attempt: Attempt | None) -> bool:
    """Whether the lines tell how the request ended: an attempt of another request of the trace does not."""
    return attempt is not None and attempt.ended and bool(attempt.error or clue.exact)


def _notes(notice: Notice, attempt: Attempt | None, note: str) -> list[str]:
    if notice.clue is None:
        return [] if notice.said else ["It names no request."]
    if attempt is None:
        who = "No line of its request" if notice.clue.values else "No request that failed then"
        return [f"{who} is on S3 after {WAITS + 1} looks.", note]
    if not attempt.ended:
        return ["The end of this request is not on S3."]
    return [] if _is_enough(notice.clue, attempt) else ["No request of this trace has failed in the lines on S3.", note]


def _looks(markers: set[str], name: str) -> int:
    """Return how many runs have waited for the lines of a notice."""
    return max((number for number in range(1, WAITS + 1) if f"{name}{_WAITED}{number}" in markers), default=0)


def _received(markers: set[str], name: str) -> int | None:
    """Return how often a message had been received before the first look at it, None if this is the first."""
    begin = name + _RECEIVED
    return next((int(one.removeprefix(begin)) for one in markers if one.startswith(begin)), None)


def _short(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.operation_name} answered {error.response['Error']['Code']}"
    return type(error).__name__


def _log(said: str, notice: Notice, **more: object) -> None:
    print(json.dumps({"message": said, "id": notice.id, "what": notice.what, "where": notice.where, **more}))
