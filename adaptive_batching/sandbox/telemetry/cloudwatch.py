"""Render platform events as CloudWatch shows them: text lines and JSON objects (docs/lambda-protocol.md, 10). Pure.

Several text lines end with a tab before the newline, as those of the platform do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.timestamps import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from adaptive_batching.sandbox.telemetry.events import Event, Record


def text(event: Event) -> str:
    """Return the lines of one platform event in text format, "" if CloudWatch does not show the event."""
    render = _TEXT.get(event.type)
    return render(event.record) if render and isinstance(event.record, dict) else ""


def as_json(event: Event) -> str:
    """Return the line of one platform event in JSON format at the system log level INFO, "" if there is none."""
    if not isinstance(event.record, dict) or not _at_info(event.type, event.record):
        return ""
    envelope = {"time": stamp(event.at), "type": event.type, "record": event.record}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")) + "\n"


def _at_info(kind: str, record: Record) -> bool:
    if kind in {"platform.end", "platform.fault"}:
        return False
    if kind in {"platform.initReport", "platform.initRuntimeDone", "platform.runtimeDone"}:
        return record.get("status") != "success"
    return kind != "platform.telemetrySubscription"


def _ms(value: float) -> str:
    return f"{value:.2f} ms"


def _listed(values: list[str]) -> str:
    return f"[{', '.join(values)}]"


def _trouble(record: Record) -> str:
    parts = ""
    if record.get("status", "success") != "success":
        parts += f"\tStatus: {record['status']}"
    if record.get("errorType"):
        parts += f"\tError Type: {record['errorType']}"
    return parts


def _runtime(record: Record) -> str:
    return (
        f"Runtime Version: {record.get('runtimeVersion', '')}\t"
        f"Runtime Version ARN: {record.get('runtimeVersionArn', '')}\n"
    )


def _init_start(record: Record) -> str:
    return f"INIT_START {_runtime(record)}" if record.get("runtimeVersion") else ""


def _init_report(record: Record) -> str:
    if record["status"] == "success" and record["initializationType"] == "on-demand":
        return ""
    return (
        f"INIT_REPORT Init Duration: {_ms(record['metrics']['durationMs'])}\tPhase: {record['phase']}"
        + (f"\tStatus: {record['status']}" if record["status"] != "success" else "")
        + (f"\tError Type: {record['errorType']}" if record.get("errorType") else "")
        + "\n"
    )


def _extension(record: Record) -> str:
    line = f"EXTENSION\tName: {record['name']}\tState: {record['state']}\tEvents: {_listed(record['events'])}"
    return line + (f"\tError Type: {record['errorType']}" if record.get("errorType") else "") + "\n"


def _subscription(record: Record) -> str:
    kinds = _listed([kind.capitalize() for kind in record["types"]])
    return f"TELEMETRY\tName: {record['name']}\tState: {record['state']}\tTypes: {kinds}\n"


def _report(record: Record) -> str:
    metrics: dict[str, Any] = record["metrics"]
    line = f"REPORT RequestId: {record['requestId']}\tDuration: {_ms(metrics['durationMs'])}"
    if "billedDurationMs" in metrics:
        line += (
            f"\tBilled Duration: {metrics['billedDurationMs']} ms\tMemory Size: {metrics['memorySizeMB']} MB"
            f"\tMax Memory Used: {metrics['maxMemoryUsedMB']} MB"
        )
    if "initDurationMs" in metrics:
        line += f"\tInit Duration: {_ms(metrics['initDurationMs'])}"
    if "restoreDurationMs" in metrics:
        line += f"\tRestore Duration: {_ms(metrics['restoreDurationMs'])}"
    return line + (_trouble(record) or "\t") + "\n" + _xray(record)


def _xray(record: Record) -> str:
    trace = record.get("tracing") or {}
    if "spanId" not in trace:
        return ""
    parts = dict(part.partition("=")[::2] for part in trace["value"].split(";"))
    sampled = str(parts.get("Sampled") == "1").lower()
    return f"XRAY TraceId: {parts.get('Root', '')}\tSegmentId: {trace['spanId']}\tSampled: {sampled}\t\n"


_TEXT: dict[str, Callable[[Record], str]] = {
    "platform.initStart": _init_start,
    "platform.initReport": _init_report,
    "platform.extension": _extension,
    "platform.telemetrySubscription": _subscription,
    "platform.start": lambda record: f"START RequestId: {record['requestId']} Version: {record['version']}\n",
    "platform.end": lambda record: f"END RequestId: {record['requestId']}\n",
    "platform.report": _report,
    "platform.restoreStart": lambda record: f"RESTORE_START {_runtime(record)}",
    "platform.restoreReport": lambda record: (
        f"RESTORE_REPORT Restore Duration: {_ms(record['metrics']['durationMs'])}" + _trouble(record) + "\n"
    ),
}
