"""One line of a shipped object: what it says of its request, and how it is shown. Pure.

Lines are in docs/reading.md. A record is text, or an object if the function's log format is JSON; text may be JSON too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Levels that make a line that of an error.
ERRORS = frozenset({"ERROR", "CRITICAL", "FATAL"})
_PLAIN = frozenset({"INFO", "DEBUG", "TRACE", "NOTSET"})
#: What runtimes write before a message: Python's `[ERROR]`, with time and request where the function logs; Node's.
_PYTHON = re.compile(r"\[(?P<level>[A-Z]{4,8})\](?:\t[^\t\n]*Z?\t[^\t\n]*\t| +|\t)")
_TIMED = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,]+Z?\t[^\t\n]*\t(?P<level>[A-Z]{4,8})\t")
_UNCAUGHT = re.compile(r"\[ERROR\] (?P<error>[^\n]*)\nTraceback ", re.DOTALL)
_LAST = re.compile(r"Traceback \(most recent call last\):.*\n(?P<error>\w[\w.]*(?::[^\n]*)?)\s*$", re.DOTALL)
_TRACES = ("traceId", "trace_id", "correlation_id", "correlationId")
#: Frames of a stack that are shown.
_FRAMES = 12


@dataclass(frozen=True)
class Line:
    """One line. `raw` is its text, `function` the name in its object's key."""

    raw: str
    function: str
    time: str
    type: str
    record: Any
    request: str
    environment: str
    sequence: int

    @property
    def fields(self) -> dict[str, Any]:
        """The members of a record that is JSON, {} for plain text."""
        return self.record if isinstance(self.record, dict) else _json(self.record)

    @property
    def level(self) -> str:
        """The level, in capitals; "" if the line has none."""
        found = self.fields.get("level", self.fields.get("log_level"))
        if isinstance(found, str):
            return found.upper()
        head = _head(self.record)
        return head["level"] if head else ""

    @property
    def status(self) -> str:
        """How the request ended, in the lines with which Lambda says that; else ""."""
        if self.type not in ("platform.runtimeDone", "platform.report", "platform.initRuntimeDone"):
            return ""
        return str(self.fields.get("status") or "")

    @property
    def trace(self) -> str:
        """The trace that the line names, as loggers write it."""
        return next((str(self.fields[name]) for name in _TRACES if isinstance(self.fields.get(name), str)), "")

    @property
    def error(self) -> str:
        """The error that the line tells of, in one line; "" if it tells of none."""
        if not self.type.startswith("platform."):
            return _first(_error(self.fields) if self.fields else _error_of_text(self.record)) or (
                _first(self.text) if self.level in ERRORS else ""
            )
        return ""

    @property
    def text(self) -> str:
        """The message, without what a runtime writes before it."""
        if fields := self.fields:
            message = fields.get("message")
            return message if isinstance(message, str) else json.dumps(fields if message is None else message)
        text = self.record if isinstance(self.record, str) else json.dumps(self.record)
        head = _head(text)
        return text[head.end() :].rstrip() if head else text.rstrip()


def read(body: bytes, function: str) -> Iterator[Line]:
    """Yield the lines of a body; what is not a line is left out."""
    for raw in body.split(b"\n"):
        if raw:
            found = line(raw, function)
            if found:
                yield found


def line(raw: bytes, function: str) -> Line | None:
    """Return one line, None if it is not a JSON object with time and type."""
    try:
        found = json.loads(raw)
        kind, time = found["type"], found["time"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    if not (isinstance(kind, str) and isinstance(time, str)):
        return None
    sequence = found.get("sequence")
    return Line(
        raw.decode("utf-8", "replace"),
        function,
        time,
        kind,
        found.get("record"),
        str(found.get("requestId") or ""),
        str(found.get("environment") or ""),
        sequence if isinstance(sequence, int) else 0,
    )


def shown(one: Line) -> str:
    """Return a line as a message shows it: the time, a milestone or a level, the text. "" if it has nothing to say."""
    clock = one.time[11:23]
    if one.type.startswith("platform."):
        if one.status in ("", "success") or one.type == "platform.runtimeDone":
            return ""
        return f"{clock}  {one.type.removeprefix('platform.')}  {one.status}{_took(one.fields)}"
    fields = one.fields
    if "_aws" in fields:  # metrics that are written as a line
        return ""
    word = str(fields.get("milestone") or "") or ("" if one.level in _PLAIN else one.level)
    error = _error(fields)
    text = error if "message" not in fields and error else one.text
    if fields.get("span"):
        text = f"{text}  {fields.get('durationMs')} ms"
    if error and error not in text:
        text = f"{text}  {error}"
    stack = fields.get("stackTrace")
    if isinstance(stack, list):
        text = "\n".join([text, *(str(frame).rstrip() for frame in stack[-_FRAMES:])])
    return "  ".join(filter(None, [clock, word, text.replace("\n", "\n  ")]))


def _took(fields: dict[str, Any]) -> str:
    metrics = fields.get("metrics")
    took = metrics.get("durationMs") if isinstance(metrics, dict) else None
    return f", {took:,.0f} ms" if isinstance(took, int | float) else ""


def _error(fields: dict[str, Any]) -> str:
    """Return the error of a JSON line: what runtimes write (errorType, errorMessage), or a member `exception`."""
    kind, message = fields.get("errorType"), fields.get("errorMessage")
    if isinstance(kind, str) or isinstance(message, str):
        return ": ".join(str(one) for one in (kind, message) if one)
    found = fields.get("exception")
    if isinstance(found, dict):
        return ": ".join(str(found[name]) for name in ("type", "message") if found.get(name))
    if isinstance(found, str):
        last = _LAST.search(found)
        return last["error"] if last else found
    return ""


def _error_of_text(record: object) -> str:
    if not isinstance(record, str):
        return ""
    found = _UNCAUGHT.match(record) or _LAST.search(record)
    return found["error"] if found else ""


def _head(text: object) -> re.Match[str] | None:
    return (_PYTHON.match(text) or _TIMED.match(text)) if isinstance(text, str) else None


def _json(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _first(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip()
