"""The metric filters of deploy/monitoring.yaml on what CloudWatch would get: logs of the sandbox in both formats.

A function logs planted lines and near misses, fails, and times out, while its store cannot be reached. Each filter
finds the planted lines, once each, and nothing else.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adaptive_batching.logs.filter_pattern import FilterPattern
from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from tests.e2e.conftest import LAYER, ROOT
from tests.fakes.network.ports import free_port
from tests.template.stack import monitoring

#: What is found by which filter, as it is planted: the marks are in the lines.
PLANTED: dict[str, list[str]] = {
    "ErrorLines": ["mark-error", "mark-critical", "mark-raised"],
    "Too many connections": ["mark-connections"],
    "API Rate Limit Exceeded": ["mark-rate"],
}
INVOCATIONS: list[dict[str, Any]] = [
    {"log": [["ERROR", "mark-error"]]},
    {"log": [["CRITICAL", "mark-critical"]]},
    {"log": [["WARNING", "mark-connections: Too many connections"]]},
    {"log": [["WARNING", "API Rate Limit Exceeded, mark-rate"]]},
    {"raise": "mark-raised"},
]
#: Lines that look like those, and are not. The text format knows no members: there a word is a word.
NEAR: dict[str, Any] = {
    "log": [
        ["WARNING", "an error, an Error, Status: timeout, Task timed out, task timed out after 3 seconds"],
        ["WARNING", "too many connections, Too many  connections, API rate limit exceeded"],
        ["INFO", "lost 3 records, adaptive-batching-extension"],
    ],
    "print": [
        {"extension": "another-extension", "level": "error", "lost": 3},
        {"extension": "adaptive-batching-extension", "level": "warning", "lost": 0},
        {"extension": "adaptive-batching-extension", "level": "info", "lost": "3"},
        {"level": "error", "type": "platform.report", "record": {"status": "success"}},
        {"type": "platform.report.of.mine", "record": {"status": "timeout"}},
        "{broken, $.lost > 0",
    ],
}


FORMATS = ("Text", "JSON")


@dataclass(frozen=True)
class Watched:
    """The lines of a log stream, and what each filter finds in them: metric -> lines."""

    lines: list[str]
    timed_out: str
    found: dict[str, list[str]]
    patterns: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    """A run in each format, side by side: most of it is waiting for the timeout."""
    folder = tmp_path_factory.mktemp("streams")
    with ThreadPoolExecutor() as pool:
        runs = {name: pool.submit(run, name, folder / name) for name in FORMATS}
        return {name: one.result() for name, one in runs.items()}


@pytest.fixture(params=FORMATS)
def watched(request: pytest.FixtureRequest, both: dict[str, Watched]) -> Watched:
    return both[request.param]


def run(log_format: str, streams: Path) -> Watched:
    streams.mkdir()
    prefix = "ADAPTIVE_BATCHING_EXTENSION_"
    told = {"S3_BUCKET": "nowhere", "PORT": str(free_port()), "SHIP_RATE_INVOKES": "1", "MAX_HOLD_MILLISECONDS": "50"}
    function = Function(
        Path(__file__).parent / "watched",
        name="watched",
        variables={
            **{prefix + name: value for name, value in told.items()},
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9/",  # nobody listens there
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
        },
        layers=(LAYER,),
        credentials=Credentials("AKIAIOSFODNN7EXAMPLE", "secret", ""),
        timeout=2,
        log_format=log_format,
    )
    options = Options(freeze=False, log_folder=streams, awslambdaric=ROOT / "build/runtime/awslambdaric")
    with Environment(function, options) as environment:
        environment.invoke(NEAR)
        for event in INVOCATIONS:
            environment.invoke(event)
        timed_out = environment.invoke({"sleep": 60}).request_id
        environment.invoke(NEAR)
    (stream,) = streams.iterdir()
    lines = stream.read_text(encoding="utf-8").splitlines()
    stack = monitoring(
        FunctionName="watched", LogGroup="watched", LogFormat=log_format, TimeoutSeconds="2", AlarmTopic="arn:a"
    )
    patterns = {
        one["MetricTransformations"][0]["MetricName"]: one for one in stack.of_type("AWS::Logs::MetricFilter").values()
    }
    found = {
        metric: [line for line in lines if FilterPattern(one["FilterPattern"]).matches(line)]
        for metric, one in patterns.items()
    }
    return Watched(lines, timed_out, found, patterns)


@pytest.mark.parametrize("metric", PLANTED)
def test_each_planted_line_is_found_once_and_no_near_miss(watched: Watched, metric: str) -> None:
    found = watched.found[metric]
    marks = [next((mark for mark in PLANTED[metric] if mark in line), line) for line in found]
    assert marks == PLANTED[metric]


def test_a_timeout_is_found_once(watched: Watched) -> None:
    (found,) = watched.found["Timeouts"]
    assert watched.timed_out in found


def test_what_the_extension_says_of_itself_is_found_and_the_lost_records_are_summed(watched: Watched) -> None:
    said = [parsed for line in watched.lines if (parsed := said_by_the_extension(line))]
    errors = [one for one in said if one["level"] == "error"]
    assert [json.loads(one) for one in watched.found["ShippingErrors"]] == errors
    assert any(one["message"].startswith("circuit opened") for one in errors)
    lost = [json.loads(one)["lost"] for one in watched.found["RecordsLost"]]
    closing = [one["lost"] for one in said if one["message"] == "environment shutting down"]
    assert lost == [one for one in closing if one]
    assert sum(lost) > len(INVOCATIONS)
    (change,) = watched.patterns["RecordsLost"]["MetricTransformations"]
    assert change["MetricValue"] == "$.lost"


def said_by_the_extension(line: str) -> dict[str, Any] | None:
    """What a line says if it is one that the extension wrote, and none that the function printed."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    ours = isinstance(found, dict) and found.get("extension") == "adaptive-batching-extension" and "message" in found
    return found if ours else None


def test_the_near_misses_are_in_the_log(watched: Watched) -> None:
    for text in ("Task timed out, task", "Too many  connections", "another-extension", "broken, $.lost"):
        assert sum(text in line for line in watched.lines) == 2, text
