"""Tolerant reading of what the platform POSTs: Telemetry API and Logs API bodies alike.

Pure. One POST body becomes lines to ship and facts about the lifecycle. Nothing raises, whatever the bytes are; what
is not understood passes through, or becomes a record of type `extension.unparsed`.
Source: lambda-telemetry-api reference (envelope `time`, `type`, `record`), Logs API 2020-08-15.
"""

from __future__ import annotations

from itertools import islice

from extension.records import envelopes, objects, plain, request_ids
from extension.records.chunk import ReaderState
from extension.records.envelopes import UNPARSED, Entry
from extension.records.mending import plain_text
from extension.records.request_ids import ID_LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.records.filters import Filters

REMEMBERED = 1024  # request ids that still count as this environment's; older ones do not occur any more
COUNT_LENGTH = 18  # digits; a longer count of drops is not one
SEALED_IDS = 32  # newest ids that a seal remembers beside those that run: older ones occur in no chunk made again
RUNNING = 512  # requests at once of which the end is waited for; the ends of more than that were lost
DROPPED = ""  # among those that run: any number of requests whose start or end the platform may have dropped
TAIL_SECONDS = 1.0  # that a record which one body left unfinished waits for the next body


class Received:
    """What one POST came to: the lines to ship, and facts."""

    __slots__ = (
        "done",
        "dropped",
        "filtered",
        "first_time",
        "last_time",
        "lines",
        "records",
        "redacted",
        "size",
        "started",
        "unparsed",
    )

    def __init__(self) -> None:
        self.lines = b""
        self.records = 0
        self.unparsed = 0
        self.first_time = ""
        self.last_time = ""
        self.started: list[str] = []  # request ids of platform.start
        self.done: list[str] = []  # request ids of platform.runtimeDone, or of what follows it
        self.dropped = 0  # records that the platform says it dropped
        self.filtered = 0  # records that are not shipped because the user's filters say so; no others count
        self.redacted = 0  # of `records`, those of which something was taken out
        self.size = 0  # bytes of the body


