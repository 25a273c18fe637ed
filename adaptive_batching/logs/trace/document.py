"""A trace as JSON, for programs. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.trace.waterfall import Run, Trace, Wait

if TYPE_CHECKING:
    from adaptive_batching.logs.trace.invocations import Invocation

_MS = timedelta(milliseconds=1)


def members(trace: Trace) -> dict[str, Any]:
    """Return the trace as an object. Moments are in UTC, durations in milliseconds, the cost in dollars."""
    return {
        "id": trace.id,
        "begin": _moment(trace.begin),
        "duration_ms": (trace.finish - trace.begin) / _MS,
        "cost": trace.cost,
        "without_report": trace.unbilled,
        "rows": [_wait(row) if isinstance(row, Wait) else _run(row) for row in trace.rows],
        "milestones": list(trace.milestones),
        "never_reached": [{"milestone": one.milestone, "share": one.share} for one in trace.missed],
        "lines": [
            {
                "time": _moment(line.ts),
                "function": line.function,
                "request": line.request,
                "type": line.type,
                "level": line.level,
                "message": line.message,
                "error": line.error,
                "milestone": line.milestone,
            }
            for line in trace.lines
        ],
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {"waiting": True, "begin": _moment(wait.begin), "duration_ms": (wait.finish - wait.begin) / _MS}


def _run(run: Run) -> dict[str, Any]:
    one: Invocation = run.invocation
    spans = [{"name": s.name, "begin": _moment(s.begin), "duration_ms": (s.finish - s.begin) / _MS} for s in run.spans]
    return {
        "function": one.function,
        "environment": one.environment,
        "request": one.request,
        "attempt": one.attempt,
        "begin": _moment(one.begin),
        "duration_ms": (one.finish - one.begin) / _MS,
        "init_ms": one.init_ms,
        "status": one.status,
        "failed": one.failed,
        "error": one.error,
        "spans": spans,
    }


def _moment(when: datetime) -> str:
    return when.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
