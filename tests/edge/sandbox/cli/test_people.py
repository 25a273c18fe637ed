"""What people read: help, colours, clear errors, options that win over a template, an error of the sandbox itself."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from adaptive_batching.console import Console
from adaptive_batching.sandbox.cli.log_lines import log_line
from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.sandbox.function import Function


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", *words]
    clean = {**clean_environment(os.environ), "COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean, cwd=ROOT)


def test_help_has_examples_and_names_each_group() -> None:
    assert "sandbox serve functions/demo" in ran("--help").stdout
    said = ran("run", "--help").stdout
    for group in ("the function:", "the environment:", "what extensions see:", "faults:"):
        assert group in said
    assert "usage: adaptive-batching sandbox run [options] folder" in said


#: Commands that write results, each in a way of its own.
WRITERS = [
    ["--version"],
    ["--help"],
    ["sandbox", "run", "--fault", "list"],
    ["sandbox", "run", "functions/demo", "-n", "2", "--logs"],
    ["demo", "-n", "2"],
    ["demo", "-n", "2", "--format", "json"],
    ["experiment", "analyze", "--log-folder", "tests"],
    ["logs", "match", "a", "pyproject.toml"],
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_a_full_disk_is_one_sentence(words: list[str]) -> None:
    command = [sys.executable, "-m", "adaptive_batching", *words]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT
        )
    said = "adaptive-batching: the output could not be written: No space left on device\n"
    assert done.stderr.endswith(said)
    assert "Traceback" not in done.stderr
    assert done.returncode == 2  # 1 would say that something was found, or that nothing was


#: Both streams, or stdout alone; each form of the demonstration, which runs for seconds, in one of the ways.
LEAVING = [
    (words, both) for words, both in product(WRITERS, (False, True)) if words[0] != "demo" or both == ("json" in words)
]


@pytest.mark.parametrize(("words", "both"), LEAVING, ids=str)
def test_a_reader_that_leaves_ends_a_command_quietly(words: list[str], *, both: bool) -> None:
    command = [sys.executable, "-m", "adaptive_batching", *words]
    reader, writer = os.pipe()
    os.close(reader)
    errors = writer if both else subprocess.PIPE
    done = subprocess.run(command, stdout=writer, stderr=errors, text=True, timeout=60, check=False, cwd=ROOT)
    os.close(writer)
    assert done.returncode == 141
    assert "Traceback" not in (done.stderr or "")
    assert "BrokenPipe" not in (done.stderr or "")


def test_a_command_runs_without_a_stdout(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    words = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(one.folder)]
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert "invocations   1, 0 failed" in done.stderr


def test_a_character_that_the_terminal_lacks_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): print('日本'); return '日本'\n")
    words = ["sandbox", "run", str(tmp_path), "--name", "wide", "--logs"]
    environ = {**clean_environment(os.environ), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "adaptive_batching", *words],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\\u65e5\\u672c" in done.stderr


def test_the_log_goes_on_when_whoever_reads_along_is_gone() -> None:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", "functions/demo", "--logs", "-n", "2"]
    reader, writer = os.pipe()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=writer) as process:
        os.close(writer)
        assert os.read(reader, 1)
        os.close(reader)
        assert process.wait(60) == 0  # what is left to be said has no reader, and the results have one


def test_options_win_over_the_template(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "def handler(event, context): return None\n"
        "def other(event, context):\n"
        "    left = context.get_remaining_time_in_millis()\n"
        "    return [context.function_name, context.memory_limit_in_mb, left > 9000]\n"
    )
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  One:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n"
        "      Handler: app.handler\n      Runtime: python3.13\n      Timeout: 5\n      MemorySize: 512\n"
    )
    words = ["run", str(tmp_path / "template.yaml"), "--awslambdaric", str(AWSLAMBDARIC)]
    assert json.loads(ran(*words).stdout) is None
    more = ["--handler", "app.other", "--name", "mine", "--timeout", "20", "--memory", "1024", "--limits", "none"]
    assert json.loads(ran(*words, *more).stdout) == ["mine", "1024", True]


def test_a_wrong_handler_is_said_by_the_runtime_and_the_exit_code_tells(tmp_path: Path) -> None:
    one = function(tmp_path, {})
    done = ran("run", str(one.folder), "--handler", "app.absent", "--awslambdaric", str(AWSLAMBDARIC))
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "Runtime.HandlerNotFound"
    assert "'absent' missing on module 'app'" in json.loads(done.stdout)["errorMessage"]


MISTAKES = [
    (["run", "functions/demo", "--runtime", "provided.al2023"], "bootstrap is missing; a provided runtime starts it"),
    (["run", "functions/demo", "--runtime", "java21"], "runtime 'java21' is not supported"),
    (["run", "functions/demo", "--fault", "nothing"], "'nothing' is not a fault; `--fault list` shows all"),
    (["run", "functions/demo", "--fault", "s3-503=3"], "s3-503x3 means the first three times"),
    (["run", "functions/demo", "--schemas", "2020-01-01"], "--schemas 2020-01-01 does not exist"),
    (["run", "functions/demo", "--payload", "@absent.json"], "the payload absent.json cannot be read"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_is_one_clear_sentence(words: list[str], said: str) -> None:
    done = ran(*words, "--awslambdaric", str(AWSLAMBDARIC))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


COLOURS = [
    ("START RequestId: x Version: $LATEST", "\x1b[2m"),
    ("REPORT RequestId: x\tDuration: 1.00 ms", "\x1b[36m"),
    ("REPORT RequestId: x\tDuration: 1.00 ms\tStatus: timeout", "\x1b[31m"),
    ("[ERROR]\t2026-11-21T00:00:00.000Z\tx\tno", "\x1b[31m"),
    ("[WARNING]\t2026-11-21T00:00:00.000Z\tx\thm", "\x1b[33m"),
    ('{"time":"2026-11-21T00:00:00.000Z","type":"platform.start","record":{}}', "\x1b[2m"),
    ("plain", ""),
]


@pytest.mark.parametrize(("line", "colour"), COLOURS)
def test_the_log_is_coloured_by_kind(line: str, colour: str) -> None:
    assert log_line(line, Console(Terminal(), {"TERM": "xterm"})) == (f"{colour}{line}\x1b[0m" if colour else line)
    assert log_line(line, Console(Terminal(), {"TERM": "xterm", "NO_COLOR": "1"})) == line
    assert log_line(line, Console(io.StringIO(), {"TERM": "xterm"})) == line


class BrokenOnce(Faults):
    """Something inside the sandbox raises, the first time that it is asked in an invocation."""

    def strikes(self, name: str) -> bool:
        if name == "wipe-tmp" and not self.struck:
            self.struck["planted"] = 1
            raise RuntimeError("planted")
        return False


@contextlib.contextmanager
def served(one: Function, options: Options) -> Iterator[tuple[Server, Any]]:
    with Fleet(one, options, concurrency=1) as fleet:
        server = Server(invoke_api.serve({"function": fleet}))
        yield server, boto3.client(
            "lambda", endpoint_url=f"http://{server.address}", region_name="us-east-1", aws_access_key_id="x",
            aws_secret_access_key="y", config=Config(retries={"max_attempts": 0}, proxies={}),
        )  # fmt: skip
        server.stop()


def test_an_error_of_the_sandbox_itself_is_a_service_exception_and_the_next_request_works(tmp_path: Path) -> None:
    with served(function(tmp_path), Options(awslambdaric=AWSLAMBDARIC, faults=BrokenOnce())) as (_, client):
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName="function")
        assert client.invoke(FunctionName="function")["StatusCode"] == 200
    assert refused.value.response["Error"]["Code"] == "ServiceException"
    assert refused.value.response["Error"]["Message"] == "RuntimeError: planted"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_an_environment_that_cannot_be_made_is_a_service_exception_too(tmp_path: Path) -> None:
    one = function(tmp_path)
    with served(one, Options(awslambdaric=AWSLAMBDARIC)) as (_, client):
        one.folder.rename(tmp_path / "away")
        with pytest.raises(ClientError, match=r"ServiceException.*is not a directory"):
            client.invoke(FunctionName="function")
        (tmp_path / "away").rename(one.folder)
        assert client.invoke(FunctionName="function")["StatusCode"] == 200


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with (
        served(function(tmp_path), Options(awslambdaric=AWSLAMBDARIC)) as (server, _),
        requests.Session() as session,
    ):
        session.trust_env = False
        assert session.get(f"http://{server.address}/2015-03-31/functions/%FF", timeout=5).status_code == 400