class Reader:
    """Turns bodies into lines. Remembers what must carry over from one POST to the next: request ids, the sequence.

    `concurrent`: several requests may run at once (Managed Instances); otherwise one begins when the last is over.
    `filters`: what of the records is shipped, None: all. A record that is not shipped gets no number.
    """

    __slots__ = (
        "_concurrent",
        "_current",
        "_filters",
        "_invoked_arn",
        "_origin",
        "_running",
        "_seen",
        "_sequence",
        "_tail",
        "_tail_wall",
        "_types",
    )

    def __init__(
        self,
        types: tuple[str, ...],
        origin: objects.Origin,
        *,
        concurrent: bool = False,
        filters: Filters | None = None,
    ) -> None:
        self._types = types
        self._origin = origin
        self._filters = filters
        self._concurrent = concurrent
        self._invoked_arn = False  # an INVOKE has named the function
        self._seen: dict[str, None] = {}
        self._running: dict[
            str, None
        ] = {}  # begun and not ended, where several may be; each is in _seen, but for DROPPED
        self._current: str | None = None  # the last platform.start's
        self._sequence = 0
        self._tail = ""
        self._tail_wall = 0.0  # arrival of the body that left it

    @property
    def unfinished(self) -> bool:
        """Whether the last body ended in the middle of a record."""
        return bool(self._tail)

    def state(self) -> ReaderState:
        """Return what a reader must start from to make the same lines of what comes next."""
        newest = islice((one for one in reversed(self._seen) if one not in self._running), SEALED_IDS)
        seen = tuple(newest)[::-1]
        running = tuple(self._running) if self._concurrent else None
        return ReaderState(self._current, seen, self._sequence, self._origin.arn, running, self._origin.timeout)

    def restore(self, state: ReaderState) -> None:
        """Start from this state."""
        self._current = state.request_id
        if state.running is not None:
            self._concurrent = True
        self._running = dict.fromkeys(state.running or ())
        self._seen = dict.fromkeys(one for one in (*self._running, *state.seen) if one)
        self._sequence = state.sequence
        self._learn(state.arn)
        self._origin.timeout = state.timeout or self._origin.timeout

    def own_line(self, make: Callable[[str, int], str]) -> str:
        """Return a line of the extension's own, numbered as the next record; `make` gets environment and number."""
        self._sequence += 1
        return make(self._origin.environment, self._sequence)

    def saw(self, request_id: str, arn: str = "", timeout: int = 0) -> None:
        """Note a request that an INVOKE has named, and the function: its word counts before that of any record."""
        self._origin.timeout = timeout or self._origin.timeout
        if not self._invoked_arn and objects.is_arn(arn):
            self._invoked_arn = True
            self._origin.arn = arn
        self._know(request_id)

    def read(self, body: bytes, wall: float) -> Received:
        """Read one POST body that arrived at `wall` (seconds since the epoch)."""
        singly = self._filters is not None
        entries, self._tail = envelopes.split(body, self._tail, objects.iso_time(wall), singly=singly)
        self._tail_wall = wall
        received = self._received(entries)
        received.size = len(body)
        return received

    def close_partial(self) -> Received:
        """Close a record that no body came to finish: keep what there is of it."""
        tail, self._tail = self._tail, ""
        return self._received([envelopes.unparsed(tail, objects.iso_time(self._tail_wall))] if tail else [])

    def _received(self, entries: Sequence[Entry | plain.Lines]) -> Received:
        received = Received()
        if self._filters:
            entries = self._filtered(entries, self._filters, received)
        lines: list[str] = []
        times: list[str] = []
        unnamed = self._unnamed()
        environment = self._origin.environment
        usual, added = unnamed, objects.members(unnamed, environment)  # of nearly all records
        for entry in entries:
            if isinstance(entry, plain.Lines):
                if "function" in self._types:
                    lines += self._lines(entry, unnamed)
                    times += entry.times
                continue
            kind = entry.type
            if kind.startswith("platform."):
                self._note(entry, received)
                unnamed = self._unnamed()
            elif not entry.readable:
                received.unparsed += 1
            if kind in self._types or self._shipped(kind):
                self._sequence += 1
                request = request_ids.request_of(entry.record, self._seen, unnamed)
                if request != usual:
                    usual, added = request, objects.members(request, environment)
                lines.append(objects.with_members(entry.raw, added, self._sequence))
                if entry.time:
                    times.append(entry.time)
        received.first_time, received.last_time = min(times, default=""), max(times, default="")
        received.records = len(lines)
        received.lines = "".join(lines).encode(errors="replace")
        return received

    def _filtered(
        self, entries: Sequence[Entry | plain.Lines], filters: Filters, received: Received
    ) -> list[Entry | plain.Lines]:
        """Return what is left of the entries, and count what is not; the platform's own stay as they are."""
        left: list[Entry | plain.Lines] = []
        for entry in entries:
            assert not isinstance(entry, plain.Lines)  # noqa: S101 - with filters a body is read singly
            if not entry.type.startswith("platform.") and self._shipped(entry.type):
                if not filters.keeps(entry):
                    received.filtered += 1
                    continue
                received.redacted += filters.redact(entry)
            left.append(entry)
        return left

    def _lines(self, entry: plain.Lines, unnamed: str | None) -> list[str]:
        first = self._sequence + 1
        self._sequence += len(entry.texts)
        lines = objects.lines(entry.texts, unnamed, self._origin.environment, first)
        for number, request in request_ids.other_requests(entry, self._seen, unnamed):
            lines[number : number + 1] = objects.lines(
                [entry.texts[number]], request, self._origin.environment, first + number
            )
        return lines

    def _shipped(self, kind: str) -> bool:
        """Return whether LOG_TYPES wants this type; an unknown type passes through."""
        family = kind.partition(".")[0]
        return family in self._types or kind == UNPARSED or family not in ("platform", "function", "extension")

    def _note(self, entry: Entry, received: Received) -> None:
        record = entry.record if isinstance(entry.record, dict) else {}
        request_id = plain_text(record.get("requestId"))
        if entry.type == "platform.logsDropped":
            dropped = record.get("droppedRecords")
            told = dropped if isinstance(dropped, bytes) and len(dropped) <= COUNT_LENGTH else b""
            received.dropped += int(told) if told.isdigit() else 1
            if self._concurrent:
                self._running[DROPPED] = None
        if not request_id or len(request_id) > ID_LENGTH:
            return
        if entry.type == "platform.start":
            self._learn(plain_text(record.get("functionArn")) or "")
            self._begin(request_id)
            received.started.append(request_id)
        elif entry.type in ("platform.runtimeDone", "platform.end", "platform.report"):
            self._end(request_id)
            received.done.append(request_id)

    def _learn(self, arn: str) -> None:
        """Take the function's ARN from a record or a seal, if it is one and none is known."""
        if not self._origin.arn and objects.is_arn(arn):
            self._origin.arn = arn

    def _know(self, request_id: str) -> None:
        """Let this id count as one of this environment's: INVOKE and platform.start alone make one known."""
        if not request_id or len(request_id) > ID_LENGTH:
            return
        self._seen.pop(request_id, None)
        self._seen[request_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(one for one in self._seen if one not in self._running)]

    def _begin(self, request_id: str) -> None:
        self._know(request_id)
        self._current = request_id
        if self._concurrent:
            self._running[request_id] = None
            if len(self._running) > RUNNING:
                del self._running[next(iter(self._running))]

    def _end(self, request_id: str) -> None:
        if request_id in self._running:
            del self._running[request_id]
            self._know(request_id)  # as the newest: lines of it may still come

    def _unnamed(self) -> str | None:
        """Return the request of a record that names none: the last to begin, or where several may run the only one."""
        if not self._concurrent:
            return self._current
        return next(iter(self._running)) or None if len(self._running) == 1 else None
