"""`sandbox serve` as a process of its own, driven by the AWS CLI and boto3 as they are, for every kind of runtime."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.lifecycle.test_variants import BOOTSTRAP, NODE
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, environment, eventually, function, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWS = ROOT / "build/awscli/bin/aws"
STREAMING = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain");
  stream.write("first ");
  await new Promise((done) => setTimeout(done, 300));
  if (event.raise) throw new Error(event.raise);
  stream.write("last");
  stream.end();
});
"""


@dataclass(frozen=True)
class Served:
    """A `sandbox serve` of some function, with the tiny extension attached."""

    folder: Path
    endpoint: str

    def boto3(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        return boto3.client(
            "lambda", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="x",
            aws_secret_access_key="y", config=Config(retries={"max_attempts": 0}, proxies={}),
        )  # fmt: skip

    def aws(self, payload: object, *words: str) -> tuple[dict[str, Any], Any]:
        """Run `aws lambda invoke`; return what it prints and the function's answer."""
        (self.folder / "payload.json").write_text(json.dumps(payload))
        command = [str(AWS), "lambda", "invoke", "--endpoint-url", self.endpoint, "--region", "us-east-1"]
        command += ["--no-sign-request", "--function-name", "it", *words]
        command += ["--payload", f"fileb://{self.folder}/payload.json", str(self.folder / "answer")]
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=True)
        text = (self.folder / "answer").read_text()
        return json.loads(done.stdout), json.loads(text) if text else None


@contextlib.contextmanager
def serve(tmp_path: Path, kind: str, *words: str) -> Iterator[Served]:
    one = function(tmp_path)
    (one.folder / "index.js").write_text(NODE)
    (one.folder / "stream.js").write_text(STREAMING)
    (one.folder / "bootstrap").write_text(BOOTSTRAP)
    (one.folder / "bootstrap").chmod(0o755)
    runtimes = {
        "python": ["--runtime", "python3.13"],
        "node": ["--runtime", "nodejs22.x", "--handler", "index.handler"],
        "streaming node": ["--runtime", "nodejs22.x", "--handler", "stream.handler"],
        "bootstrap": ["--runtime", "provided.al2023"],
    }
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "serve", str(one.folder), "--name", "it"]
    command += ["--port", "0", "--layer", str(one.layers[0]), "--awslambdaric", str(AWSLAMBDARIC)]
    command += ["--log-folder", str(tmp_path / "streams"), *runtimes[kind], *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean_environment(os.environ)) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rpartition(":")[2])
        try:
            yield Served(tmp_path, f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


ANSWERS = {
    "python": ({"print": "hello"}, "hello\n", "id"),
    "node": ({}, "hello { from: 'node' }", "id"),
    "bootstrap": ({"n": 1}, 'handling {"n": 1}', "echo"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_aws_cli_invokes_every_kind_of_function(tmp_path: Path, kind: str) -> None:
    payload, logged, member = ANSWERS[kind]
    with serve(tmp_path, kind) as served:
        said, answer = served.aws(payload, "--log-type", "Tail")
    assert (said["StatusCode"], said["ExecutedVersion"]) == (200, "$LATEST")
    assert logged in base64.b64decode(said["LogResult"]).decode()
    assert member in answer


@pytest.mark.parametrize("kind", ANSWERS)
def test_boto3_invokes_every_kind_of_function(tmp_path: Path, kind: str) -> None:
    payload, logged, member = ANSWERS[kind]
    with serve(tmp_path, kind) as served:
        answer = served.boto3().invoke(FunctionName="it", Payload=json.dumps(payload), LogType="Tail")
        assert answer["StatusCode"] == 200
        assert member in json.loads(answer["Payload"].read())
        assert logged in base64.b64decode(answer["LogResult"]).decode()
        assert answer["ResponseMetadata"]["RequestId"] in base64.b64decode(answer["LogResult"]).decode()


def test_the_aws_cli_sees_function_errors_and_events(tmp_path: Path) -> None:
    with serve(tmp_path, "node") as served:
        said, answer = served.aws({"raise": "no"})
        assert (said["FunctionError"], answer["errorMessage"]) == ("Unhandled", "no")
        said, answer = served.aws({}, "--invocation-type", "Event")
        assert (said["StatusCode"], answer) == (202, None)


def streams(tmp_path: Path) -> str:
    return "".join(file.read_text() for file in (tmp_path / "streams").glob("*.log"))


def test_an_event_runs_under_the_request_id_of_its_202(tmp_path: Path) -> None:
    with serve(tmp_path, "python") as served:
        answers = [
            served.boto3().invoke(FunctionName="it", InvocationType="Event", Payload=b'{"print": "event"}')
            for _ in range(3)
        ]
        ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
        assert len(set(ids)) == 3
        eventually(lambda: all(f"REPORT RequestId: {one}\t" in streams(tmp_path) for one in ids))


def chunks(answer: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    events = list(answer["EventStream"])
    payload = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
    (complete,) = (event["InvokeComplete"] for event in events if "InvokeComplete" in event)
    return payload, complete


def test_a_streamed_response_has_a_latency_and_a_duration(tmp_path: Path) -> None:
    one = function(tmp_path, runtime="nodejs22.x", handler="stream.handler")
    (one.folder / "stream.js").write_text(STREAMING)
    with environment(one) as env:
        assert env.invoke({}).payload == b"first last"
    (done,) = (one["record"] for one in records(env, "platform.runtimeDone"))
    spans = {span["name"]: span["durationMs"] for span in done["spans"]}
    assert spans["responseDuration"] >= 290
    assert spans["responseLatency"] < done["metrics"]["durationMs"] - 290
    assert done["metrics"]["producedBytes"] == len("first last")


def test_boto3_reads_a_streamed_response(tmp_path: Path) -> None:
    with serve(tmp_path, "streaming node") as served:
        answer = served.boto3().invoke_with_response_stream(FunctionName="it", LogType="Tail", Payload=b"{}")
        payload, complete = chunks(answer)
        broken = served.boto3().invoke_with_response_stream(FunctionName="it", Payload=b'{"raise": "half"}')
        begun, error = chunks(broken)
    assert payload == b"first last"
    assert "REPORT RequestId:" in base64.b64decode(complete["LogResult"]).decode()
    assert (begun, error["ErrorCode"]) == (b"first ", "Unhandled")


def test_boto3_reads_a_plain_response_as_a_stream_of_several_chunks(tmp_path: Path) -> None:
    with serve(tmp_path, "bootstrap") as served:
        large = "x" * 100_000
        answer = served.boto3().invoke_with_response_stream(FunctionName="it", Payload=json.dumps(large))
        payload, complete = chunks(answer)
        assert json.loads(payload) == {"echo": large}
        assert "ErrorCode" not in complete
        with pytest.raises(ClientError, match="Function not found"):
            served.boto3().invoke_with_response_stream(FunctionName="absent")
