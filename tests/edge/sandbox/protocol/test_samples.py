"""What real runs deliver, against the samples of the protocol reference: order of events, key sets, kinds of values.

The samples are in `samples_telemetry.ndjson` (its section 5.4) and `samples_logs.ndjson` (4.1), as printed there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.function import MANAGED, SNAP_START
from tests.edge.sandbox.lifecycle.test_variants import SNAP
from tests.edge.sandbox.world import EXTENSION, environment, function, records

if TYPE_CHECKING:
    from adaptive_batching.sandbox.lifecycle.environment import Environment

HERE = Path(__file__).parent
#: The Logs API instead of the Telemetry API.
LOGS_EXTENSION = EXTENSION.replace("/2022-07-01/telemetry", "/2020-08-15/logs").replace("2025-01-29", "2021-03-18")
#: Present only under conditions of their own: the first report of an environment, active tracing.
OPTIONAL = {"initDurationMs", "restoreDurationMs", "tracing", "spanId"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def shape(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Reduce a value to its kind: objects to their keys, lists to the shape of their first, times to a word."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items() if name not in OPTIONAL}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        return "time" if _TIME.fullmatch(value) else "text"
    return "flag" if isinstance(value, bool) else "whole" if isinstance(value, int) else "number"


def samples(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / f"samples_{name}.ndjson").read_text().splitlines()]


def known(name: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for sample in samples(name):
        found.setdefault(sample["type"], []).append(shape(sample))
    return found


def compared(delivered: list[dict[str, Any]], name: str) -> set[str]:
    """Assert that each event looks like a sample of its type; return the types that came."""
    expected = known(name)
    for one in delivered:
        assert shape(one) in expected[one["type"]], one
    return {one["type"].removeprefix("platform.") for one in delivered}


def eventful(env: Environment) -> None:
    """A plain invocation, a timeout, an exit, and what comes after each."""
    with env:
        for payload in ({"print": "x", "log": "y"}, {"sleep": 60}, {}, {"exit": 1}, {}):
            env.invoke(payload)


def test_every_event_of_the_telemetry_api_looks_like_a_sample(tmp_path: Path) -> None:
    env = environment(function(tmp_path, log_format="JSON", timeout=2.5, xray=True))
    eventful(env)
    assert compared(records(env), "telemetry") == {
        "initStart", "initRuntimeDone", "initReport", "telemetrySubscription", "extension", "start", "runtimeDone",
        "report", "function",
    }  # fmt: skip


def test_every_event_of_the_logs_api_looks_like_a_sample(tmp_path: Path) -> None:
    env = environment(function(tmp_path, {"tiny": LOGS_EXTENSION}, timeout=2.5, xray=True))
    eventful(env)
    assert compared(records(env), "logs") == {
        "start", "end", "report", "runtimeDone", "extension", "logsSubscription", "function",
    }  # fmt: skip


def test_the_events_of_snapstart_look_like_the_samples(tmp_path: Path) -> None:
    one = function(tmp_path, initialization_type=SNAP_START)
    (one.folder / "app.py").write_text(SNAP)
    with environment(one) as env:
        env.invoke({})
    assert compared(records(env), "telemetry") >= {"restoreStart", "restoreRuntimeDone", "restoreReport"}


def test_the_report_of_managed_instances_looks_like_the_fourth_sample(tmp_path: Path) -> None:
    one = function(tmp_path, variables={"EVENTS": '["SHUTDOWN"]'}, initialization_type=MANAGED)
    with environment(one) as env:
        env.invoke({})
    (report,) = records(env, "platform.report")
    assert shape(report) == known("telemetry")["platform.report"][3]


@pytest.mark.parametrize(("extension", "first"), [(EXTENSION, "initStart"), (LOGS_EXTENSION, "logsSubscription")])
def test_the_order_of_a_cold_start_and_a_warm_invocation_is_that_of_the_timeline(
    tmp_path: Path, extension: str, first: str
) -> None:
    with environment(function(tmp_path, {"tiny": extension})) as env:
        ids = [env.invoke({"print": "x"}).request_id for _ in range(2)]
    found = [
        (one["type"].removeprefix("platform."), one["record"]["requestId"])
        for one in records(env)
        if isinstance(one["record"], dict) and "requestId" in one["record"]
    ]
    each = ["start", "runtimeDone", "report"] if first == "initStart" else ["start", "runtimeDone", "end", "report"]
    assert found == [(kind, one) for one in ids for kind in each]
    kinds = [one["type"].removeprefix("platform.") for one in records(env)]
    assert kinds[0] == first
    assert kinds.index("start") < kinds.index("function") < kinds.index("runtimeDone")
