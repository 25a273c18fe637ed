"""Folders of shipped objects, as the extension makes them: keys, lines, metadata.

    ship = Shipped(tmp_path, "orders")
    ship(started("r1"), text("hello", request="r1"), done("r1"), report("r1", ms=12.5))

Written a second time on purpose: nothing here imports the extension. `tests/unit/tools/test_objects.py` compares.
"""

from __future__ import annotations

import gzip
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: When the first line of a test is logged, if the test does not care.
BEGIN = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
LAYOUT = "function={function}/date={date}/hour={hour}/"


@dataclass(frozen=True)
class Line:
    """One record: `record` is any JSON value; `time` an aware moment, or None for one after the line before."""

    record: Any
    type: str = "function"
    request: str | None = None
    time: datetime | None = None


def text(record: Any, *, request: str | None = None, time: datetime | None = None) -> Line:  # noqa: ANN401
    """A line of the function: text, or an object (format JSON)."""
    return Line(record, request=request, time=time)


def started(request: str, *, time: datetime | None = None, xray: str | None = None) -> Line:
    record: dict[str, Any] = {"requestId": request, "version": "$LATEST"}
    if xray:
        record["tracing"] = {"type": "X-Amzn-Trace-Id", "value": f"Root={xray};Parent=53995c3f42cd8ad8;Sampled=1"}
    return Line(record, "platform.start", request, time)


def done(request: str, *, status: str = "success", time: datetime | None = None, ms: float = 1.0) -> Line:
    record = {"requestId": request, "status": status, "metrics": {"durationMs": ms, "producedBytes": 2}}
    return Line(record, "platform.runtimeDone", request, time)


def report(
    request: str,
    *,
    status: str = "success",
    time: datetime | None = None,
    ms: float = 1.0,
    memory: int = 128,
    used: int = 64,
    init_ms: float | None = None,
) -> Line:
    metrics: dict[str, Any] = {
        "durationMs": ms,
        "billedDurationMs": int(-(-(ms + (init_ms or 0)) // 1)),
        "memorySizeMB": memory,
        "maxMemoryUsedMB": used,
    }
    if init_ms is not None:
        metrics["initDurationMs"] = init_ms
    return Line({"requestId": request, "status": status, "metrics": metrics}, "platform.report", request, time)


@dataclass
class Shipped:
    """One environment of a function. A call ships its lines as one object, and returns the key."""

    folder: Path
    function: str = "orders"
    environment: str = ""
    prefix: str = LAYOUT
    compressed: bool = True
    now: datetime = BEGIN
    sequence: int = 0
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)  # key -> user metadata

    def __post_init__(self) -> None:
        self.environment = self.environment or uuid.uuid4().hex[:12]

    def __call__(self, *lines: Line, reason: str = "invokes") -> str:
        body, moments = [], []
        for line in lines:
            self.now = line.time or self.now + timedelta(milliseconds=1)
            self.sequence += 1
            moments.append(moment(self.now))
            body.append(encoded(line, self.now, self.environment, self.sequence))
        raw = b"".join(body)
        return self.put(raw, min(line.time or self.now for line in lines), reason, len(lines), moments)

    def put(
        self, raw: bytes, first: datetime, reason: str = "invokes", records: int = 0, moments: list[str] | None = None
    ) -> str:
        """Ship any bytes as an object, whatever they are."""
        key = self.prefix.replace("{function}", self.function)
        key = key.replace("{date}", f"{first:%Y-%m-%d}").replace("{hour}", f"{first:%H}")
        key += f"{self.function}-{int(first.timestamp() * 1000)}-{uuid.uuid4()}.log{'.gz' if self.compressed else ''}"
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(raw, 5, mtime=0) if self.compressed else raw)
        self.metadata[key] = {
            "format": "1",
            "extension-version": "0.1.0",
            "function-arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function}",
            "function-version": "$LATEST",
            "environment": self.environment,
            "api": "telemetry",
            "schema": "2022-12-13",
            **({"first-time": moments[0], "last-time": moments[-1]} if moments else {}),
            "records": str(records),
            "raw-bytes": str(len(raw)),
            "reason": reason,
        }
        return key


def moment(when: datetime) -> str:
    """As the platform writes a time."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def encoded(line: Line, when: datetime, environment: str, sequence: int) -> bytes:
    """One line of an object."""
    envelope = {"time": moment(when), "type": line.type, "record": line.record}
    envelope |= {"requestId": line.request, "environment": environment, "sequence": sequence}
    return json.dumps(envelope, separators=(",", ":")).encode() + b"\n"
