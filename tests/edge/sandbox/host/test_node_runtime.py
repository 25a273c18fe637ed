"""Node functions run on AWS's own client: what it does in each case, and that it is the released one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.function import MANAGED
from adaptive_batching.sandbox.host.launch import NODE_FOLDER
from tests.edge.sandbox.world import environment, function

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result

#: The SHA-256 of files of aws-lambda-ric, as `npm pack` fetches its versions.
RELEASED = {
    "3.3.0.mjs": "32894075502fb0541500700c5a6aff14fb3f16485e73e6a8d009eef60dfd5faa",
    "4.0.2.mjs": "180651f3b1745cb68797cdba9a26c01da6c72b81c908400ebc6c27a43986c2e0",
    "LICENSE": "09e8a9bcec8067104652c168685ab0931e7868f9c8284b66f5ae6edae5f1130b",
    "NOTICE": "d4290ed64c2edd0fce1d84e3f9dfb2881240fe534def76b8cd29ed6af683e287",
}

MODULE = """
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const late = (text, ms = 30) => setTimeout(() => console.log(text), ms);
const streamed = awslambda.streamifyResponse;
exports.echo = async (event) => event;
exports.empty = async () => {};
exports.ns = { deep: { handler: async () => "nested" } };
exports.thenable = () => ({ then: (resolve) => resolve("thenable") });
exports.plain = () => "plain";
exports.silent = () => { late("at the end") };
exports.never = (event, context, callback) => {};
exports.waits = (event, context, callback) => { late("before the answer"); callback(null, "called") };
exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  late("after the answer", 60000);
  callback(null, "called");
};
exports.twice = (event, context, callback) => { callback(null, "first"); callback(null, "second") };
exports.failed = (event, context, callback) => callback(new RangeError("by callback"));
exports.text = (event, context, callback) => callback("only text");
exports.succeed = (event, context) => context.succeed("succeeded");
exports.fail = (event, context) => context.fail(new Error("failed"));
exports.done = (event, context) => context.done(null, "done");
exports.both = async (event, context, callback) => {
  callback(null, "by callback");
  await sleep(20);
  return "returned";
};
exports.sync = () => { throw new TypeError("thrown") };
exports.rejects = async () => { throw new EvalError("rejected") };
exports.nothing = async () => { throw undefined };
exports.number = async () => { throw 42 };
exports.circular = async () => { const one = {}; one.one = one; return one };
exports.bigint = async () => 1n;
exports.timer = async () => { setTimeout(() => { throw new Error("in a timer") }, 10); await sleep(5000) };
exports.unhandled = async () => { Promise.reject(new Error("nobody caught it")); await sleep(5000) };
exports.dry = async () => { await new Promise(() => {}) };
exports.unsettled = () => new Promise(() => {});
exports.exits = async () => process.exit(3);
exports.leaves = async () => process.exit(0);
exports.large = async () => "x".repeat(6 * 1024 * 1024 + 200);
exports.unicode = async (event) => event.text + "\\u2028\\u00e9\\ud83d\\ude00";
exports.stream = streamed(async (event, stream) => {
  stream.setContentType("text/plain");
  stream.write("a");
  stream.end("b");
});
exports.from = streamed(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  stream.write("body");
  stream.end();
});
exports.early = streamed(async () => { throw new Error("before any byte") });
exports.half = streamed(async (event, stream) => { stream.write("half"); throw new Error("in the middle") });
exports.after = streamed(async (event, stream) => {
  stream.end("sent");
  await sleep(60);
  console.log("after the end");
});
exports.open = streamed(async (event, stream) => { stream.write("open") });
exports.plainStream = streamed((event, stream) => { stream.end("no promise") });
exports.context = async (event, context) => [context.functionName, context.memoryLimitInMB,
  typeof context.logStreamName,
  context.invokedFunctionArn, context.awsRequestId, context.getRemainingTimeInMillis() > 0, process.env.NODE_PATH];
