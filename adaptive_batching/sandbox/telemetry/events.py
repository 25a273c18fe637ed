"""The events of the Telemetry API in schema 2025-01-29 (docs/lambda-protocol.md, 5.4). Pure.

There is one function for the `record` of each event. `Event` is the envelope. `dialects` derives the older shapes and
the events of the Logs API from these.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.timestamps import milliseconds, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record = dict[str, Any]

DROPPED = "Some logs were dropped because the downstream consumer is slower than the logs production rate"


@dataclass(frozen=True)
class Event:
    """One envelope. `at` is seconds since the epoch.

    `record` is an object for platform events. For the types `function` and `extension` it is the text as printed, and
    `is_object` says that the text is a JSON object, which subscribers receive as an object in JSON format.
    """

    at: float
    type: str
    record: Record | str
    is_object: bool = False

    @property
    def category(self) -> str:
        """The type of subscription to which the event belongs: platform, function or extension."""
        return self.type.partition(".")[0]


def encode(event: Event, *, objects: bool) -> bytes:
    """Return the envelope as JSON. With `objects`, a line that is a JSON object becomes an object, else a string."""
    if isinstance(event.record, str) and event.is_object and objects:
        record = event.record.strip()
    else:
        record = json.dumps(event.record, ensure_ascii=False, separators=(",", ":"))
    text = f'{{"time":"{stamp(event.at)}","type":"{event.type}","record":{record}}}'
    return text.encode("utf-8", "surrogatepass")


def is_json_object(line: str) -> bool:
    """Return whether a printed line is a JSON object."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def tracing(value: str, span_id: str | None = None) -> Record:
    """Return the tracing object. It has a span id only with active X-Ray tracing."""
    head = {"spanId": span_id} if span_id else {}
    return {**head, "type": "X-Amzn-Trace-Id", "value": value}


def span(name: str, start: float, seconds: float) -> Record:
    """Return one span. `start` is seconds since the epoch, `seconds` its duration."""
    return {"name": name, "start": stamp(start), "durationMs": milliseconds(seconds)}


@dataclass(frozen=True)
class Instance:
    """The description of the environment in events. `max_memory` is in bytes."""

    function_name: str
    function_version: str
    log_stream: str
    max_memory: int
    runtime_version: str | None
    runtime_version_arn: str | None

    def fields(self) -> Record:
        """Return the fields that initStart and restoreStart have in common. Images have no runtime version."""
        runtime: Record = {}
        if self.runtime_version:
            runtime = {"runtimeVersion": self.runtime_version, "runtimeVersionArn": self.runtime_version_arn}
        return {
            **runtime,
            "functionName": self.function_name,
            "functionVersion": self.function_version,
            "instanceId": self.log_stream,
            "instanceMaxMemory": self.max_memory,
        }


def _outcome(status: str, error_type: str | None) -> Record:
    return {"status": status, **({"errorType": error_type} if error_type else {})}


def init_start(initialization_type: str, phase: str, instance: Instance) -> Record:
    """Return the record of `platform.initStart`."""
    return {"initializationType": initialization_type, "phase": phase, **instance.fields()}


def init_runtime_done(
    initialization_type: str, phase: str, status: str, error_type: str | None, spans: Sequence[Record] = ()
) -> Record:
    """Return the record of `platform.initRuntimeDone`."""
    record = {"initializationType": initialization_type, "phase": phase, **_outcome(status, error_type)}
    return {**record, "spans": list(spans)} if spans else record


def init_report(initialization_type: str, phase: str, status: str, error_type: str | None, seconds: float) -> Record:
    """Return the record of `platform.initReport`."""
    return {
        "initializationType": initialization_type,
        "phase": phase,
        **_outcome(status, error_type),
        "metrics": {"durationMs": milliseconds(seconds)},
    }


def start(request_id: str, version: str, function_arn: str, trace: Record | None) -> Record:
    """Return the record of `platform.start`."""
    record: Record = {"requestId": request_id, "version": version, "functionArn": function_arn}
    if trace:
        record["tracing"] = trace
    return record


def runtime_done(
    request_id: str,
    status: str,
    error_type: str | None,
    *,
    seconds: float,
    produced_bytes: int,
    spans: Sequence[Record] = (),
    trace: Record | None = None,
) -> Record:
    """Return the record of `platform.runtimeDone`."""
    record: Record = {"requestId": request_id, **_outcome(status, error_type)}
    if spans:
        record["spans"] = list(spans)
    if trace:
        record["tracing"] = trace
    record["metrics"] = {"durationMs": milliseconds(seconds), "producedBytes": produced_bytes}
    return record


def report_metrics(
    seconds: float,
    memory_mb: int,
    used_mb: int,
    *,
    init_seconds: float | None = None,
    restore_seconds: float | None = None,
    bill_init: bool = True,
) -> Record:
    """Return the metrics of a report. With `bill_init` the Init is billed, as AWS does since August 2025."""
    duration = milliseconds(seconds)
    init = 0.0 if init_seconds is None or not bill_init else milliseconds(init_seconds)
    metrics: Record = {
        "durationMs": duration,
        "billedDurationMs": math.ceil(round(duration + init, 3)),
        "memorySizeMB": memory_mb,
        "maxMemoryUsedMB": used_mb,
    }
    if init_seconds is not None:
        metrics["initDurationMs"] = milliseconds(init_seconds)
    if restore_seconds is not None:
        metrics["restoreDurationMs"] = milliseconds(restore_seconds)
    return metrics


def report(
    request_id: str,
    status: str,
    error_type: str | None,
    metrics: Mapping[str, Any],
    spans: Sequence[Record] = (),
    trace: Record | None = None,
) -> Record:
    """Return the record of `platform.report`."""
    record: Record = {"requestId": request_id, **_outcome(status, error_type), "metrics": dict(metrics)}
    if spans:
        record["spans"] = list(spans)
    if trace:
        record["tracing"] = trace
    return record


def extension(name: str, state: str, subscribed: Sequence[str], error_type: str | None = None) -> Record:
    """Return the record of `platform.extension`."""
    record: Record = {"name": name, "state": state, "events": list(subscribed)}
    return {**record, "errorType": error_type} if error_type else record


def subscription(name: str, state: str, types: Sequence[str]) -> Record:
    """Return the record of `platform.telemetrySubscription`."""
    return {"name": name, "state": state, "types": list(types)}


def logs_dropped(records: int, size: int) -> Record:
    """Return the record of `platform.logsDropped`."""
    return {"droppedBytes": size, "droppedRecords": records, "reason": DROPPED}


def restore_start(instance: Instance) -> Record:
    """Return the record of `platform.restoreStart`."""
    return instance.fields()


def restore_runtime_done(status: str, error_type: str | None, spans: Sequence[Record] = ()) -> Record:
    """Return the record of `platform.restoreRuntimeDone`."""
    record = _outcome(status, error_type)
    return {**record, "spans": list(spans)} if spans else record


def restore_report(status: str, error_type: str | None, seconds: float) -> Record:
    """Return the record of `platform.restoreReport`."""
    return {**_outcome(status, error_type), "metrics": {"durationMs": milliseconds(seconds)}}


def end(request_id: str) -> Record:
    """Return the record of `platform.end`, which only the Logs API has."""
    return {"requestId": request_id}
