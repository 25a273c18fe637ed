"""The command `sandbox up`: what it says, how it ends, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from adaptive_batching.cli import main
from adaptive_batching.option_types import without_secrets
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.s3.embedded import embedded_s3
from tests.edge.sandbox.landscape.test_landscape import APPLICATION
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, eventually, process_state
from tests.edge.tools.test_ctrl_c import listens, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.edge.tools.test_ctrl_c import Command

#: In the names of this run's functions, by which their processes are recognized.
PREFIX = f"up{os.getpid()}"
OPTIONS = ("--layer", str(ROOT / "build/layer"), "--awslambdaric", str(AWSLAMBDARIC), "--parameter", f"Prefix={PREFIX}")


#: What the end says, before each thing that takes time.
STAGES = ("no more requests and events are taken", "shutting down ", "comparing the records on S3 with ")


def started(command: Command) -> set[int]:
    """The processes below the command, however far, and those whose variables name a function of it."""
    found: set[int] = set()
    todo = [command.process.pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # ended meanwhile
                children = [int(pid) for pid in task.read_text().split()]
                todo += children
                found |= set(children)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"AWS_LAMBDA_FUNCTION_NAME={PREFIX}".encode() in variables:
            found.add(int(folder.name))
    return found


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_answers_what_is_in_flight_ships_the_last_logs_and_leaves_no_process(times: int) -> None:
    words = ("sandbox", "up", str(APPLICATION), "--port", "0", "--invoke-port", "0", *OPTIONS)
    answers: list[requests.Response] = []
    with running(*words) as command, requests.Session() as session:
        session.trust_env = False
        url = command.says("  http  ").split()[-1]
        services = command.says("  services  ").partition("=")[2]
        command.says("  end         Ctrl-C")
        seconds = 6 if times == 1 else 25
        client = threading.Thread(
            target=lambda: answers.append(session.get(f"{url}/shipped?sleep={seconds}", timeout=60))
        )
        client.start()
        session.get(f"{url}/answer/raises", timeout=60)
        assert "  ValueError: no  " in command.says(
            f"{PREFIX}-api  "
        )  # it ends after its answer: until then two are in flight
        sqs = Clients(services, "us-east-1")("sqs")
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-partial")["QueueUrl"], MessageBody="bad")
        assert command.says("  1 of 1 message failed  ").startswith(f"{PREFIX}-partial  ")
        eventually(lambda: any(is_runtime(pid, f"{PREFIX}-shipped") for pid in started(command)), 60)
        pids = started(command)
        for _ in range(times):
            command.interrupt()
            command.says("waiting for 1 invocation (Ctrl-C again to stop it)")
        client.join(60)
        code, out, lines = command.ended()
    assert out == ""
    assert answers[0].status_code == (200 if times == 1 else 502)
    assert [pid for pid in pids if process_state(pid) not in {"", "Z"}] == []
    assert not any(listens(int(one.rpartition(":")[2])) for one in (url, services))
    assert any(line.startswith(f"{PREFIX}-api") and "1 invocation, 1 failed" in line for line in lines)
    assert any(line.startswith(f"{PREFIX}-partial") and line.endswith(", 1 of 1 message failed") for line in lines)
    told = [stage for line in lines for stage in STAGES if line.startswith(stage)]
    assert told == list(STAGES)
    if times == 1:  # what is killed ships nothing
        assert code == 0
        assert any(line.startswith("s3 ") and line.endswith("lost 0, twice 0") for line in lines)


def is_runtime(pid: int, function: str) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        words, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
    except OSError:  # ended meanwhile
        return False
    return b"bootstrap.py" in words and f"AWS_LAMBDA_FUNCTION_NAME={function}\0".encode() in variables


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("own", [False, True])
def test_why_the_records_on_s3_are_not_compared_is_said(moto: str, *, own: bool) -> None:
    words = ("sandbox", "up", "plain.yaml", "--port", "0", "--invoke-port", "0", "--awslambdaric", str(AWSLAMBDARIC))
    with running(*words, *(("--endpoint-url", moto) if own else ()), cwd=Path.cwd()) as command:
        command.says("  end         Ctrl-C")
        command.interrupt()
        code, _, lines = command.ended()
    why = f"{moto} may have objects of others" if own else "nothing was delivered to the extension"
    assert (code, lines[-2:]) == (0, ["no more requests and events are taken", f"s3            not compared: {why}"])


REFUSED = {
    "no-template": (["absent.yaml"], "absent.yaml cannot be read: No such file or directory"),
    "a-folder": (["code"], "code cannot be read: Is a directory"),
    "a-text": (["text"], "text is not a template, which is a mapping with Resources"),
    "no-function": (["empty.yaml"], "empty.yaml has no function, or none whose condition holds"),
    "no-condition": (
        ["function.yaml", "--parameter", "Extra=no"],
        "function.yaml has no function, or none whose condition holds",
    ),
    "a-parameter": (
        ["function.yaml", "--parameter", "Nothing=1"],
        "function.yaml has no parameter Nothing; it has Extra",
    ),
    "a-value": (
        ["function.yaml"],
        "function.yaml: F.A uses ImportValue, which is not resolved here; write a plain value",
    ),
    "no-code": (["function.yaml", "--env", "A=b"], "function.yaml: F: absent is not a directory"),
    "a-code-that-is-a-file": (["file.yaml"], "file.yaml: F: text is not a directory"),
    "a-function-name": (
        ["name.yaml"],
        "name.yaml: F: the function's name 'a b/c' is not one that Lambda accepts (1 to 64 letters, digits, hyphens",
    ),
    "a-timeout": (
        ["timeout.yaml"],
        "timeout.yaml: F: the timeout 901 is out of bounds; it must be above 0 and at most",
    ),
    "a-handler": (["handler.yaml"], "handler.yaml: F: "),
    "a-runtime": (["runtime.yaml"], "runtime.yaml: F: runtime 'cobol' is not supported"),
    "a-variable-of-the-template": (["reserved.yaml"], "reserved.yaml: F: variable 'AWS_REGION' is reserved"),
    "a-key-twice": (["key.yaml"], "key.yaml, line 3: the key 'F' is there twice"),
    "a-name-twice": (["twice.yaml"], "twice.yaml gives the name same to more than one function"),
    "a-layer": ([str(APPLICATION)], "layer Layer is not built; run `sam build`, or name its folder with --layer"),
    "a-layer-that-no-function-has": (["function.yaml", "--layer", "nope"], "--layer nope is not a directory"),
    "a-variable": (["function.yaml", "--env", "AWS_REGION=x"], "--env 'AWS_REGION' is reserved: Lambda sets it"),
    "an-endpoint": (
        ["bucket.yaml", "--endpoint-url", "http://127.0.0.1:9"],
        'LogBucket cannot be made on this machine: Could not connect to the endpoint URL: "http://127.0.0.1:9/log-bucket"',
    ),
    **{
        f"an-endpoint-at-{host}": (
            ["bucket.yaml", "--endpoint-url", f"http://{host}"],
            f"--endpoint-url {without_secrets(f'http://{host}')} is not on this machine: write 127.0.0.1 or ::1",
        )
        for host in ("example.com", "127.0.0.1.example.com:80", "10.0.0.1", "127.0.0.1@example.com")
    },
    "a-bucket": (["bad-bucket.yaml"], "LogBucket.BucketName is 'ab', which AWS refuses; it takes 3 to 63 lower-case "),
    "a-queue": (["bad-queue.yaml"], "Work.DelaySeconds is 901, which AWS refuses; it takes 0 to 900"),
    "a-dead-letter-queue": (
        ["no-queue.yaml"],
        "Work cannot be made on this machine: Could not find DLQ for arn:aws:sqs:us-east-1:123456789012:nope",
    ),
    "a-visibility": (
        ["short.yaml"],
        "Work.VisibilityTimeout is 30, below the timeout of f, 31 seconds; AWS refuses such an event source",
    ),
}


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "text").write_text("not a mapping\n")
    (tmp_path / "empty.yaml").write_text("Resources: {B: {Type: 'AWS::S3::Bucket'}}\n")
    function = (
        "Parameters: {Extra: {Type: String, Default: yes}}\n"
        "Conditions: {IsExtra: !Equals [!Ref Extra, yes]}\n"
        "Resources:\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Condition: IsExtra\n"
        "    Properties: {CodeUri: absent, Handler: a.b, Runtime: python3.13,\n"
        "                 Environment: {Variables: {A: !ImportValue B}}}\n"
    )
    (tmp_path / "function.yaml").write_text(function)
    properties = "FunctionName: same, CodeUri: code, Runtime: python, Handler: a.b"
    same = f"{{Type: AWS::Serverless::Function, Properties: {{{properties}}}}}"
    (tmp_path / "twice.yaml").write_text(f"Resources:\n  A: {same}\n  B: {same}\n")
    changes = {
        "file": "CodeUri: text",
        "name": "FunctionName: a b/c",
        "timeout": "Timeout: 901",
        "handler": "Handler: nothing",
        "runtime": "Runtime: cobol",
        "reserved": "Environment: {Variables: {AWS_REGION: x}}",
    }
    for name, change in changes.items():
        own = dict(one.split(": ", 1) for one in ("CodeUri: code", "Runtime: python", "Handler: a.b", change))
        text = ", ".join(f"{key}: {value}" for key, value in own.items())
        (tmp_path / f"{name}.yaml").write_text(
            f"Resources:\n  F: {{Type: AWS::Serverless::Function, Properties: {{{text}}}}}\n"
        )
    (tmp_path / "key.yaml").write_text(f"Resources:\n  F: {same}\n  F: {same}\n")
    (tmp_path / "plain.yaml").write_text(f"Resources:\n  A: {same}\n")
    (tmp_path / "bucket.yaml").write_text(function + "  LogBucket: {Type: AWS::S3::Bucket}\n")
    queue = "  Work: {{Type: AWS::SQS::Queue, Properties: {{{}}}}}\n"
    nowhere = "{deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:nope', maxReceiveCount: 3}"
    (tmp_path / "bad-queue.yaml").write_text(function + queue.format("DelaySeconds: 901"))
    (tmp_path / "no-queue.yaml").write_text(function + queue.format(f"RedrivePolicy: {nowhere}"))
    events = "Timeout: 31, Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn}}}"
    short = f"  F: {{Type: AWS::Serverless::Function, Properties: {{{properties.partition(', ')[2]}, {events}}}}}\n"
    (tmp_path / "short.yaml").write_text("Resources:\n" + short + queue.format(""))
    (tmp_path / "bad-bucket.yaml").write_text(
        function + "  LogBucket: {Type: AWS::S3::Bucket, Properties: {BucketName: ab}}\n"
    )
    return tmp_path


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with embedded_s3() as endpoint:
        yield endpoint


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(("words", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_run_is_one_sentence(
    moto: str, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "up", "--port", "0", "--invoke-port", "0", "--endpoint-url", moto, *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"sandbox up: {why}")
    assert "--name" not in err  # which `up` does not have


@pytest.mark.parametrize("option", ["--port", "--invoke-port"])
def test_a_port_in_use_is_one_sentence(moto: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    ports = {"--port": "0", "--invoke-port": "0"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports[option] = str(taken.getsockname()[1])
        words = ["--endpoint-url", moto, *(word for pair in ports.items() for word in pair)]
        assert main(["sandbox", "up", str(APPLICATION), *words, *OPTIONS]) == 2
    assert capsys.readouterr().err == f"sandbox up: port {ports[option]} is in use; choose another with {option}\n"
