"""Other runtimes and other ways to run: Node, bootstrap, Managed Instances, SnapStart, provisioned concurrency."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import MANAGED, PROVISIONED, SNAP_START
from tests.edge.sandbox.world import EXTENSION, environment, eventually, function, process_state, records, types

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.lifecycle.environment import Environment

NODE = """
exports.handler = async (event, context) => {
  console.log("hello", { from: "node" }, "\\nsecond line");
  if (event.raise) throw new TypeError(event.raise);
  if (event.exit) process.exit(event.exit);
  return { id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0 };
};
exports.callback = (event, context, done) => setTimeout(() => done(null, "called back"), 1);
"""

#: The loop of the custom runtime tutorial, in shell, with curl.
BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  headers=$(mktemp "${TMPDIR:-/tmp}/headers.XXXXXX")
  event=$(curl -sS -D "$headers" "$api/invocation/next") || exit 1
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  echo "handling $event"
  curl -sS -o /dev/null "$api/invocation/$id/response" -d "{\\"echo\\": $event}"
done
"""


def node(tmp_path: Path, handler: str = "index.handler", **changes: str) -> Environment:
    one = function(tmp_path, None, runtime="nodejs20.x", handler=handler, **changes)
    (one.folder / "index.js").write_text(NODE)
    return environment(one)


def test_a_node_function_runs_and_its_lines_carry_the_request_id(tmp_path: Path) -> None:
    with node(tmp_path) as env:
        result = env.invoke({})
    assert result.json() == {"id": result.request_id, "left": True}
    (line,) = (one["record"] for one in records(env, "function"))
    assert line.split("\t")[1:3] == [result.request_id, "INFO"]
    assert line.endswith("hello { from: 'node' } \nsecond line\n")


def test_a_node_handler_may_use_a_callback(tmp_path: Path) -> None:
    with node(tmp_path, handler="index.callback") as env:
        assert env.invoke({}).json() == "called back"


def test_a_node_function_that_throws_or_exits(tmp_path: Path) -> None:
    with node(tmp_path) as env:
        thrown, gone, again = env.invoke({"raise": "no"}), env.invoke({"exit": 4}), env.invoke({})
    assert (thrown.json()["errorType"], thrown.json()["errorMessage"]) == ("TypeError", "no")
    assert gone.json()["errorType"] == "Runtime.ExitError"
    assert again.function_error is None


def test_a_node_handler_that_is_not_there_is_an_init_error(tmp_path: Path) -> None:
    with node(tmp_path, handler="absent.handler") as env:
        assert env.invoke({}).json()["errorType"] == "Runtime.ImportModuleError"


def test_node_in_json_format_logs_objects(tmp_path: Path) -> None:
    with node(tmp_path, log_format="JSON") as env:
        result = env.invoke({})
    (line,) = (one["record"] for one in records(env, "function"))
    assert (line["level"], line["requestId"]) == ("INFO", result.request_id)


def test_an_executable_bootstrap_is_a_runtime(tmp_path: Path) -> None:
    one = function(tmp_path, runtime="provided.al2023", handler="unused")
    (one.folder / "bootstrap").write_text(BOOTSTRAP)
    (one.folder / "bootstrap").chmod(0o755)
    with environment(one) as env:
        assert [env.invoke({"n": n}).json() for n in range(3)] == [{"echo": {"n": n}} for n in range(3)]
    assert [one["record"] for one in records(env, "function")] == [f'handling {{"n": {n}}}\n' for n in range(3)]


def test_a_missing_bootstrap_and_one_that_is_not_executable_are_told_apart(tmp_path: Path) -> None:
    one = function(tmp_path, runtime="provided.al2023")
    with pytest.raises(SandboxError, match="bootstrap is missing"):
        environment(one)
    (one.folder / "bootstrap").write_text(BOOTSTRAP)
    with pytest.raises(SandboxError, match="not executable"):
        environment(one)


def managed(tmp_path: Path) -> Environment:
    variables = {"EVENTS": '["SHUTDOWN"]'}
    return environment(function(tmp_path, variables=variables, initialization_type=MANAGED, timeout=10.0))


def test_12_managed_instances_run_requests_at_once_without_runtime_done(tmp_path: Path) -> None:
    with managed(tmp_path) as env:
        running = [env.begin(json.dumps({"sleep": 0.5, "print": f"line {n}"}).encode()) for n in range(3)]
        for invocation in running:
            assert invocation.done.wait(8)
        spread = max(one.responded_at or 0 for one in running) - min(one.responded_at or 0 for one in running)
        assert spread < 0.5  # side by side, not one after the other
        assert not any(process_state(process.pid) == "T" for process in env.processes)
    assert "runtimeDone" not in types(env)
    (initialised,) = records(env, "platform.initStart")
    assert initialised["record"]["initializationType"] == MANAGED
    reports = [one["record"] for one in records(env, "platform.report")]
    assert {tuple(one) for one in reports} == {("requestId", "status", "metrics", "spans")}
    assert {tuple(one["metrics"]) for one in reports} == {("durationMs",)}
    assert sorted(str(one["record"]) for one in records(env, "function")) == [f"line {n}\n" for n in range(3)]


