"""The figures of a report once more, in plain Python over plain rows: what the SQL is compared with."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Row = dict[str, Any]
OWN = ("function", "platform.start", "platform.runtimeDone", "platform.report", "platform.end", "platform.fault")
TOLD = ("platform.start", "platform.runtimeDone", "platform.report")
GB_SECOND, REQUEST = {"x86_64": 0.0000166667, "arm64": 0.0000133334}, 0.20 / 1_000_000


def quantile(values: list[float], share: float) -> float | None:
    """With interpolation between the two values around it."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass
class Invocation:
    function: str
    environment: str
    request: str
    attempt: int
    lines: list[Row] = field(default_factory=list)

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.lines if row["type"] == kind]

    def metric(self, name: str) -> float | None:
        for kind in ("platform.report", *(["platform.runtimeDone"] if name == "durationMs" else [])):
            for row in self.of(kind)[-1:]:
                value: float | None = json.loads(row["record"])["metrics"].get(name)
                return value
        return None

    @property
    def begin(self) -> int:
        starts = [int(row["at"]) for row in self.of("platform.start")]
        return min(starts or [int(row["at"]) for row in self.lines])

    @property
    def last(self) -> int:
        return max(int(row["at"]) for row in self.lines)

    @property
    def duration(self) -> float | None:
        return self.metric("durationMs")

    @property
    def init(self) -> float | None:
        return self.metric("initDurationMs")

    @property
    def start(self) -> int:
        return self.begin - round((self.init or 0) * 1000)

    @property
    def end(self) -> int:
        return self.last if self.duration is None else self.begin + round(self.duration * 1000)

    @property
    def timed_out(self) -> bool:
        return any(row["status"] == "timeout" for row in self.lines)

    @property
    def unhandled(self) -> list[Row]:
        return [
            row for row in self.lines if "Traceback (most" in row["record"] and row["record"].startswith("[ERROR] ")
        ]

    @property
    def failed(self) -> bool:
        return bool(self.unhandled) or any(row["status"] not in (None, "success") for row in self.lines)

    @property
    def gb_seconds(self) -> float | None:
        billed, memory = self.metric("billedDurationMs"), self.metric("memorySizeMB")
        return None if billed is None or memory is None else billed / 1000 * memory / 1024

    def cost(self, arm: tuple[str, ...]) -> float:
        kind = "arm64" if any(fnmatchcase(self.function, one) for one in arm) else "x86_64"
        return (self.gb_seconds or 0) * GB_SECOND[kind] + REQUEST


def invocations(rows: list[Row]) -> list[Invocation]:
    """An attempt begins with each platform.start but the first, which also has the lines before it."""
    requests: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["sequence"]):
        if row["request_id"] is not None:
            requests[row["environment"], row["request_id"]].append(row)
    found = []
    for (environment, request), lines in requests.items():
        attempts = [Invocation(lines[0]["function"], environment, request, 1)]
        for row in lines:
            if row["type"] == "platform.start" and attempts[-1].of("platform.start"):
                attempts.append(Invocation(row["function"], environment, request, len(attempts) + 1))
            if row["type"] in OWN:
                attempts[-1].lines.append(row)
        found += [one for one in attempts if any(row["type"] in TOLD for row in one.lines)]
    return sorted(found, key=lambda one: (one.begin, one.environment, one.request, one.attempt))


def attempt(line: Row, rows: list[Row]) -> tuple[str, str, int]:
    """The invocation that a line belongs to: its attempt is the number of beginnings up to it, 1 at least."""
    starts = [
        row["sequence"]
        for row in rows
        if row["type"] == "platform.start"
        and (row["environment"], row["request_id"]) == (line["environment"], line["request_id"])
    ]
    return line["environment"], line["request_id"], max(sum(start <= line["sequence"] for start in starts), 1)


def at_once(ran: list[Invocation], moment: int) -> int:
    return sum(one.begin <= moment < max(one.last, one.begin + 1) for one in ran)


def most_at_once(ran: list[Invocation]) -> int:
    return max((at_once(ran, one.begin) for one in ran), default=0)


def figures(
    ran: list[Invocation], timeouts: dict[str, float], near: float, short: float | None, arm: tuple[str, ...]
) -> Row:
    durations = [one.duration for one in ran if one.duration is not None]
    inits = [one.init for one in ran if one.init is not None]
    known = [one for one in ran if one.function in timeouts]
    took = [(one, one.duration / (timeouts[one.function] * 1000)) for one in known if one.duration is not None]
    billed = [one.metric("billedDurationMs") for one in ran]
    return {
        "invocations": len(ran),
        "failed": sum(one.failed for one in ran),
        "failed_rate": sum(one.failed for one in ran) / len(ran),
        "timeouts": sum(one.timed_out for one in ran),
        "mean_ms": sum(durations) / len(durations) if durations else None,
        **{f"p{share}_ms": quantile(durations, share / 100) for share in (50, 95, 99)},
        "max_ms": max(durations, default=None),
        "cold_starts": len(inits),
        "init_p95_ms": quantile(inits, 0.95),
        "near_timeout": sum(share >= near and not one.timed_out for one, share in took) if known else None,
        "too_short": sum(share < short and not one.failed for one, share in took) if known and short else None,
        "running_most": most_at_once(ran),
        "unreported": sum(not one.of("platform.report") for one in ran),
        "billed_ms": sum(one for one in billed if one is not None) if any(one is not None for one in billed) else None,
        "gb_seconds": sum(one.gb_seconds for one in ran if one.gb_seconds is not None)
        if any(one.gb_seconds is not None for one in ran)
        else None,
        "cost": sum(one.cost(arm) for one in ran),
    }


def traces(ran: list[Invocation]) -> dict[str, tuple[bool, list[Invocation]]]:
    """Trace -> whether the logs name it, and its invocations by their start."""
    named: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for one in ran:
        own = {row["trace_id"] for row in one.lines if row["trace_id"]}
        xray = {row["xray_id"] for row in one.lines if row["xray_id"]}
        named[one.environment, one.request, one.attempt] = own or ({max(xray)} if xray else set())
    found: dict[str, tuple[bool, list[Invocation]]] = {}
    for one in sorted(ran, key=lambda one: (one.start, one.environment, one.request, one.attempt)):
        own = named[one.environment, one.request, one.attempt]
        for name in own or {one.request}:
            was, before = found.get(name, (False, []))
            found[name] = (was or bool(own), [*before, one])
    return found


def waits(ran: list[Invocation]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for is_named, members in traces(ran).values():
        for place, one in enumerate(members[1:], 1):
            if is_named:
                over = max(before.end for before in members[:place])
                found[members[place - 1].function, one.function].append(max(one.start - over, 0) / 1000)
    return found
