"""Parse log lines into observations of a request: started, begun, ended, or reported by the platform. Pure.

Two formats are read: the lines that the platform and the function write to CloudWatch, in text or JSON
(docs/lambda-protocol.md, 10), and the telemetry records that the extension ships (docs/lambda-protocol.md, 5.4).
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
#: Where a line of the function names its request: this project's function, and the one of 2019.
_REQUEST = ("requestId", "reqID")
_RUNTIME_EXITED = re.compile(r"RequestId: (\S+) Error: (.+)")


class Kind(StrEnum):
    """The kind of an observation."""

    START = "start"  # the platform: an attempt has started
    BEGIN = "begin"  # the function's first line
    END = "end"  # the function's last line
    OUTCOME = "outcome"  # the platform: the result of the attempt (runtimeDone, report, the line of a timeout)


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of one request.

    `time` is when the line was written, "" if the source has no time for it. Copies of a line have the same time. A
    line that a second run wrote has another. `trouble` is the reason of a failed OUTCOME, "" if the attempt succeeded.
    """

    kind: Kind
    request: str
    time: str = ""
    trouble: str = ""


class UnreadableError(ValueError):
    """A line starts like JSON and is not JSON."""


def of_text(line: str, time: str = "") -> Iterator[Observation]:
    """Yield the observations in one line of a log stream.

    Raises UnreadableError if the line starts like a JSON object and is not one.
    """
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
    """Yield the observations in one telemetry record.

    Raises UnreadableError as `of_text` does, after it has yielded the observations in the other lines of the record.
    """
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
    message = value.get("message")
    request = next((found for name in _REQUEST if isinstance(found := value.get(name), str) and found), "")
    if request and message in (Kind.BEGIN.value, Kind.END.value):
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
