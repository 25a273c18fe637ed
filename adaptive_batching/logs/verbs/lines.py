"""Lines of logs as entries: what `search` and `tail` print."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from adaptive_batching.logs.trace.drawing import moment
from adaptive_batching.logs.verbs.output import moment as iso

#: The columns of an entry, in the order of the fields of `Entry`.
COLUMNS = (
    *("ts", "function", "type", "request_id", "environment", "sequence", "level", "message", "trace_id", "record"),
    *("object", "line"),
)
#: What is printed as JSON and as CSV.
SHOWN = COLUMNS[:-3]
_INDENT = "    "


@dataclass(frozen=True)
class Entry:
    """A line of the view `logs`."""

    ts: datetime | None
    function: str
    type: str
    request_id: str | None
    environment: str | None
    sequence: int | None
    level: str | None
    message: str | None
    trace_id: str | None
    record: str | None
    object: str
    line: int


def short(entry: Entry, zone: tzinfo) -> str:
    """Return an entry for people: time, function, level, message. Further lines of the message are indented."""
    when = moment(entry.ts, zone, date=True) if entry.ts else f"{'no time':23}"
    message = (entry.message or "").rstrip().replace("\n", f"\n{_INDENT}")
    said = _of_the_platform(entry) if entry.type.startswith("platform.") else message
    return f"{when}  {entry.function}  {entry.level or '':5}  {said}"


def as_json(entry: Entry, zone: tzinfo) -> str:
    """Return an entry as an object on one line."""
    return json.dumps(dict(zip(SHOWN, _values(entry, zone), strict=True)), ensure_ascii=False)


def as_csv(values: list[Any]) -> str:
    """Return values as a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["" if value is None else value for value in values])
    return text.getvalue()


def csv_row(entry: Entry, zone: tzinfo) -> str:
    """Return an entry as a line of CSV."""
    return as_csv(_values(entry, zone))


def _values(entry: Entry, zone: tzinfo) -> list[Any]:
    found = [getattr(entry, name) for name in SHOWN]
    return [iso(value, zone) if isinstance(value, datetime) else value for value in found]


def _of_the_platform(entry: Entry) -> str:
    """Return what a record of the platform says: the figures of a report, else the record."""
    name = entry.type.removeprefix("platform.")
    try:
        record = json.loads(entry.record or "")
        metrics = record.get("metrics")
        figures = _figures(metrics if isinstance(metrics, dict) else {})
        facts = [str(record.get("status", "")), *figures, str(record.get("requestId", ""))]
    except (ValueError, AttributeError, RecursionError):  # not an object
        return f"{name} {entry.record or ''}"
    said = ", ".join(fact for fact in facts if fact)
    return f"{name}  {said}" if said and name in ("start", "runtimeDone", "report") else f"{name} {entry.record}"


def _figures(metrics: dict[str, Any]) -> list[str]:
    found = []
    if "durationMs" in metrics:
        found.append(f"{metrics['durationMs']} ms")
    if "billedDurationMs" in metrics:
        found.append(f"billed {metrics['billedDurationMs']} ms")
    if "maxMemoryUsedMB" in metrics and "memorySizeMB" in metrics:
        found.append(f"{metrics['maxMemoryUsedMB']} of {metrics['memorySizeMB']} MB")
    if "initDurationMs" in metrics:
        found.append(f"init {metrics['initDurationMs']} ms")
    return found
