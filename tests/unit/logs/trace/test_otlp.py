"""A trace in OpenTelemetry's JSON: ids, parents, times, what failed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adaptive_batching.logs.trace import otlp
from adaptive_batching.logs.trace.waterfall import put_together
from tests.unit.logs.trace.build import invocation, line


def spans(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for one in request["resourceSpans"] for scope in one["scopeSpans"] for span in scope["spans"]]


def test_invocations_inits_and_spans_hang_below_one_root() -> None:
    first = invocation("submit", 0, 62)
    second = invocation("save", 7000, 100, init_ms=500.0, failed=True, error="ValueError: no")
    lines = [
        line(second, 7050, span="put", duration_ms=30.0),
        line(second, 7060, error="ValueError: no: never", level="ERROR"),
        line(first, 10, milestone="RECEIVED"),
    ]
    request = otlp.request(
        put_together("a2f6e7ee-0000-4000-8000-000000000001", [first, second], lines, [], lambda _: 0.0)
    )
    found = {span["name"]: span for span in spans(request)}
    assert set(found) == {"trace a2f6e7ee-0000-4000-8000-000000000001", "submit", "save", "init", "put"}
    root = found["trace a2f6e7ee-0000-4000-8000-000000000001"]
    assert {span["traceId"] for span in found.values()} == {"a2f6e7ee000040008000000000000001"}
    assert "parentSpanId" not in root
    assert [found[name]["parentSpanId"] for name in ("submit", "save", "init")] == [root["spanId"]] * 3
    assert found["put"]["parentSpanId"] == found["save"]["spanId"]
    assert len({span["spanId"] for span in found.values()}) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", span["spanId"]) for span in found.values())
    assert found["save"]["status"] == {"code": 2, "message": "ValueError: no"}
    assert found["submit"]["status"] == {"code": 1}
    assert found["save"]["events"][0]["attributes"] == [
        {"key": "exception.type", "value": {"stringValue": "ValueError"}},
        {"key": "exception.message", "value": {"stringValue": "no: never"}},
    ]
    assert [event["name"] for event in found["submit"]["events"]] == ["RECEIVED"]
    assert found["submit"]["startTimeUnixNano"] == "1795196501211000000"
    assert int(found["put"]["endTimeUnixNano"]) - int(found["put"]["startTimeUnixNano"]) == 30_000_000
    services = [one["resource"]["attributes"][0]["value"]["stringValue"] for one in request["resourceSpans"]]
    assert services == ["trace", "submit", "save"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("1-6a5f4b3c-0123456789abcdef01234567", "6a5f4b3c0123456789abcdef01234567"),
        ("A2F6E7EE-0000-4000-8000-000000000001", "a2f6e7ee000040008000000000000001"),
        ("order 7", None),
        ("0" * 32, None),  # all zeros are no id
    ],
)
def test_any_id_becomes_one_of_32_digits(given: str, wanted: str | None) -> None:
    found = otlp.trace_id(given)
    assert re.fullmatch("[0-9a-f]{32}", found)
    assert int(found, 16)
    assert wanted in (None, found)
    assert otlp.trace_id(given) == found
