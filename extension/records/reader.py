"""Tolerant reading of what the platform POSTs: Telemetry API and Logs API bodies alike.

Pure. One POST body becomes lines to ship and facts about the lifecycle. Nothing raises, whatever the bytes are; what
is not understood passes through, or becomes a record of type `extension.unparsed`.
Source: lambda-telemetry-api reference (envelope `time`, `type`, `record`), Logs API 2020-08-15.
"""

from __future__ import annotations

from extension.records import envelopes, objects
from extension.records.chunk import ReaderState
from extension.records.envelopes import UNPARSED, Entry, Numeral, plain_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

REMEMBERED = 1024  # request ids that still count as this environment's; older ones do not occur any more
COUNT_LENGTH = 18  # digits; a longer count of drops is not one
SEALED_IDS = (
    32  # newest request ids that a seal remembers: older ones do not occur any more in a chunk that is made again
)
TAIL_SECONDS = 1.0  # that a record which one body left unfinished waits for the next body


class Received:
    """What one POST came to: the lines to ship, and facts."""

    __slots__ = ("done", "dropped", "first_time", "last_time", "lines", "records", "started", "unparsed")

    def __init__(self) -> None:
        self.lines = b""
        self.records = 0
        self.unparsed = 0
        self.first_time = ""
        self.last_time = ""
        self.started: list[str] = []  # request ids of platform.start
        self.done: list[str] = []  # request ids of platform.runtimeDone, or of what follows it
        self.dropped = 0  # records that the platform says it dropped


class Reader:
    """Turns bodies into lines. Remembers what must carry over from one POST to the next: request ids, the sequence."""

    __slots__ = ("_current", "_origin", "_seen", "_sequence", "_tail", "_tail_wall", "_types")

    def __init__(self, types: tuple[str, ...], origin: objects.Origin) -> None:
        self._types = types
        self._origin = origin
        self._seen: dict[str, None] = {}
        self._current: str | None = None
        self._sequence = 0
        self._tail = ""
        self._tail_wall = 0.0  # arrival of the body that left it

    @property
    def unfinished(self) -> bool:
        """Whether the last body ended in the middle of a record."""
        return bool(self._tail)

    def state(self) -> ReaderState:
        """Return what a reader must start from to make the same lines of what comes next."""
        return ReaderState(self._current, tuple(self._seen)[-SEALED_IDS:], self._sequence, self._origin.arn)

    def restore(self, state: ReaderState) -> None:
        """Start from this state."""
        self._current = state.request_id
        self._seen = dict.fromkeys(state.seen)
        self._sequence = state.sequence
        self._origin.arn = self._origin.arn or state.arn

    def own_line(self, make: Callable[[str, int], str]) -> str:
        """Return a line of the extension's own, numbered as the next record; `make` gets environment and number."""
        self._sequence += 1
        return make(self._origin.environment, self._sequence)

    def saw(self, request_id: str, arn: str = "") -> None:
        """Note a request that an INVOKE or a platform.start has named: only such ids count in records."""
        self._origin.arn = self._origin.arn or arn
        self._seen.pop(request_id, None)
        self._seen[request_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def read(self, body: bytes, wall: float) -> Received:
        """Read one POST body that arrived at `wall` (seconds since the epoch)."""
        entries, self._tail = envelopes.split(body, self._tail, objects.iso_time(wall))
        self._tail_wall = wall
        return self._received(entries)

    def close_partial(self) -> Received:
        """Close a record that no body came to finish: keep what there is of it."""
        tail, self._tail = self._tail, ""
        return self._received([envelopes.unparsed(tail, objects.iso_time(self._tail_wall))] if tail else [])

    def _received(self, entries: list[Entry]) -> Received:
        received = Received()
        lines: list[str] = []
        for entry in entries:
            if entry.type.startswith("platform."):
                self._note(entry, received)
            elif not entry.readable:
                received.unparsed += 1
            if self._shipped(entry.type):
                self._sequence += 1
                lines.append(objects.line(entry.raw, self._request_of(entry), self._origin.environment, self._sequence))
                if entry.time:
                    received.first_time = min(received.first_time or entry.time, entry.time)
                    received.last_time = max(received.last_time, entry.time)
        received.records = len(lines)
        received.lines = "".join(lines).encode("utf-8", "replace")
        return received

    def _shipped(self, kind: str) -> bool:
        """Return whether LOG_TYPES wants this type; an unknown type passes through."""
        family = kind.partition(".")[0]
        return family in self._types or kind == UNPARSED or family not in ("platform", "function", "extension")

    def _note(self, entry: Entry, received: Received) -> None:
        record = entry.record if isinstance(entry.record, dict) else {}
        request_id = plain_text(record.get("requestId"))
        if entry.type == "platform.logsDropped":
            dropped = record.get("droppedRecords")
            told = dropped if isinstance(dropped, Numeral) and len(dropped) <= COUNT_LENGTH else ""
            received.dropped += int(told) if told.isdigit() else 1
        if request_id is None:
            return
        if entry.type == "platform.start":
            self.saw(request_id, plain_text(record.get("functionArn")) or "")
            self._current = request_id
            received.started.append(request_id)
        elif entry.type in ("platform.runtimeDone", "platform.end", "platform.report"):
            received.done.append(request_id)

    def _request_of(self, entry: Entry) -> str | None:
        """Return the request of a record: its own id if that is known here, else the last platform.start's."""
        record = entry.record
        if isinstance(record, dict):
            for name in ("requestId", "AWSRequestId"):
                named = plain_text(record.get(name))
                if named in self._seen:
                    return named
        elif isinstance(record, str):
            fields = record.split("\t", 3)
            if len(fields) > 2 and fields[2].strip() in self._seen:  # noqa: PLR2004 - [LEVEL] time id message
                return fields[2].strip()
        return self._current
