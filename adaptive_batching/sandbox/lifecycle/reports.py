"""The records of runtimeDone and report, computed from the times of an invocation. Pure. `now` is monotonic seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.telemetry import events
from adaptive_batching.sandbox.timestamps import milliseconds

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.invocation import Invocation


def runtime_spans(invocation: Invocation, done_at: float) -> list[events.Record]:
    """Return the spans responseLatency, responseDuration and runtimeOverhead. `done_at` is monotonic seconds."""
    last = invocation.responded_at or done_at
    first = min(invocation.first_byte_at or last, last)
    time_of = invocation.started_time - invocation.started_at
    return [
        events.span("responseLatency", invocation.started_time, first - invocation.started_at),
        events.span("responseDuration", time_of + first, last - first),
        events.span("runtimeOverhead", time_of + last, done_at - last),
    ]


def runtime_done(invocation: Invocation, now: float, status: str, error_type: str | None) -> events.Record:
    """Return the record of `platform.runtimeDone`. It has spans only if the runtime finished."""
    done_at = invocation.runtime_done_at or now
    spans = runtime_spans(invocation, done_at) if status == "success" else []
    reply = invocation.reply
    return events.runtime_done(
        invocation.request_id,
        status,
        error_type,
        seconds=done_at - invocation.started_at,
        produced_bytes=len(reply.payload) if reply and reply.by_runtime else 0,
        spans=spans,
        trace=invocation.tracing() if invocation.span_id else None,
    )


def report(
    invocation: Invocation,
    now: float,
    status: str,
    error_type: str | None,
    usage: dict[str, Any],
    *,
    extensions: bool,
) -> events.Record:
    """Return the record of `platform.report`.

    `usage` are arguments of `events.report_metrics`. The duration is at most the timeout. `extensions` says whether
    extensions got the event.
    """
    seconds = min(now - invocation.started_at, invocation.timeout)
    spans = []
    if extensions and invocation.runtime_done_at is not None and status == "success":
        overhead = now - invocation.runtime_done_at
        start = invocation.started_time + invocation.runtime_done_at - invocation.started_at
        spans = [events.span("extensionOverhead", start, overhead)]
    metrics = events.report_metrics(seconds, **usage)
    trace = invocation.tracing() if invocation.span_id else None
    return events.report(invocation.request_id, status, error_type, metrics, spans, trace)


def managed_report(invocation: Invocation, now: float, status: str, error_type: str | None) -> events.Record:
    """Return the report of Managed Instances: the duration and the spans, because there is no runtimeDone."""
    seconds = (invocation.responded_at or now) - invocation.started_at
    spans = runtime_spans(invocation, now)[:2] if status == "success" else []
    metrics = {"durationMs": milliseconds(seconds)}
    return events.report(invocation.request_id, status, error_type, metrics, spans)
