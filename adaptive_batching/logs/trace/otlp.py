"""A trace as OpenTelemetry's JSON (OTLP, ExportTraceServiceRequest), for Jaeger, Tempo and others. Pure.

opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": ids are hexadecimal, times are nanoseconds as strings, enums
are numbers. Names of attributes are those of the semantic conventions for FaaS and exceptions.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive_batching.logs.trace.invocations import Invocation
    from adaptive_batching.logs.trace.waterfall import Line, Run, Trace

_INTERNAL, _SERVER = 1, 2  # kinds of spans
_OK, _ERROR = 1, 2  # status codes
_XRAY = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCOPE = {"name": "adaptive-batching"}


def request(trace: Trace) -> dict[str, Any]:
    """Return the trace: one root span, under it a span for each invocation, under that its init and its spans."""
    by = trace_id(trace.id)
    root = _id("root", trace.id)
    whole = _span(by, root, None, f"trace {trace.id}", _INTERNAL, trace.begin, trace.finish)
    resources = [_resource("trace", [whole])]
    for function in trace.functions:
        runs = [run for run in trace.runs if run.invocation.function == function]
        resources.append(_resource(function, [span for run in runs for span in _spans(by, root, run, trace.lines)]))
    return {"resourceSpans": resources}


def trace_id(text: str) -> str:
    """Return 32 hexadecimal digits for any id: those of an X-Ray id or a UUID, else a hash."""
    xray = _XRAY.fullmatch(text)
    plain = xray[1] + xray[2] if xray else text.replace("-", "").lower()
    if re.fullmatch(r"[0-9a-f]{32}", plain) and int(plain, 16):
        return plain
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _resource(function: str, spans: list[dict[str, Any]]) -> dict[str, Any]:
    attributes = _attributes({"service.name": function, "cloud.provider": "aws", "cloud.platform": "aws_lambda"})
    return {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": _SCOPE, "spans": spans}]}


def _spans(by: str, root: str, run: Run, lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    one = run.invocation
    own = _id(one.environment, one.request, str(one.attempt))
    made = _span(by, own, root, one.function, _SERVER, one.begin, one.finish)
    made["attributes"] = _attributes(
        {
            "faas.name": one.function,
            "faas.instance": one.environment,
            "faas.invocation_id": one.request,
            "faas.coldstart": one.init_ms is not None,
            "faas.max_memory": None if one.memory_mb is None else int(one.memory_mb * 2**20),
        }
    )
    made["status"] = {"code": _ERROR, "message": one.error or one.status or ""} if one.failed else {"code": _OK}
    made["events"] = [_event(line) for line in lines if (line.error or line.milestone) and _is_of(line, one)]
    found = [made]
    if one.init_ms:
        found.append(_span(by, _id(own, "init"), root, "init", _INTERNAL, one.start, one.begin))
    for number, span in enumerate(run.spans):
        inner = _id(own, str(number), span.name)
        found.append(_span(by, inner, own, span.name, _INTERNAL, span.begin, span.finish))
    return found


def _is_of(line: Line, one: Invocation) -> bool:
    same = (line.function, line.environment, line.request) == (one.function, one.environment, one.request)
    return same and one.begin <= line.ts <= max(one.last, one.finish)


def _event(line: Line) -> dict[str, Any]:
    if line.error:
        kind, _, text = line.error.partition(": ")
        attributes = {"exception.type": kind, "exception.message": text}
        return {"timeUnixNano": _nanoseconds(line.ts), "name": "exception", "attributes": _attributes(attributes)}
    return {"timeUnixNano": _nanoseconds(line.ts), "name": line.milestone}


def _span(
    by: str, own: str, parent: str | None, name: str, kind: int, begin: datetime, finish: datetime
) -> dict[str, Any]:
    made: dict[str, Any] = {"traceId": by, "spanId": own}
    if parent:
        made["parentSpanId"] = parent
    return made | {
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nanoseconds(begin),
        "endTimeUnixNano": _nanoseconds(max(begin, finish)),
    }


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}


def _nanoseconds(when: datetime) -> str:
    return str((when.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1_000)


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
