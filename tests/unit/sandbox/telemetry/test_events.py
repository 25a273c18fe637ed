"""Events against the samples of the protocol reference, 5.4 and 4.1: key sets, order of keys, values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptive_batching.sandbox.options import LOGS, TELEMETRY, Shapes
from adaptive_batching.sandbox.telemetry import cloudwatch, events
from adaptive_batching.sandbox.telemetry.dialects import Dialect
from adaptive_batching.sandbox.telemetry.events import Event, Instance

AT = 1_795_608_102.091
INSTANCE = Instance("orders-api", "$LATEST", "2026/11/20/[$LATEST]7d0f", 268_435_456, "python:3.13.v60", "arn:r")
ID = "8b133862-5331-4ded-ac5d-1ad5da5aee81"
TRACE = events.tracing("Root=1-6a5f4b3c-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1", "54565fb41ac79632")
SPAN = events.span("extensionOverhead", AT, 0.489802)
METRICS = events.report_metrics(0.578233, 256, 71, init_seconds=0.212771)
OD = "on-demand"

#: name, record, keys of the sample.
SAMPLES: list[tuple[str, dict[str, Any], str]] = [
    ("initStart", events.init_start(OD, "init", INSTANCE), ("initializationType phase runtimeVersion "
     "runtimeVersionArn functionName functionVersion instanceId instanceMaxMemory")),
    ("initRuntimeDone", events.init_runtime_done(OD, "init", "success", None, [SPAN]),
     "initializationType phase status spans"),
    ("initReport", events.init_report(OD, "init", "timeout", None, 10.0), "initializationType phase status metrics"),
    ("start", events.start(ID, "$LATEST", "arn:f", TRACE), "requestId version functionArn tracing"),
    ("runtimeDone", events.runtime_done(ID, "success", None, seconds=0.088012, produced_bytes=412, spans=[SPAN]),
     "requestId status spans metrics"),
    ("runtimeDone", events.runtime_done(ID, "timeout", None, seconds=3.00118, produced_bytes=0),
     "requestId status metrics"),
    ("runtimeDone", events.runtime_done(ID, "error", "Runtime.ExitError", seconds=0.01531, produced_bytes=0),
     "requestId status errorType metrics"),
    ("report", events.report(ID, "success", None, METRICS, [SPAN]), "requestId status metrics spans"),
    ("report", events.report(ID, "error", "Runtime.ExitError", METRICS), "requestId status errorType metrics"),
    ("restoreStart", events.restore_start(INSTANCE), ("runtimeVersion runtimeVersionArn functionName functionVersion "
     "instanceId instanceMaxMemory")),
    ("restoreRuntimeDone", events.restore_runtime_done("success", None, [SPAN]), "status spans"),
    ("restoreReport", events.restore_report("success", None, 0.320415), "status metrics"),
    ("extension", events.extension("e", "Ready", ["INVOKE", "SHUTDOWN"]), "name state events"),
    ("extension", events.extension("e", "LaunchError", [], "PermissionDenied"), "name state events errorType"),
    ("telemetrySubscription", events.subscription("e", "Subscribed", ["platform"]), "name state types"),
    ("logsDropped", events.logs_dropped(42, 18_211), "droppedBytes droppedRecords reason"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "record", "keys"), SAMPLES)
def test_records_have_the_keys_of_the_sample(name: str, record: dict[str, Any], keys: str) -> None:
    encoded = Dialect(TELEMETRY, "2025-01-29").render(Event(AT, f"platform.{name}", record))
    assert encoded is not None
    envelope = json.loads(encoded)
    assert list(envelope) == ["time", "type", "record"]
    assert list(envelope["record"]) == keys.split()


def test_time_has_milliseconds_and_durations_three_decimals() -> None:
    assert events.span("x", AT, 0.0861237) == {"name": "x", "start": "2026-11-25T12:01:42.091Z", "durationMs": 86.124}


BILLS = [
    (0.578233, 0.212771, True, 792),
    (0.578233, 0.212771, False, 579),
    (0.08841, None, True, 89),
    (3.0, None, True, 3000),
    (0.017, None, True, 17),
]


@pytest.mark.parametrize(("seconds", "init", "bill_init", "billed"), BILLS)
def test_billing_rounds_up_duration_and_since_2025_init(
    *, seconds: float, init: float | None, bill_init: bool, billed: int
) -> None:
    metrics = events.report_metrics(seconds, 256, 71, init_seconds=init, bill_init=bill_init)
    assert metrics["billedDurationMs"] == billed


def text_lines(text: str, *, is_object: bool, schema: str, json_format: bool, api: str = TELEMETRY) -> object:
    encoded = Dialect(api, schema, json_format).render(Event(AT, "function", text, is_object=is_object))
    assert encoded is not None
    return json.loads(encoded)["record"]


OBJECT = '{"level": "INFO", "n": 1.10}\n'
RECORDS = [
    ("2025-01-29", True, True),
    ("2022-12-13", True, True),
    ("2022-07-01", True, False),
    ("2025-01-29", False, False),
]


@pytest.mark.parametrize(("schema", "json_format", "as_object"), RECORDS)
def test_a_json_line_is_an_object_only_with_json_format_and_a_new_schema(
    *, schema: str, json_format: bool, as_object: bool
) -> None:
    record = text_lines(OBJECT, is_object=True, schema=schema, json_format=json_format)
    assert record == ({"level": "INFO", "n": 1.1} if as_object else OBJECT)
    assert text_lines(OBJECT, is_object=True, schema="2021-03-18", json_format=json_format, api=LOGS) == OBJECT


def test_a_plain_line_stays_a_string_with_its_newline() -> None:
    assert text_lines("plain\n", is_object=False, schema="2025-01-29", json_format=True) == "plain\n"


def test_an_object_record_is_sent_exactly_as_it_was_printed() -> None:
    encoded = Dialect(TELEMETRY, "2025-01-29", json_format=True).render(Event(AT, "function", OBJECT, is_object=True))
    assert encoded is not None
    assert b'"record":{"level": "INFO", "n": 1.10}}' in encoded


@pytest.mark.parametrize(("line", "expected"), [('{"a":1}\n', True), ("[1]\n", False), ("{no}\n", False), ("", False)])
def test_what_counts_as_a_json_object(*, line: str, expected: bool) -> None:
    assert events.is_json_object(line) is expected


#: What the Logs API makes of an event: its name and keys, None when it has none (4.1).
LOGS_EVENTS: list[tuple[str, dict[str, Any], str, tuple[str, str] | None]] = [
    ("start", SAMPLES[3][1], "2021-03-18", ("platform.start", "requestId version")),
    ("end", events.end(ID), "2021-03-18", ("platform.end", "requestId")),
    ("report", SAMPLES[7][1], "2021-03-18", ("platform.report", "requestId metrics")),
    ("runtimeDone", SAMPLES[4][1], "2021-03-18", ("platform.runtimeDone", "requestId status")),
    ("runtimeDone", SAMPLES[4][1], "2020-08-15", None),
    ("telemetrySubscription", SAMPLES[14][1], "2021-03-18", ("platform.logsSubscription", "name state types")),
    ("extension", SAMPLES[12][1], "2021-03-18", ("platform.extension", "name state events")),
    ("logsDropped", SAMPLES[15][1], "2021-03-18", ("platform.logsDropped", "reason droppedRecords droppedBytes")),
    ("initStart", SAMPLES[0][1], "2021-03-18", None),
]


@pytest.mark.parametrize(("name", "record", "schema", "expected"), LOGS_EVENTS)
def test_the_logs_api_has_its_own_dialect(
    name: str, record: dict[str, Any], schema: str, expected: tuple[str, str] | None
) -> None:
    encoded = Dialect(LOGS, schema).render(Event(AT, f"platform.{name}", record))
    if expected is None:
        assert encoded is None
        return
    assert encoded is not None
    envelope = json.loads(encoded)
    assert (envelope["type"], " ".join(envelope["record"])) == expected


def test_the_telemetry_api_has_no_platform_end() -> None:
    assert Dialect(TELEMETRY, "2025-01-29").render(Event(AT, "platform.end", events.end(ID))) is None


def test_older_shapes_can_be_switched_on() -> None:
    dialect = Dialect(TELEMETRY, "2022-12-13", shapes=Shapes(function_arn=False, spans=False))
    for name, record, _ in SAMPLES:
        encoded = dialect.render(Event(AT, f"platform.{name}", record))
        assert encoded is not None
        assert not {"functionArn", "spans"} & set(json.loads(encoded)["record"])


#: Section 10, text format.
TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("initStart", SAMPLES[0][1], "INIT_START Runtime Version: python:3.13.v60\tRuntime Version ARN: arn:r\n"),
    ("telemetrySubscription", events.subscription("e", "Subscribed", ["platform", "function"]),
     "TELEMETRY\tName: e\tState: Subscribed\tTypes: [Platform, Function]\n"),
    ("extension", SAMPLES[12][1], "EXTENSION\tName: e\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"),
    ("extension", SAMPLES[13][1],
     "EXTENSION\tName: e\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n"),
    ("initReport", SAMPLES[2][1], "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"),
    ("initReport", events.init_report(OD, "init", "success", None, 0.2), ""),
    ("initReport", events.init_report(OD, "invoke", "error", "Runtime.ExitError", 1.23649),
     "INIT_REPORT Init Duration: 1236.49 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"),
    ("start", SAMPLES[3][1], f"START RequestId: {ID} Version: $LATEST\n"),
    ("end", events.end(ID), f"END RequestId: {ID}\n"),
    ("report", events.report(ID, "success", None, METRICS),
     (f"REPORT RequestId: {ID}\tDuration: 578.23 ms\tBilled Duration: 792 ms\tMemory Size: 256 MB\t"
     "Max Memory Used: 71 MB\tInit Duration: 212.77 ms\t\n")),
    ("report", events.report(ID, "timeout", None, events.report_metrics(3.0, 256, 94)),
     (f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 256 MB\t"
     "Max Memory Used: 94 MB\tStatus: timeout\n")),
    ("report", events.report(ID, "error", "Runtime.ExitError", events.report_metrics(0.01702, 256, 60)),
     (f"REPORT RequestId: {ID}\tDuration: 17.02 ms\tBilled Duration: 18 ms\tMemory Size: 256 MB\t"
     "Max Memory Used: 60 MB\tStatus: error\tError Type: Runtime.ExitError\n")),
    ("report", events.report(ID, "success", None, events.report_metrics(0.001, 128, 1), trace=TRACE),
     (f"REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
      "Max Memory Used: 1 MB\t\n"
     "XRAY TraceId: 1-6a5f4b3c-0123456789abcdef01234567\tSegmentId: 54565fb41ac79632\tSampled: true\t\n")),
    ("restoreReport", SAMPLES[11][1], "RESTORE_REPORT Restore Duration: 320.42 ms\n"),
    ("runtimeDone", SAMPLES[4][1], ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "record", "expected"), TEXTS)
def test_cloudwatch_text_lines(name: str, record: dict[str, Any], expected: str) -> None:
    assert cloudwatch.text(Event(AT, f"platform.{name}", record)) == expected


JSON_LINES = [
    ("start", 3, True),
    ("runtimeDone", 4, False),
    ("runtimeDone", 6, True),
    ("telemetrySubscription", 14, False),
]


@pytest.mark.parametrize(("name", "sample", "shown"), JSON_LINES)
def test_json_format_shows_what_the_system_level_info_keeps(*, name: str, sample: int, shown: bool) -> None:
    event = Event(AT, f"platform.{name}", SAMPLES[sample][1])
    line = cloudwatch.as_json(event)
    assert bool(line) is shown
    if shown:
        assert json.loads(line) == {
            "time": "2026-11-25T12:01:42.091Z", "type": f"platform.{name}", "record": event.record
        }  # fmt: skip
