"""Tolerant reading of what the platform POSTs: Telemetry API and Logs API bodies alike.

Pure. One POST body becomes lines to ship and facts about the lifecycle. Nothing raises, whatever the bytes are; what
is not understood passes through, or becomes a record of type `extension.unparsed`.
Source: lambda-telemetry-api reference (envelope `time`, `type`, `record`), Logs API 2020-08-15.
"""

import json

from extension import objects

UNPARSED = "extension.unparsed"
UNPARSED_TEXT = 65536  # characters of an unreadable body that are kept
REMEMBERED = 1024  # request ids that still count as this environment's; older ones no longer turn up
TIME_LENGTH = 40  # a longer `time` is not one
COUNT_LENGTH = 18  # digits; a longer count of drops is not one

_WHITESPACE = " \t\n\r"


class Numeral(str):
    """A number's own text; a type of its own, so that `{"type":5}` is not mistaken for `{"type":"5"}`."""

    __slots__ = ()


# The C scanner gives the bounds of each envelope; numbers stay text, so none is too large or changes its form.
_scan = json.JSONDecoder(parse_int=Numeral, parse_float=Numeral, parse_constant=Numeral).scan_once  # type: ignore[attr-defined]


class Entry:
    """One envelope of a POST: its own text, and what the extension needs to know of it."""

    __slots__ = ("raw", "record", "time", "type")

    def __init__(self, raw: str, kind: str, time: str, record: object) -> None:
        self.raw = raw
        self.type = kind
        self.time = time  # "" if absent or odd
        self.record = record


class Received:
    """What one POST came to: the lines to ship, and facts."""

    __slots__ = ("arn", "done", "dropped", "first_time", "last_time", "lines", "records", "started", "unparsed")

    def __init__(self) -> None:
        self.lines = b""
        self.records = 0
        self.unparsed = 0
        self.first_time = ""
        self.last_time = ""
        self.started: "list[str]" = []  # request ids of platform.start
        self.done: "list[str]" = []  # request ids of platform.runtimeDone, or of what follows it
        self.dropped = 0  # records that the platform says it dropped
        self.arn = ""


def entries(body: bytes, now_text: str) -> "list[Entry]":
    """The envelopes of one POST body. `now_text` is the time given to what has none because it cannot be read."""
    text = str(body, "utf-8", "replace").removeprefix("\ufeff")  # a byte order mark
    position = _skip(text, 0)
    found: "list[Entry]" = []
    if text[position : position + 1] != "[":
        return [_unparsed(text, now_text)] if position < len(text) else []
    position = _skip(text, position + 1)
    if text[position : position + 1] == "]":
        return found if _skip(text, position + 1) == len(text) else [_unparsed(text[position + 1 :], now_text)]
    while True:
        try:
            value, end = _scan(text, position)
        except (ValueError, StopIteration, RecursionError):
            found.append(_unparsed(text[position:], now_text))
            return found
        found.append(_entry(text[position:end], value, now_text))
        end = _skip(text, end)
        mark = text[end : end + 1]
        position = _skip(text, end + 1)
        if mark == ",":
            continue
        if mark != "]" or position < len(text):  # cut short, or something behind the array
            found.append(_unparsed(text[end:], now_text))
        return found


def _entry(raw: str, value: object, now_text: str) -> Entry:
    kind = _text(value.get("type")) if isinstance(value, dict) else None
    if not isinstance(value, dict) or kind is None:
        return _unparsed(raw, now_text)
    time = _text(value.get("time")) or ""
    plain = len(time) <= TIME_LENGTH and time.isascii() and time.isprintable()  # it becomes a header of the object
    return Entry(raw, kind, time if plain else "", value.get("record"))


def _text(value: object) -> "str | None":
    """A JSON string's value; None for anything else, numbers among it."""
    return value if isinstance(value, str) and not isinstance(value, Numeral) else None


def _unparsed(text: str, now_text: str) -> Entry:
    kept = text[:UNPARSED_TEXT]
    raw = f'{{"time":"{now_text}","type":"{UNPARSED}","record":{objects.encode_string(kept)}}}'
    return Entry(raw, UNPARSED, now_text, kept)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


class Reader:
    """Turns bodies into lines. Remembers what must carry over from one POST to the next: request ids, the sequence."""

    __slots__ = ("_current", "_origin", "_seen", "_sequence", "_types")

    def __init__(self, types: "tuple[str, ...]", origin: objects.Origin) -> None:
        self._types = types
        self._origin = origin
        self._seen: "dict[str, None]" = {}
        self._current: "str | None" = None
        self._sequence = 0

    def saw(self, request_id: str) -> None:
        """An INVOKE or a platform.start has named this request: only such ids are believed in records."""
        self._seen.pop(request_id, None)
        self._seen[request_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def read(self, body: bytes, wall: float) -> Received:
        """Read one POST body that arrived at `wall` (seconds since the epoch)."""
        received = Received()
        lines: "list[str]" = []
        for entry in entries(body, objects.iso_time(wall)):
            if entry.type.startswith("platform."):
                self._note(entry, received)
            elif entry.type == UNPARSED:
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
        """LOG_TYPES says what is shipped; a type nobody knows yet passes through."""
        family = kind.partition(".")[0]
        return family in self._types or kind == UNPARSED or family not in ("platform", "function", "extension")

    def _note(self, entry: Entry, received: Received) -> None:
        record = entry.record if isinstance(entry.record, dict) else {}
        request_id = _text(record.get("requestId"))
        if entry.type == "platform.logsDropped":
            dropped = record.get("droppedRecords")
            told = dropped if isinstance(dropped, Numeral) and len(dropped) <= COUNT_LENGTH else ""
            received.dropped += int(told) if told.isdigit() else 1
        if request_id is None:
            return
        if entry.type == "platform.start":
            self.saw(request_id)
            self._current = request_id
            received.started.append(request_id)
            received.arn = _text(record.get("functionArn")) or received.arn
        elif entry.type in ("platform.runtimeDone", "platform.end", "platform.report"):
            received.done.append(request_id)

    def _request_of(self, entry: Entry) -> "str | None":
        """The request a record belongs to: its own word if the id is known here, else the last platform.start's."""
        record = entry.record
        if isinstance(record, dict):
            for name in ("requestId", "AWSRequestId"):
                named = _text(record.get(name))
                if named in self._seen:
                    return named
        elif isinstance(record, str):
            fields = record.split("\t", 3)
            if len(fields) > 2 and fields[2].strip() in self._seen:  # noqa: PLR2004 - [LEVEL] time id message
                return fields[2].strip()
        return self._current
