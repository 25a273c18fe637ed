"""The command line and the Invoke API, driven by boto3 and the AWS CLI as they are."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, eventually, function, process_state
from tests.edge.tools.test_ctrl_c import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adaptive_batching.sandbox.function import Function

AWS = ROOT / "build/awscli/bin/aws"


@contextmanager
def served(one: Function, **limits: float) -> Iterator[tuple[Fleet, Server]]:
    with Fleet(one, Options(awslambdaric=AWSLAMBDARIC), **limits) as fleet:  # type: ignore[arg-type]
        server = Server(invoke_api.serve({one.name: fleet}), names=())
        try:
            yield fleet, server
        finally:
            server.stop()


def client(server: Server) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    return boto3.client(
        "lambda",
        endpoint_url=f"http://{server.address}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(retries={"max_attempts": 0}, proxies={}),
    )


def test_boto3_invokes_and_the_environment_is_frozen_afterwards(tmp_path: Path) -> None:
    with served(function(tmp_path)) as (fleet, server):
        answer = client(server).invoke(FunctionName="function", Payload=b'{"print": "hello"}', LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        (environment,) = fleet.all
        states = {process_state(process.pid) for process in environment.processes}
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read())["id"] in log
    assert "hello\n" in log
    assert "REPORT RequestId:" in log
    assert "FunctionError" not in answer
    assert states == {"T"}


def test_a_function_error_is_a_header_and_a_body(tmp_path: Path) -> None:
    with served(function(tmp_path)) as (_, server):
        answer = client(server).invoke(FunctionName="function", Payload=b'{"raise": "no"}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"


def test_an_event_is_202_and_runs_and_a_dry_run_is_204_and_does_not(tmp_path: Path) -> None:
    with served(function(tmp_path)) as (fleet, server):
        lambdas = client(server)
        dry = lambdas.invoke(FunctionName="function", InvocationType="DryRun", Payload=b'{"print": "dry"}')
        event = lambdas.invoke(FunctionName="function", InvocationType="Event", Payload=b'{"print": "event"}')
        assert (dry["StatusCode"], event["StatusCode"]) == (204, 202)
        eventually(lambda: fleet.all and "event\n" in fleet.all[0].function_lines)
    assert [line for one in fleet.all for line in one.function_lines] == ["event\n"]


def test_requests_at_the_same_time_run_in_environments_of_their_own_up_to_the_limit(tmp_path: Path) -> None:
    with served(function(tmp_path), concurrency=2) as (fleet, server):
        threads = [
            threading.Thread(target=lambda: client(server).invoke(FunctionName="function", Payload=b'{"sleep": 1}'))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        eventually(lambda: len(fleet.all) == 2)
        with pytest.raises(ClientError) as refused:
            client(server).invoke(FunctionName="function")
        for thread in threads:
            thread.join()
        client(server).invoke(FunctionName="function")
        assert len(fleet.all) == 2  # an idle one is taken again
    error = refused.value.response
    assert error["Error"]["Code"] == "TooManyRequestsException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_environment_that_is_idle_long_enough_is_shut_down(tmp_path: Path) -> None:
    with served(function(tmp_path), idle=0.1) as (fleet, server):
        client(server).invoke(FunctionName="function")
        pids = [process.pid for process in fleet.all[0].processes]
        eventually(lambda: not any(map(process_state, pids)))
        assert '"shutdownReason": "spindown"' in "".join(fleet.all[0].extension_lines)
        client(server).invoke(FunctionName="function")
        assert len(fleet.all) == 2


def test_get_function_describes_it(tmp_path: Path) -> None:
    with served(function(tmp_path)) as (_, server):
        found = client(server).get_function(FunctionName="function")["Configuration"]
    assert (found["FunctionName"], found["Handler"], found["MemorySize"]) == ("function", "app.handler", 256)


ERRORS = [
    ({"FunctionName": "absent"}, 404, "ResourceNotFoundException"),
    ({"FunctionName": "function", "Payload": b"no json"}, 400, "InvalidRequestContentException"),
    ({"FunctionName": "function", "Payload": b"NaN"}, 400, "InvalidRequestContentException"),
    ({"FunctionName": "function", "Payload": b"[-Infinity]", "InvocationType": "Event"}, 400,
     "InvalidRequestContentException"),
    ({"FunctionName": "function", "Payload": b'"' + b"x" * 6_291_456 + b'"'}, 413, "RequestTooLargeException"),
    ({"FunctionName": "function", "Payload": b'"' + b"x" * 1_048_576 + b'"', "InvocationType": "Event"}, 413,
     "RequestEntityTooLargeException"),
]  # fmt: skip


IDS = ["absent", "no-json", "not-a-number", "infinity", "too-large", "large-event"]


@pytest.mark.parametrize(("wanted", "status", "code"), ERRORS, ids=IDS)
def test_what_is_refused(tmp_path: Path, wanted: dict[str, object], status: int, code: str) -> None:
    with served(function(tmp_path)) as (fleet, server):
        with pytest.raises(ClientError) as refused:
            client(server).invoke(**wanted)
        assert fleet.all == []
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert refused.value.response["Error"]["Code"] == code


def test_the_aws_cli_invokes_as_it_is(tmp_path: Path) -> None:
    with served(function(tmp_path)) as (_, server):
        (tmp_path / "payload.json").write_text('{"print": "from the CLI"}')
        words = [str(AWS), "lambda", "invoke", "--endpoint-url", f"http://{server.address}", "--region", "us-east-1",
                 "--no-sign-request", "--function-name", "function", "--log-type", "Tail",
                 "--payload", f"fileb://{tmp_path}/payload.json", str(tmp_path / "result")]  # fmt: skip
        clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        said = subprocess.run(words, env=clean, capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(said)["StatusCode"] == 200
    assert "from the CLI\n" in base64.b64decode(json.loads(said)["LogResult"]).decode()
    assert "id" in json.loads((tmp_path / "result").read_text())


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "adaptive_batching", *words]


def test_serve_says_where_things_are_and_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    one = function(tmp_path)
    words = command(
        "sandbox", "serve", str(one.folder), "--layer", str(one.layers[0]), "--port", "0",
        "--awslambdaric", str(AWSLAMBDARIC), "--logs",
    )  # fmt: skip
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as served_by:
        assert served_by.stderr is not None
        first = served_by.stderr.readline()
        port = int(first.rpartition(":")[2])
        made = boto3.client(
            "lambda", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="y", config=Config(proxies={}),
        )  # fmt: skip
        made.invoke(FunctionName="code", Payload=b'{"print": "seen"}')
        served_by.send_signal(signal.SIGINT)
        rest = served_by.stderr.read()
    assert served_by.returncode == 0
    assert "seen\n" in rest
    assert "tiny" in rest
    assert "invocations   1, 0 failed, 1 environment" in rest
    assert "  of which extension overhead  " in rest
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1.0)


def test_serve_says_a_line_for_each_invocation_and_loads_changed_code(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("def handler(event, context): return 1 / event\n")
    changed = "the code of code has changed; the next invocation runs in a new environment"
    with running("sandbox", "serve", str(code), "--port", "0") as serving:
        port = int(serving.says("http://127.0.0.1:").rpartition(":")[2])
        made = boto3.client(
            "lambda", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="y", config=Config(proxies={}),
        )  # fmt: skip
        answers = [made.invoke(FunctionName="code", Payload=payload) for payload in (b"1", b"0")]
        (code / "more.py").write_text("ANSWER = 2\n")
        (code / "app.py").write_text("import more\ndef handler(event, context): return more.ANSWER\n")

        def loaded() -> bool:
            answer: bytes = made.invoke(FunctionName="code", Payload=b"1")["Payload"].read()
            return answer == b"2" and changed in serving.lines  # an environment is retired once it is idle

        eventually(loaded)
        serving.interrupt()
        _, _, lines = serving.ended()
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    said = "\n".join(lines)
    assert re.search(rf"^{ids[0]}  ok  [\d.]+ ms after \d+ ms of Init$", said, re.MULTILINE), said
    assert re.search(rf"^{ids[1]}  ZeroDivisionError: division by zero  [\d.]+ ms", said, re.MULTILINE), said
    assert re.search(r"^invocations   \d+, 1 failed, \d environments$", said, re.MULTILINE), said


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    clean = clean_environment(os.environ)
    return subprocess.run(
        command(*words), capture_output=True, text=True, timeout=120, check=False, env=clean, cwd=ROOT
    )


def test_run_prints_results_on_stdout_and_the_log_on_stderr(tmp_path: Path) -> None:
    one = function(tmp_path, extensions={})
    done = ran("sandbox", "run", str(one.folder), "-n", "2", "--logs", "--payload", '{"print": "x"}',
               "--awslambdaric", str(AWSLAMBDARIC), "--env", "A=b=c")  # fmt: skip
    assert done.returncode == 0
    assert [json.loads(line)["environ"]["A"] for line in done.stdout.splitlines()] == ["b=c", "b=c"]
    assert done.stderr.count("REPORT RequestId:") == 2


MISTAKES = [
    (["sandbox", "run", "no-such-folder"], "no-such-folder is not a directory"),
    (["sandbox", "run", "functions/demo", "--handler", "nodot"], "module.function"),
    (["sandbox", "run", "functions/demo", "--payload", "{"], "the payload '{' is not JSON"),
    (["sandbox", "run", "functions/demo", "--env", "A"], "'A' is not NAME=VALUE"),
    (["sandbox", "run", "functions/demo", "--awslambdaric", "tests"], "does not contain awslambdaric"),
    (["sandbox", "run", "functions/demo", "--s3", "x"], "--s3 'x' is not a bucket name"),
    (["demo", "--layer", "tests"], "make layer"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_is_one_clear_sentence(words: list[str], said: str) -> None:
    done = ran(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert done.stdout == ""


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ran("sandbox", "serve", "functions/demo", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "choose another with --port" in done.stderr


@pytest.mark.parametrize("api", ["telemetry", "logs"])
@pytest.mark.parametrize("store", ["light", "boto3"])
def test_the_demonstration_loses_nothing(api: str, store: str) -> None:
    done = ran("demo", "-n", "12", "--format", "json", "--api", api, "--store", store)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["ledger"]["lost"], found["ledger"]["twice"], found["ledger"]["unknown"]) == (0, 0, 0)
    assert found["ledger"]["delivered"] == found["ledger"]["shipped"]
    assert found["ledger"]["delivered"] >= 12 * 7  # five lines, start, report
    reports = sum(one["records"] for one in found["objects"]) - found["ledger"]["shipped"]
    assert 0 <= reports <= len(found["objects"])  # what the extension says of itself
    assert all(one["reason"] for one in found["objects"])