exports.notFunction = 7;
"""

#: Handler -> what the caller gets, as a value; a line that the log must have; without a value, the error type and text.
ANSWERS = {
    "echo": ({"n": 1}, ""),
    "empty": (None, ""),
    "ns.deep.handler": ("nested", ""),
    "thenable": ("thenable", ""),
    "plain": (None, ""),
    "silent": (None, "at the end"),
    "never": (None, ""),
    "waits": ("called", "before the answer"),
    "hurries": ("called", ""),
    "twice": ("first", ""),
    "succeed": ("succeeded", ""),
    "done": ("done", ""),
    "both": ("by callback", ""),
    "unicode": ("é\u2028é😀", ""),
}
ERRORS = {
    "failed": ("RangeError", "by callback"),
    "text": ("string", "only text"),
    "fail": ("Error", "failed"),
    "sync": ("TypeError", "thrown"),
    "rejects": ("EvalError", "rejected"),
    "number": ("number", "42"),
    "timer": ("Error", "in a timer"),
    "unhandled": ("Runtime.UnhandledPromiseRejection", "Error: nobody caught it"),
    "dry": ("Runtime.NodeJsExit", "a Promise that was never settled"),
    "exits": ("Runtime.ExitError", "Runtime exited with error: exit status 3"),
    "leaves": ("Runtime.ExitError", "Runtime exited without providing a reason"),
    "large": ("Function.ResponseSizeTooLarge", "maximum allowed payload size"),
    "circular": ("Error", "Unable to stringify response body"),
    "bigint": ("Error", "Unable to stringify response body"),
    "absent": ("Runtime.HandlerNotFound", "index.absent is undefined or not exported"),
    "notFunction": ("Runtime.HandlerNotFound", "index.notFunction is not a function"),
}
#: Streaming handler -> the bytes, whether it is an error, a line that the log must have.
STREAMS = {
    "stream": (b"ab", False, ""),
    "from": (b'{"statusCode":201}' + bytes(8) + b"body", False, ""),
    "early": (b"", True, "before any byte"),
    "half": (b"half", True, "in the middle"),
    "after": (b"sent", False, "after the end"),
    "plainStream": (b"no promise", False, "Streaming does not support non-async handlers."),
}


#: The same for Node 24, where these differ: values of functions that are not async count, and callbacks are refused.
ANSWERS_24 = {
    "echo": {"n": 1},
    "empty": None,
    "ns.deep.handler": "nested",
    "plain": "plain",
    "silent": None,
    "context": None,
}
ERRORS_24 = {
    "waits": ("Runtime.CallbackHandlerDeprecated", "removed support for callback-based function handlers"),
    "sync": ("TypeError", "thrown"),
    "rejects": ("EvalError", "rejected"),
    "timer": ("Runtime.ExitError", "exit status 1"),
    "unhandled": ("Runtime.ExitError", "exit status 1"),
    "dry": ("Runtime.ExitError", "Runtime exited without providing a reason"),
    "circular": ("Runtime.JSONStringifyError", "Unable to stringify response body"),
    "absent": ("Runtime.HandlerNotFound", "index.absent is undefined or not exported"),
}


def node(tmp_path: Path, handler: str, runtime: str = "nodejs20.x", **files: str) -> Environment:
    one = function(tmp_path, {}, runtime=runtime, handler=handler, timeout=8.0)
    for name, text in {"index.js": MODULE, **{name.replace("__", "."): text for name, text in files.items()}}.items():
        (one.folder / name).write_text(text)
    return environment(one)


def invoke(env: Environment, payload: object = None) -> tuple[Result, str]:
    before = len(env.function_lines)
    result = env.invoke({"n": 1} if payload is None else payload)
    return result, "".join(env.function_lines[before:])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_handler_is_answered_as_on_lambda_more_than_once(tmp_path: Path, name: str) -> None:
    wanted, line = ANSWERS[name]
    with node(tmp_path, f"index.{name}") as env:
        for _ in range(2):
            result, log = invoke(env, {"text": "é"} if name == "unicode" else None)
            assert (result.json(), result.function_error) == (wanted, None)
            assert line in log


@pytest.mark.parametrize("name", ERRORS)
def test_a_handler_that_fails_is_answered_as_on_lambda_more_than_once(tmp_path: Path, name: str) -> None:
    error_type, text = ERRORS[name]
    with node(tmp_path, f"index.{name}") as env:
        for _ in range(2):
            result, _ = invoke(env)
            assert result.function_error == "Unhandled"
            assert result.json()["errorType"] == error_type
            assert text in result.json()["errorMessage"]


@pytest.mark.parametrize("name", STREAMS)
def test_a_streaming_handler_is_answered_as_on_lambda_more_than_once(tmp_path: Path, name: str) -> None:
    content, failed, line = STREAMS[name]
    with node(tmp_path, f"index.{name}") as env:
        for _ in range(2):
            result, log = invoke(env)
            assert (result.payload, bool(result.function_error)) == (content, failed)
            assert line in log


@pytest.mark.parametrize("name", ANSWERS_24)
def test_node_24_answers_as_on_lambda(tmp_path: Path, name: str) -> None:
    with node(tmp_path, f"index.{name}", "nodejs24.x") as env:
        for _ in range(2):
            result, _ = invoke(env)
            assert result.function_error is None
            assert name == "context" or result.json() == ANSWERS_24[name]


@pytest.mark.parametrize("name", ERRORS_24)
def test_node_24_fails_as_on_lambda(tmp_path: Path, name: str) -> None:
    error_type, text = ERRORS_24[name]
    with node(tmp_path, f"index.{name}", "nodejs24.x") as env:
        result, _ = invoke(env)
    assert result.json()["errorType"] == error_type
    assert text in result.json()["errorMessage"]


@pytest.mark.parametrize("name", ["stream", "from", "half"])
def test_node_24_streams(tmp_path: Path, name: str) -> None:
    content, failed, _ = STREAMS[name]
    with node(tmp_path, f"index.{name}", "nodejs24.x") as env:
        result, _ = invoke(env)
    assert (result.payload, bool(result.function_error)) == (content, failed)


def test_managed_instances_run_node_requests_at_once(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="nodejs22.x", handler="index.handler", initialization_type=MANAGED,
                   timeout=20.0, variables={"AWS_LAMBDA_NODEJS_WORKER_COUNT": "2"})  # fmt: skip
    meets = """
    const fs = require("node:fs");
    exports.handler = async (event, context) => {
      fs.writeFileSync(`/tmp/${event}`, "");
      while (!fs.existsSync(`/tmp/${1 - event}`)) await new Promise((done) => setTimeout(done, 5));
      return context.awsRequestId;
    }"""
    (one.folder / "index.js").write_text(meets)
    with environment(one) as env:
        running = [env.begin(str(number).encode()) for number in range(2)]  # each waits for the other
        assert all(invocation.done.wait(20) for invocation in running)
    assert [json.loads(one.response or b"") for one in running] == [one.request_id for one in running]


LOADING = {
    "syntax": ("const x = ;", "Runtime.UserCodeSyntaxError"),
    "missing": ("require('not-there')", "Runtime.ImportModuleError"),
    "throws": ("throw new RangeError('at load')", "RangeError"),
    # Loading goes on until the rejection is reported. If it were done first, the runtime would ask for an event beside
    # that, and which of the two requests Lambda gets first would decide what it calls the error.
    "rejects": (
        "Promise.reject(new Error('at load')); await new Promise(() => setTimeout(() => {}, 1e6))",
        "Runtime.UnhandledPromiseRejection",
    ),
}


@pytest.mark.parametrize("name", LOADING)
def test_a_module_that_does_not_load_is_an_init_error(tmp_path: Path, name: str) -> None:
    text, error_type = LOADING[name]
    module = {"other__mjs" if "await" in text else "other__js": text}
    with node(tmp_path, "other.handler", **module) as env:
        result, _ = invoke(env)
    assert result.json()["errorType"] == error_type


def test_es_modules_and_folders_are_loaded(tmp_path: Path) -> None:
    esm = "import os from 'node:os'; await Promise.resolve(); export const handler = async () => typeof os.EOL;"
    with node(tmp_path, "module.handler", module__mjs=esm) as env:
        assert invoke(env)[0].json() == "string"


def test_a_handler_in_a_folder_and_one_with_a_relative_path(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="nodejs20.x", handler="below/deep.a.b")
    (one.folder / "below").mkdir()
    (one.folder / "below/deep.js").write_text("exports.a = { b: async () => 'below' }")
    with environment(one) as env:
        assert env.invoke().json() == "below"


def test_a_client_context_and_the_functions_own_are_there(tmp_path: Path) -> None:
    with node(tmp_path, "index.context") as env:
        result, _ = invoke(env)
    name, memory, stream, arn, request_id, remaining, path = result.json()
    assert (name, memory, stream, arn) == ("function", "256", "string", env.function.arn)
    assert (request_id, remaining) == (result.request_id, True)
    assert [place.rpartition("/nodejs/")[2] for place in path.split(":")][:2] == ["node20/node_modules", "node_modules"]


def test_the_log_has_lambdas_levels(tmp_path: Path) -> None:
    lines = "exports.handler = async () => { for (const f of ['trace','debug','info','warn','error']) console[f](f) }"
    with node(tmp_path, "levels.handler", levels__js=lines) as env:
        result, log = invoke(env)
    said = [line.split("\t") for line in log.splitlines()]
    assert [(level, text) for _, _, level, text in said] == [
        (level.upper(), level) for level in ("trace", "debug", "info", "warn", "error")
    ]
    assert {request_id for _, request_id, _, _ in said} == {result.request_id}


@pytest.mark.parametrize("name", RELEASED)
def test_the_client_is_the_released_one_unchanged(name: str) -> None:
    found = (NODE_FOLDER / "aws-lambda-ric" / name).read_bytes()
    assert hashlib.sha256(found).hexdigest() == RELEASED[name]


def test_what_a_layer_brings_is_found_after_the_functions_own(tmp_path: Path) -> None:
    one = function(tmp_path, {}, runtime="nodejs20.x", handler="index.handler")
    (one.folder / "index.js").write_text("exports.handler = async () => ['a', 'b', 'c'].map((name) => require(name))")
    for place, names in {
        one.folder / "node_modules": "a",
        one.layers[0] / "nodejs/node20/node_modules": "ab",
        one.layers[0] / "nodejs/node_modules": "abc",
    }.items():
        for name in names:
            (place / name).mkdir(parents=True)
            (place / name / "index.js").write_text(f"module.exports = {json.dumps(place.parent.name)}")
    with environment(one) as env:
        assert env.invoke().json() == ["code", "node20", "nodejs"]
