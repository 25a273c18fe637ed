"""From log lines to what they show of a request: it began, ended, was started, was reported. Pure.

Two shapes are read: what the platform and the function write to CloudWatch (text and JSON, protocol reference 10), and
telemetry records as the extension ships them (5.4).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = re.compile(r"START RequestId: (\S+)")
_REPORT = re.compile(r"REPORT RequestId: (\S+)")
_STATUS = re.compile(r"\tStatus: (\w+)")
_ERROR_TYPE = re.compile(r"\tError Type: (\S+)")
_TIMED_OUT = re.compile(r"(?:\S+ )?(\S+) Task timed out after ([\d.]+) seconds")
_RUNTIME_EXITED = re.compile(r"RequestId: (\S+) Error: (.+)")


class Kind(StrEnum):
    """What a line shows."""

    START = "start"  # the platform: an attempt was started
    BEGIN = "begin"  # the function's first line
    END = "end"  # the function's last line
    OUTCOME = "outcome"  # the platform: how the attempt went (runtimeDone, report, a timeout's line)


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen of one request. `trouble`: of an OUTCOME, why the attempt failed; "" when it did not.

    `time` tells copies of a line from its next writing; "" where the source has no time for it.
    """

    kind: Kind
    request: str
    time: str = ""
    trouble: str = ""


class UnreadableError(ValueError):
    """A line that ought to be JSON and is not."""


def of_text(line: str, time: str = "") -> Iterator[Observation]:
    """Yield what one line of a log stream shows; UnreadableError if it starts as a JSON object and is none."""
    line = line.strip("\r\n")
    if line.lstrip().startswith("{"):
        yield from _of_json(line, time)
    elif found := _START.match(line):
        yield Observation(Kind.START, found[1], time)
    elif found := _REPORT.match(line):
        status, error = _STATUS.search(line), _ERROR_TYPE.search(line)
        trouble = _trouble(status[1] if status else "", error[1] if error else "")
        yield Observation(Kind.OUTCOME, found[1], time, trouble)
    elif found := _TIMED_OUT.match(line):
        yield Observation(Kind.OUTCOME, found[1], time, "timeout")
    elif found := _RUNTIME_EXITED.match(line):
        yield Observation(Kind.OUTCOME, found[1], time, found[2].strip())


def of_record(kind: str, record: object, time: str) -> Iterator[Observation]:
    """Yield what one telemetry record shows. UnreadableError as for a line, after what else was readable."""
    if kind.startswith("platform."):
        yield from _of_platform(kind, record, time)
    elif kind == "function" and isinstance(record, dict):
        yield from _of_function(record, time)
    elif kind == "function" and isinstance(record, str):
        unreadable = None
        for line in record.split("\n"):
            try:
                yield from of_text(line, time)
            except UnreadableError as error:
                unreadable = error
        if unreadable:
            raise unreadable


def _of_json(line: str, time: str) -> Iterator[Observation]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise UnreadableError(f"not JSON: {line.strip()[:80]!r}") from None
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if isinstance(kind, str) and kind.startswith("platform."):
        its_time = value.get("time")
        yield from _of_platform(kind, value.get("record"), its_time if isinstance(its_time, str) else time)
    else:
        yield from _of_function(value, time)


def _of_function(value: dict[str, Any], time: str) -> Iterator[Observation]:
    request, message = value.get("requestId"), value.get("message")
    if isinstance(request, str) and request and message in (Kind.BEGIN.value, Kind.END.value):
        yield Observation(Kind(message), request, time)


def _of_platform(kind: str, record: object, time: str) -> Iterator[Observation]:
    request = record.get("requestId") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(request, str) or not request:
        return
    if kind == "platform.start":
        yield Observation(Kind.START, request, time)
    elif kind in {"platform.runtimeDone", "platform.report"}:
        status, error = record.get("status"), record.get("errorType")
        trouble = _trouble(status if isinstance(status, str) else "", error if isinstance(error, str) else "")
        yield Observation(Kind.OUTCOME, request, time, trouble)


def _trouble(status: str, error_type: str) -> str:
    return "" if status in ("", "success") else f"{status} {error_type}".strip()