def test_12_managed_instances_refuse_to_register_for_invoke(tmp_path: Path) -> None:
    refused = EXTENSION.replace('me = {"Lambda', 'print(status, body, flush=True)\nme = {"Lambda', 1)
    one = function(
        tmp_path, extensions={"tiny": refused}, variables={"EVENTS": '["INVOKE"]'}, initialization_type=MANAGED
    )
    with environment(one, init_timeout=5.0) as env:
        pass
    assert "403" in env.extension_lines[0]
    assert "Extension.InvalidEventType" in env.extension_lines[0]


def test_12_a_fault_ends_a_managed_environment_for_good(tmp_path: Path) -> None:
    with managed(tmp_path) as env:
        (extension,) = (one for one in env.processes if one.kind == "extension")
        extension.signal(9)  # type: ignore[arg-type]
        eventually(lambda: not env.usable)
        with pytest.raises(SandboxError, match="not reset"):
            env.invoke({})


SNAP = """
import os
from snapshot_restore_py import register_after_restore, register_before_snapshot

@register_before_snapshot
def before(): print("before snapshot")

@register_after_restore
def after(): print("after restore")

def handler(event, context): return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
"""


def test_12_snapstart_stops_after_init_and_restores_before_the_first_invocation(tmp_path: Path) -> None:
    one = function(tmp_path, initialization_type=SNAP_START)
    (one.folder / "app.py").write_text(SNAP)
    with environment(one) as env:
        assert {process_state(process.pid) for process in env.processes} == {"T"}
        first, second = env.invoke({}), env.invoke({})
    found: dict[str, Any] = first.json()
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_LOG_STREAM_NAME"} & set(found)
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/2021-04-23/credentials")
    assert types(env)[:10] == [
        "initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport",
        "restoreStart", "restoreRuntimeDone", "restoreReport", "start", "runtimeDone",
    ]  # fmt: skip
    assert [one["record"] for one in records(env, "function")] == ["before snapshot\n", "after restore\n"]
    assert "restoreDurationMs" in first.report["metrics"]
    assert "initDurationMs" not in first.report["metrics"]
    assert "restoreDurationMs" not in second.report["metrics"]


def test_provisioned_concurrency_is_initialised_and_frozen_before_the_first_invocation(tmp_path: Path) -> None:
    with environment(function(tmp_path, initialization_type=PROVISIONED)) as env:
        assert {process_state(process.pid) for process in env.processes} == {"T"}
        assert env.invoke({}).json()["environ"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == PROVISIONED


SHELL_EXTENSION = """#!/bin/sh
# After the public samples in shell: register, then wait for events; the name is the file's.
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
head=$(mktemp "${TMPDIR:-/tmp}/head.XXXXXX")
curl -sS -D "$head" -o /dev/null -X POST "$api/register" -H "Lambda-Extension-Name: $(basename "$0")" \\
  -d '{"events": ["INVOKE", "SHUTDOWN"]}'
id=$(grep -i lambda-extension-identifier "$head" | tr -d '[:space:]' | cut -d: -f2)
while :; do
  event=$(curl -sS "$api/event/next" -H "Lambda-Extension-Identifier: $id")
  echo "got $event"
  case "$event" in *SHUTDOWN*) exit 0 ;; esac
done
"""

NODE_EXTENSION = """#!/usr/bin/env node
const http = require("http");
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}`;
const received = [];
const listener = http.createServer((request, answer) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => { received.push(...JSON.parse(Buffer.concat(parts))); answer.end("OK"); });
});
(async () => {
  const name = require("path").basename(__filename);
  const registered = await fetch(`${api}/2020-01-01/extension/register`, {
    method: "POST", headers: { "Content-Type": "application/json", "Lambda-Extension-Name": name },
    body: JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] }) });
  const id = registered.headers.get("lambda-extension-identifier");
  await new Promise((done) => listener.listen(0, "0.0.0.0", done));
  await fetch(`${api}/2020-08-15/logs`, { method: "PUT", headers: { "Lambda-Extension-Identifier": id },
    body: JSON.stringify({ schemaVersion: "2021-03-18", types: ["platform", "function"],
      buffering: { timeoutMs: 100, maxBytes: 262144, maxItems: 1000 },
      destination: { protocol: "HTTP", URI: `http://sandbox:${listener.address().port}/logs` } }) });
  for (;;) {
    const headers = { "Lambda-Extension-Identifier": id };
    const next = await fetch(`${api}/2020-01-01/extension/event/next`, { headers });
    const event = await next.json();
    if (event.eventType === "SHUTDOWN") break;
  }
  await new Promise((done) => setTimeout(done, 300));
  console.log(received.map((one) => one.type).join(" "));
  process.exit(0);
})();
"""


def test_extensions_in_shell_and_node_that_were_not_written_for_us_run_unmodified(tmp_path: Path) -> None:
    both = {"shell-extension.sh": SHELL_EXTENSION, "node-extension.js": NODE_EXTENSION}
    with environment(function(tmp_path, extensions=both)) as env:
        assert env.invoke({"print": "x"}).function_error is None
        assert env.invoke({}).function_error is None
    got = [json.loads(line.removeprefix("got ")) for line in env.extension_lines if line.startswith("got ")]
    assert [one["eventType"] for one in got] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    (seen,) = (line for line in env.extension_lines if line.startswith("platform"))
    assert seen.split() == [
        "platform.logsSubscription", "platform.extension", "platform.extension",
        "platform.start", "function", "platform.runtimeDone", "platform.end", "platform.report",
        "platform.start", "platform.runtimeDone", "platform.end", "platform.report",
    ]  # fmt: skip
