"""Lines as the view `logs` has them, at random, in a database; and what compares figures."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from adaptive_batching.logs.sql import views

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
BEGIN = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
FUNCTIONS = {"e1": "orders", "e2": "orders", "e3": "mail-all", "e4": "mail-all", "e5": "save"}
SPANS = ("Save", "PutItem", "Post")
MILESTONES = ("RECEIVED", "QUEUED", "SAVED", "SENT")
TEXTS = ("hello", "Too many connections", "ERROR Too many connections", "API Rate Limit Exceeded", "status=402")
UNHANDLED = '[ERROR] ValueError: no: way\nTraceback (most recent call last):\n  File "a.py"\n'
EACH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def lines_of_an_invocation(draw: st.DrawFn) -> list[Row]:
    environment = draw(st.sampled_from(sorted(FUNCTIONS)))
    request = draw(st.sampled_from([f"r{number}" for number in range(8)]))
    at = draw(st.integers(0, 400_000)) * 1000
    ms = draw(st.integers(0, 60_000_000)) / 1000 if draw(st.booleans()) else draw(st.sampled_from([1.0, 10.0, 100.0]))
    status = draw(st.sampled_from(["success", "success", "success", "error", "timeout"]))
    init = draw(st.none() | st.sampled_from([0.25, 300.5, 7000.0]))
    xray = draw(st.none() | st.sampled_from(["1-00000000-a", "1-00000000-b"]))
    trace = draw(st.none() | st.sampled_from(["t1", "t2", "t3"]))
    metrics = {"durationMs": ms, "billedDurationMs": math.ceil(ms), "memorySizeMB": draw(st.sampled_from([128, 1024]))}
    metrics |= {"maxMemoryUsedMB": 100} | ({} if init is None else {"initDurationMs": init})
    said = {"requestId": request, "status": status, "metrics": metrics}
    end = at + int(ms * 1000)
    rows = []

    def add(kind: str, when: int, record: object, **more: object) -> None:
        text = record if isinstance(record, str) else json.dumps(record)
        own: Row = {"fields": None if isinstance(record, str) else text}
        own["duration_ms"] = ms if kind == "platform.report" else None
        line = {"at": when, "environment": environment, "request_id": request, "type": kind, "record": text}
        rows.append(line | own | more)

    if draw(st.integers(0, 9)):
        add("platform.start", at, {"requestId": request}, xray_id=xray)
    for _ in range(draw(st.integers(0, 4))):
        text = draw(st.sampled_from(TEXTS))
        error = draw(st.sampled_from([None, None, "KeyError: caught", "OSError"]))
        milestone = draw(st.none() | st.sampled_from(MILESTONES)) if trace else None
        when = at + draw(st.integers(0, 3_000_000))
        own = draw(st.booleans())
        span = draw(st.none() | st.sampled_from(SPANS))
        more = {} if span is None else {"span": span, "duration_ms": draw(st.integers(0, 5_000)) * 0.5}
        named = trace if own or milestone else None
        add("function", when, text, error=error, trace_id=named, milestone=milestone, **more)
    if draw(st.integers(0, 6)) == 0:
        add("function", end, UNHANDLED, error="ValueError: no: way")
    if draw(st.integers(0, 6)) == 0:
        add("extension", end + draw(st.integers(0, 90_000_000)), "ERROR of an extension")
    if draw(st.integers(0, 4)):
        add("platform.runtimeDone", end, {**said, "metrics": {"durationMs": ms}}, status=status)
    if draw(st.integers(0, 4)):
        add("platform.report", end + 1000, said, status=status)
    return rows


@st.composite
def logged(draw: st.DrawFn) -> list[Row]:
    """Lines as the view has them; numbered in each environment by their time."""
    found = [line for lines in draw(st.lists(lines_of_an_invocation(), max_size=14)) for line in lines]
    numbers: dict[str, int] = defaultdict(int)
    rows = []
    for line in sorted(found, key=lambda line: (line["at"], line["environment"])):
        numbers[line["environment"]] += 1
        blank = dict.fromkeys(["trace_id", "xray_id", "milestone", "error", "status", "level", "span", "fields"])
        at = line["at"] + int(BEGIN.timestamp()) * 1_000_000
        whole = blank | line | {"at": at, "sequence": numbers[line["environment"]], "message": line["record"]}
        rows.append({"function": FUNCTIONS[line["environment"]], **whole})
    return rows


def load(connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    connection.execute("truncate lines")
    if not rows:
        return
    shape = json.dumps([{name: kind for name, kind in views.LOGS.items() if name != "ts"} | {"at": "BIGINT"}])
    columns = ", ".join(f"one.{name}" if name != "ts" else "make_timestamp(one.at)" for name in views.LOGS)
    connection.execute(
        f"insert into lines select {columns} from (select unnest(from_json(?, '{shape}')) as one)",
        [json.dumps(rows)],
    )


def same(one: object, other: object) -> bool:
    """Equal, floats but for rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return None not in (one, other) and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)  # type: ignore[arg-type]
    return one == other
