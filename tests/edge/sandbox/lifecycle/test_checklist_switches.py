"""Lines of the checklist that have switches: driven from the command line and with real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.options import Shapes
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import AWSLAMBDARIC, EXTENSION, environment, function, records, types

if TYPE_CHECKING:
    from pathlib import Path

#: Prints every envelope that it receives, one a line, before it leaves.
SHOWING = EXTENSION.replace(
    'self.rfile.read(int(self.headers["Content-Length"]))',
    'sys.stderr.write("".join(f"got {json.dumps(one)}\\n" for one in json.loads('
    'self.rfile.read(int(self.headers["Content-Length"]))))); sys.stderr.flush()',
)


def ran(tmp_path: Path, *words: str, payloads: str = "{}", **variables: str) -> list[dict[str, Any]]:
    """Run `sandbox run` with two invocations; return what its extension received."""
    one = function(tmp_path, {"tiny": SHOWING})
    environ = {"TYPES": '["platform", "function"]', **variables}
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(one.folder), "-n", "2"]
    command += ["--layer", str(one.layers[0]), "--awslambdaric", str(AWSLAMBDARIC), "--logs", "--payload", payloads]
    command += [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
    clean = clean_environment(os.environ)
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=clean
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("got ")]
    return [json.loads(line.removeprefix("got ")) for line in lines]


def of(received: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one["record"] for one in received if one["type"] == f"platform.{kind}"]


def test_08_without_switches_events_have_todays_shape(tmp_path: Path) -> None:
    received = ran(tmp_path)
    assert all("functionArn" in one for one in of(received, "start"))
    assert all("spans" in one for kind in ("initRuntimeDone", "runtimeDone", "report") for one in of(received, kind))
    metrics = of(received, "report")[0]["metrics"]
    assert metrics["billedDurationMs"] >= metrics["durationMs"] + metrics["initDurationMs"]
    assert "spanId" not in of(received, "start")[0]["tracing"]


def test_08_old_shapes_are_switches_of_the_command_line(tmp_path: Path) -> None:
    received = ran(tmp_path, "--no-function-arn", "--no-spans", "--old-billing")
    assert of(received, "start")
    assert not any("functionArn" in one for one in of(received, "start"))
    assert not any("spans" in one["record"] for one in received)
    metrics = of(received, "report")[0]["metrics"]
    assert metrics["durationMs"] <= metrics["billedDurationMs"] <= metrics["durationMs"] + 1
    assert metrics["initDurationMs"] > 1


def test_08_the_log_format_is_a_switch_of_the_command_line(tmp_path: Path) -> None:
    payload = json.dumps({"log": "hello", "print": "plain"})
    received = ran(tmp_path, "--log-format", "JSON", payloads=payload)
    lines = [one["record"] for one in received if one["type"] == "function"]
    assert [type(line) for line in lines] == [str, dict, str, dict]
    assert lines[1]["message"] == "hello"


def test_08_the_schema_version_decides_whether_a_line_is_an_object(tmp_path: Path) -> None:
    seen = []
    for number, schema in enumerate(("2022-07-01", "2022-12-13", "2025-01-29")):
        folder = tmp_path / str(number)
        folder.mkdir()
        asks = EXTENSION.replace('"schemaVersion": "2025-01-29"', f'"schemaVersion": "{schema}"')
        with environment(function(folder, {"tiny": asks}, log_format="JSON")) as env:
            env.invoke({"log": "x"})
        seen += [type(one["record"]) for one in records(env, "function")]
    assert seen == [str, dict, dict]


def test_06_schema_versions_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    assert ran(tmp_path, "--schemas", "2022-07-01,2022-12-13") == []  # the extension asked for the newest


def test_08_active_tracing_shows_in_events_and_in_the_log(tmp_path: Path) -> None:
    with environment(function(tmp_path, xray=True)) as env:
        result = env.invoke({})
        log = env.log_path.read_text()
    (started,) = records(env, "platform.start")
    (done,) = records(env, "platform.runtimeDone")
    (report,) = records(env, "platform.report")
    span = started["record"]["tracing"]["spanId"]
    assert len(span) == 16
    assert done["record"]["tracing"] == report["record"]["tracing"] == started["record"]["tracing"]
    assert started["record"]["tracing"]["value"].endswith(";Sampled=1")
    root = started["record"]["tracing"]["value"].split(";")[0].removeprefix("Root=")
    assert f"XRAY TraceId: {root}\tSegmentId: {span}\tSampled: true\t\n" in log
    assert result.json()["environ"]["_AWS_XRAY_DAEMON_PORT"] == "2000"


@pytest.mark.parametrize(
    ("clear", "states"), [(False, ["Subscribed", "Already subscribed"]), (True, ["Subscribed", "Subscribed"])]
)
def test_10_a_reset_keeps_subscriptions_or_forgets_them(tmp_path: Path, states: list[str], *, clear: bool) -> None:
    with environment(function(tmp_path), clear_subscriptions=clear) as env:
        env.invoke({"exit": 1})
        assert env.invoke({"print": "after"}).function_error is None
    found = [one["record"]["state"] for one in records(env, "platform.telemetrySubscription")]
    assert found == states
    assert "after\n" in [one["record"] for one in records(env, "function")]


#: A function whose process is also an extension, and which ignores SIGTERM.
INTERNAL = """
import http.client, json, os, signal, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
body = json.dumps({"events": ["INVOKE"]})
api.request("POST", "/2020-01-01/extension/register", body, {"Lambda-Extension-Name": "inside"})
answer = api.getresponse(); answer.read()
me = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}

