"""The examples, as the documents run them: each in the sandbox, with what the sandbox says about it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox import Environment, Function, Options
from adaptive_batching.sandbox.function import Credentials
from tests.fakes import s3
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY, ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WITH_CURL = pytest.mark.skipif(not shutil.which("curl"), reason="hello.sh needs curl")


def function(layer: str, **variables: str) -> Function:
    return Function(
        EXAMPLES / "myfunction",
        layers=(EXAMPLES / layer,),
        variables=variables,
        region="eu-west-1",
        credentials=Credentials(ACCESS_KEY, SECRET_KEY, ""),
        timeout=10.0,
    )


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(EXAMPLES / "myfunction"), *words]
    environ = s3.clean_environ(NO_COLOR="1")
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def delivered(environment: Environment) -> list[dict[str, Any]]:
    return [record for delivery in environment.deliveries for record in delivery.records]


def test_every_folder_of_examples_is_run_here_or_used_by_one_that_is() -> None:
    here = {"hello", "logs-api", "own-objects", "myfunction"}
    elsewhere = {"logs", "doctor", "attach", "landscape"}  # by the pages that show them; test_snippets, test_landscape
    assert {one.name for one in EXAMPLES.iterdir() if one.is_dir()} == here | elsewhere


@WITH_CURL
def test_hello_prints_each_event_and_leaves_at_shutdown() -> None:
    with Environment(function("hello"), Options()) as environment:
        results = [environment.invoke({"n": number}) for number in range(2)]
    assert [result.json() for result in results] == [{"ok": True}] * 2
    events = [
        json.loads(line.removeprefix("hello.sh: ")) for line in environment.extension_lines if "hello.sh: {" in line
    ]
    assert [event["eventType"] for event in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert [event.get("requestId") for event in events[:2]] == [result.request_id for result in results]


@pytest.mark.parametrize("invocations", [1, 5])
def test_the_extension_of_the_logs_api_is_sent_everything_and_counts_it(invocations: int) -> None:
    with Environment(function("logs-api"), Options(apis="logs")) as environment:
        for _ in range(invocations):
            assert environment.invoke({}).function_error is None
    found = Counter(record["type"] for record in delivered(environment))
    assert found["function"] == found["platform.start"] == found["platform.report"] == invocations
    (said,) = (line for line in environment.extension_lines if "records:" in line)
    assert json.loads(said.partition("records: ")[2]) == found


def test_the_summary_is_right_about_the_extension_of_the_logs_api() -> None:
    done = run("--layer", str(EXAMPLES / "logs-api"), "-n", "3", "--logs")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['{"ok": true}'] * 3
    counted = re.search(r"logs_api\.py: (\d+) records", done.stderr)
    summary = re.search(r"telemetry +\d+ deliveries, (\d+) records, 0 failed attempts, 0 dropped", done.stderr)
    assert counted
    assert summary
    assert counted[1] == summary[1] == "17"


@pytest.fixture
def scripted() -> Iterator[ScriptedS3]:
    with ScriptedS3() as server:
        yield server


def test_the_extension_with_objects_of_its_own_ships_each_record_once_in_signed_requests(scripted: ScriptedS3) -> None:
    here = function("own-objects", BUCKET="logs", AWS_ENDPOINT_URL_S3=scripted.endpoint)
    with Environment(here, Options()) as environment:
        for number in range(4):
            assert environment.invoke({"n": number}).function_error is None
    expected = [f"{one['time']} {one['type']} {one['record']!r}" for one in delivered(environment)]
    stored = [line for one in scripted.objects.values() for line in one.body.decode().splitlines()]
    assert (sorted(stored), scripted.refused) == (sorted(expected), 0)
    assert len(expected) > 4 * 3
    assert all(re.fullmatch(r"/logs/own/[0-9a-f-]{36}\.txt", path) for path in scripted.objects)


def test_the_summary_is_right_about_the_extension_with_objects_of_its_own() -> None:
    done = run("--layer", str(EXAMPLES / "own-objects"), "--s3", "logs", "--env", "BUCKET=logs", "-n", "3")
    assert done.stdout.splitlines() == ['{"ok": true}'] * 3, done.stderr
    assert done.returncode == 0, done.stderr
    assert re.search(r"telemetry +\d+ deliveries, 17 records, 0 failed attempts", done.stderr)
    assert re.search(r"s3 +\d+ objects in another format, not judged\n", done.stderr)
    assert "lost" not in done.stderr
