"""Render events for one subscriber, according to its API, its schema version and the function's log format. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adaptive_batching.sandbox.options import LOGS, TELEMETRY, Shapes
from adaptive_batching.sandbox.telemetry.events import Event, encode


@dataclass(frozen=True)
class Dialect:
    """The format of events for one subscriber. `json_format` says whether the function's LogFormat is JSON."""

    api: str
    schema: str
    json_format: bool = False
    snap_start: bool = False
    shapes: Shapes = field(default_factory=Shapes)

    def render(self, event: Event) -> bytes | None:
        """Return the encoded envelope, or None if this dialect does not have the event."""
        if event.category != "platform":
            return encode(event, objects=self._objects())
        shaped = self._logs(event) if self.api == LOGS else self._telemetry(event)
        return encode(shaped, objects=False) if shaped else None

    def _objects(self) -> bool:
        return self.api == TELEMETRY and self.json_format and self.schema >= "2022-12-13"

    def _telemetry(self, event: Event) -> Event | None:
        if event.type in {"platform.end", "platform.fault"} or not isinstance(event.record, dict):
            return None
        record = dict(event.record)
        if not self.shapes.spans:
            record.pop("spans", None)
        if not self.shapes.function_arn:
            record.pop("functionArn", None)
        return replace(event, record=record)

    def _logs(self, event: Event) -> Event | None:
        if event.type == "platform.fault":
            return event
        render = _LOGS_EVENTS.get(event.type)
        if not render or not isinstance(event.record, dict):
            return None
        if event.type in _SNAP_START_ONLY and not self.snap_start:
            return None
        if event.type == "platform.runtimeDone" and self.schema < "2021-03-18":
            return None
        name = "platform.logsSubscription" if event.type == "platform.telemetrySubscription" else event.type
        return replace(event, type=name, record={key: event.record[key] for key in render if key in event.record})


#: The events of the Logs API and their fields (docs/lambda-protocol.md, 4.1).
_LOGS_EVENTS: dict[str, tuple[str, ...]] = {
    "platform.start": ("requestId", "version"),
    "platform.end": ("requestId",),
    "platform.report": ("requestId", "metrics", "tracing"),
    "platform.runtimeDone": ("requestId", "status"),
    "platform.extension": ("name", "state", "events", "errorType"),
    "platform.telemetrySubscription": ("name", "state", "types"),
    "platform.logsDropped": ("reason", "droppedRecords", "droppedBytes"),
    "platform.initStart": ("initializationType", "phase", "runtimeVersion", "runtimeVersionArn"),
    "platform.initRuntimeDone": ("initializationType", "phase", "status", "errorType"),
    "platform.initReport": ("initializationType", "phase", "status", "errorType", "metrics"),
    "platform.restoreStart": ("runtimeVersion", "runtimeVersionArn"),
    "platform.restoreRuntimeDone": ("status", "errorType"),
    "platform.restoreReport": ("status", "errorType", "metrics"),
}
_SNAP_START_ONLY = frozenset(name for name in _LOGS_EVENTS if "init" in name or "restore" in name)
