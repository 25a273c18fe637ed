"""`doctor --invoke` where Lambda is a real `sandbox serve` with the built layer, which ships to moto's bucket."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching.cli import main
from tests.edge.operate.doctor.account import BUCKET, PREFIX, World
from tests.fakes.aws.between import Asked, between
from tests.fakes.network.ports import free_port
from tests.fakes.s3 import Moto, clean_environ, moto

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[4]
NAME = "orders"


@contextmanager
def served(server: Moto) -> Iterator[int]:
    """The demonstration function as Lambda would run it with the layer; the port of its Invoke API."""
    variables = {
        "AWS_ENDPOINT_URL_S3": server.endpoint,
        f"{PREFIX}S3_BUCKET": BUCKET,
        f"{PREFIX}PORT": str(free_port()),
    }
    words = [sys.executable, "-m", "adaptive_batching", "sandbox", "serve", str(ROOT / "functions/demo")]
    words += ["--name", NAME, "--port", "0", "--timeout", "30", "--layer", str(ROOT / "build/layer")]
    words += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=clean_environ(**server.environ())) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        try:
            yield int(first.rpartition(":")[2])
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert process.returncode == 0, first + rest


def test_one_invocation_of_a_function_in_the_sandbox_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    with moto() as server, between(server.endpoint) as front, served(server) as port:
        world = World(server, front)
        world.make(NAME)

        def answer(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
            return invoked(port, asked) if asked.path.endswith("/invocations") else world.answer(asked)

        front.answer = answer
        where = ["--endpoint-url", front.endpoint, "--region", server.region]
        code = main(["doctor", "--function", NAME, "--invoke", '{"lines": 3}', *where, "--format", "json"])
        (one,) = json.loads(capsys.readouterr().out)["functions"]
        (found,) = (check for check in one["checks"] if check["check"] == "invoked")
        assert (code, found["status"]) == (0, "ok"), one
        identity, key = found["read"].split()[1], found["read"].partition(f"s3://{BUCKET}/")[2].split()[0].rstrip(",;")
        body, _ = server.get(key)
    lines = [json.loads(line) for line in body.splitlines()]
    assert f"line 3 of 3 of request {identity}" in " ".join(str(line.get("record")) for line in lines)


def test_what_the_sandbox_itself_does_not_tell_cannot_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with moto() as server, served(server) as port:
        where = ["--endpoint-url", f"http://127.0.0.1:{port}", "--region", server.region]
        code = main(["doctor", "--function", NAME, "--invoke", '{"lines": 3}', *where, "--format", "json"])
    (one,) = json.loads(capsys.readouterr().out)["functions"]
    found = {check["check"]: check for check in one["checks"]}
    assert (code, len(found)) == (0, len(one["checks"])), one
    hidden = {check for check, finding in found.items() if "hides the values of variables" in finding["read"]}
    assert hidden == {"settings", "bucket", "put", "kms", "write once", "flowing", "invoked"}
    assert {check for check, finding in found.items() if finding["status"] == "cannot say"} == {
        *hidden,
        *("layer", "CloudWatch"),
    }


def invoked(port: int, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
    """Return what the sandbox answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(asked.method, asked.path, asked.body, {"X-Amz-Log-Type": "Tail"})
    answer = connection.getresponse()
    body = answer.read()
    headers = {name: text for name, text in answer.getheaders() if name.lower().startswith("x-amz")}
    connection.close()
    return answer.status, body, headers
