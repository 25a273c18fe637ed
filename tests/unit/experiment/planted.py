"""Runs of the experiment with planted losses, written out as each source has them. The expectation comes with them.

The writers are readings of the protocol of their own; nothing of the product is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Fate -> class, lost, whether a trace is left.
FATES = {
    "ok": ("ok", False, True),
    "no end": ("no end", True, True),
    "no begin": ("no begin", True, True),
    "none": ("none", True, True),
    "vanished": ("none", True, False),
    "begin twice": ("duplicate", False, True),
    "end twice": ("duplicate", False, True),
    "timed out": ("no end", False, True),
    "killed before begin": ("none", True, True),
    "run again": ("retried", False, True),
    "timed out, run again": ("retried", False, True),
    "run again, end lost": ("no end", True, True),
}


@dataclass(frozen=True)
class Line:
    """One line of a stream: `text` and `record` are the same thing in CloudWatch's words and the Telemetry API's."""

    request: str
    kind: str
    text: str
    record: object


def written(request: str, fate: str) -> list[Line]:
    """The lines that a request leaves."""
    start, begin, end, report = _start(request), _said(request, "begin"), _said(request, "end"), _report(request)
    timeout = _report(request, "timeout")
    whole = [start, begin, end, report]
    return {
        "ok": whole,
        "no end": [start, begin, report],
        "no begin": [start, end, report],
        "none": [start, report],
        "vanished": [],
        "begin twice": [start, begin, begin, end, report],
        "end twice": [start, begin, end, end, report],
        "timed out": [start, begin, timeout],
        "killed before begin": [start, _report(request, "error")],
        "run again": whole + whole,
        "timed out, run again": [start, begin, timeout, *whole],
        "run again, end lost": [start, begin, report, *whole],
    }[fate]


def _said(request: str, message: str) -> Line:
    text = json.dumps({"requestId": request, "message": message})
    return Line(request, "function", text, text + "\n")


def _start(request: str) -> Line:
    record = {"requestId": request, "version": "$LATEST"}
    return Line(request, "platform.start", f"START RequestId: {request} Version: $LATEST", record)


def _report(request: str, status: str = "success") -> Line:
    record: dict[str, Any] = {"requestId": request, "status": status, "metrics": {"durationMs": 12.5}}
    text = f"END RequestId: {request}\nREPORT RequestId: {request}\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
    text += "Memory Size: 128 MB\tMax Memory Used: 40 MB\t"
    if status != "success":
        text += f"Status: {status}"
    if status == "error":
        record["errorType"] = "Runtime.ExitError"
        text += "\tError Type: Runtime.ExitError"
    return Line(request, "platform.report", text, record)


@dataclass(frozen=True)
class World:
    """Streams, each a list of (request, fate)."""

    streams: dict[str, list[tuple[str, str]]]

    @property
    def fates(self) -> dict[str, str]:
        return {request: fate for ran in self.streams.values() for request, fate in ran}

    def lines(self, stream: str) -> list[Line]:
        return [line for request, fate in self.streams[stream] for line in written(request, fate)]

    def expected(self, *, ledger: bool) -> dict[str, tuple[str, bool, bool | None]]:
        """Request -> class, lost, last of its stream (None: nobody can know), for those that are not ok."""
        found = {}
        for stream, ran in self.streams.items():
            traced = [line.request for line in self.lines(stream)]
            for request, fate in ran:
                kind, lost, trace = FATES[fate]
                if (trace or ledger) and kind != "ok":
                    last = (request == traced[-1]) if trace else None
                    # Of a request that ran twice, a loss in its first attempt is not the last of anything.
                    last = False if fate == "run again, end lost" else last
                    found[request] = (kind, lost, last)
        return found


def log_stream(lines: Sequence[Line], *, json_format: bool) -> str:
    """A log stream's text, as the sandbox keeps it. In JSON only the platform's lines carry a time."""
    found = ""
    for number, line in enumerate(lines):
        envelope = {"time": _stamp(number), "type": line.kind, "record": line.record}
        found += (json.dumps(envelope) if json_format and line.kind != "function" else line.text) + "\n"
    return found


def _stamp(ms: int) -> str:
    """The time so many milliseconds after midnight."""
    return f"2026-11-21T{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}Z"


def events(world: World, first: int = 1795233600000) -> list[dict[str, Any]]:
    """FilterLogEvents' events, in the order of their time stamps."""
    found: list[dict[str, Any]] = []
    for stream in world.streams:
        before = None
        for line in world.lines(stream):
            if line is not before:  # a copy has the time of its original
                first += 1
            before = line
            one = {"logStreamName": stream, "timestamp": first, "message": line.text + "\n"}
            found.append({**one, "ingestionTime": first + 900, "eventId": f"{len(found):056d}"})
    return found


def shipped(world: World, first: int = 0) -> list[dict[str, Any]]:
    """The lines of objects as the extension ships them."""
    found: list[dict[str, Any]] = []
    for stream in world.streams:
        before = None
        for sequence, line in enumerate(world.lines(stream)):
            if line is not before:
                first += 1
            before = line
            members = {"time": _stamp(first), "type": line.kind, "record": line.record, "requestId": line.request}
            found.append({**members, "environment": stream, "sequence": sequence})
    return found
