"""The server below a landscape: it is of another kind, or it ends."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.landscape.events import QueueMapping, StreamMapping
from adaptive_batching.sandbox.landscape.making import make
from adaptive_batching.sandbox.landscape.outcomes import Outcomes
from adaptive_batching.sandbox.landscape.queues.poller import QueuePoller
from adaptive_batching.sandbox.landscape.streams.poller import StreamPoller
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import REGION, embedded_s3, embedded_server
from adaptive_batching.sandbox.template.template import Template
from tests.edge.sandbox.world import AWSLAMBDARIC
from tests.edge.tools.test_ctrl_c import running
from tests.fakes.aws.between import between

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCES = """
Resources:
  Store: {Type: AWS::S3::Bucket}
  Work:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}}
  Dead: {Type: AWS::SQS::Queue}
  Stream:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
#: Answers with status 200 of servers that are not AWS's.
FOREIGN = [b'{"traceId":"1"}', b"[]", b"", b"<html></html>"]
#: Fewer and more requests than a template with these resources needs.
LEAST, ENOUGH = 8, 20


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with embedded_s3() as endpoint:
        yield endpoint


@contextlib.contextmanager
def answering(moto: str, left: int, foreign: bytes) -> Iterator[str]:
    """A server that hands `left` requests on to moto's, and gives `foreign` for an answer after them."""
    with between(moto) as server:
        server.answer = lambda _asked: (
            None if len(server.asked) <= left else (200, foreign, {"Content-Type": "application/json"})
        )
        yield server.endpoint


def up(path: Path, clients: Clients) -> None:
    template = Template(path)
    urls = make(clients, describe(template), template)
    arn, url = next((arn, url) for arn, url in urls.items() if arn.endswith(":work"))
    stream = template.plain({"Fn::GetAtt": ["Stream", "StreamArn"]}, "stream")
    with Fleet(Function(path.parent, "a.b", "f"), Options(), 1, None) as fleet, contextlib.ExitStack() as stack:
        told = (lambda _text: None, Outcomes())
        first = QueuePoller(QueueMapping("f", arn), url, fleet, clients("sqs"), *told)
        stack.callback(first.close)
        stack.callback(StreamPoller(StreamMapping("f", stream), fleet, clients, "", *told).close)


def test_a_server_of_another_kind_is_one_sentence_from_whichever_answer_on(moto: str, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(RESOURCES)
    for left in range(ENOUGH):
        foreign = FOREIGN[left % len(FOREIGN)]
        with answering(moto, left, foreign) as endpoint:
            try:
                up(path, Clients(endpoint, REGION))
            except SandboxError as error:
                assert "\n" not in str(error), (left, foreign)  # noqa: PT017 - or none is raised
            else:
                assert left >= LEAST, foreign
                return
    pytest.fail("it is never up")


@pytest.mark.parametrize("fails", [False, True])
def test_a_server_that_ends_is_what_is_said_whatever_else_fails(*, fails: bool) -> None:
    said = "the embedded S3 was ended by SIGKILL; what it held is gone"
    with pytest.raises(SandboxError, match=said), embedded_server() as server:  # noqa: PT012 - the exit raises
        server.process.kill()
        server.process.wait()
        if fails:
            raise ConnectionError


def test_a_landscape_whose_server_ends_ends_with_that_sentence(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: code, Handler: a.b, Runtime: python}\n"
    )
    words = ("sandbox", "up", str(tmp_path / "template.yaml"), "--port", "0", "--invoke-port", "0")
    with running(*words, "--awslambdaric", str(AWSLAMBDARIC)) as command:
        command.says("  end         Ctrl-C")
        children = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children").read_text().split()
        (server,) = (pid for pid in children if b"moto_server" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(server), signal.SIGKILL)
        code, out, lines = command.ended()
    assert (code, out) == (2, "")
    assert lines[-1] == "sandbox up: the embedded S3 was ended by SIGKILL; what it held is gone"