def poll():
    while True:
        api.request("GET", "/2020-01-01/extension/event/next", headers=me)
        api.getresponse().read()

threading.Thread(target=poll, daemon=True).start()
def handler(event, context): return "ok"
"""


def test_11_internal_extensions_alone_have_half_a_second_of_which_the_runtime_has_its_share(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    (one.folder / "app.py").write_text(INTERNAL)
    with environment(one) as env:
        assert env.invoke({}).json() == "ok"
        log = env.log_path.read_text()
        began = time.monotonic()
    took = time.monotonic() - began
    assert 0.14 < took < 0.5 + 0.4  # SIGTERM is ignored: SIGKILL comes after 30 % of 500 ms
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n" in log


TOO_LATE = """
    if event["eventType"] == "INVOKE":
        wanted = {"schemaVersion": "2025-01-29", "types": ["function"],
                  "destination": {"protocol": "HTTP", "URI": "http://sandbox:%d/" % server.server_address[1]}}
        for answer in (call("PUT", "/2022-07-01/telemetry", wanted, **me),
                       call("POST", "/2020-01-01/extension/register", {}, Lambda_Extension_Name="another")):
            print("late", answer[0], answer[2].decode(), flush=True)
    if event["eventType"] == "SHUTDOWN":"""


def test_03_subscription_closes_at_the_end_of_init_for_a_real_extension(tmp_path: Path) -> None:
    late = EXTENSION.replace('    if event["eventType"] == "SHUTDOWN":', TOO_LATE, 1)
    with environment(function(tmp_path, {"tiny": late})) as env:
        env.invoke({})
    subscribed, registered = (line.split(" ", 2) for line in env.extension_lines if line.startswith("late"))
    assert (subscribed[1], json.loads(subscribed[2])["errorType"]) == ("403", "Telemetry.SubscriptionClosed")
    assert (registered[1], json.loads(registered[2])["errorType"]) == ("403", "Extension.RegistrationClosed")


def test_01_a_missing_interpreter_is_a_launch_error(tmp_path: Path) -> None:
    with environment(function(tmp_path, {"lost.sh": "#!/no/such/shell\n"})) as env:
        result = env.invoke({})
        log = env.log_path.read_text()
    assert result.json()["errorType"] == "Extension.LaunchError"
    assert "EXTENSION\tName: lost.sh\tState: LaunchError\tEvents: []\tError Type: UnknownError\n" in log


def test_06_a_tcp_destination_that_refuses_is_said_at_once(tmp_path: Path) -> None:
    asks = EXTENSION.replace(
        '{"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/" % server.server_address[1]}',
        '{"protocol": "TCP", "port": 1}',
    )
    with environment(function(tmp_path, {"tiny": asks})) as env:
        assert env.invoke({}).function_error is None
    (line,) = (line for line in env.extension_lines if line.startswith("subscribe"))
    assert line.startswith("subscribe 400 ")
    assert "cannot be connected to" in line


def test_08_shapes_are_for_programs_too(tmp_path: Path) -> None:
    with environment(function(tmp_path), shapes=Shapes(function_arn=False, spans=False)) as env:
        env.invoke({})
    assert "runtimeDone" in types(env)
    assert not any({"functionArn", "spans"} & set(one["record"]) for one in records(env, "platform.start"))
