"""What `make run`, `analyze` and `uninstall` ask of the deployed stack, on moto; and a log group that is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.cli import main as command
from adaptive_batching.experiment.core.ledger import Entry, entry_line
from tests.fakes.s3 import Moto, clean_environ, moto
from tools.operate.deployed import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STACK = {
    "Resources": {
        "LogBucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
        "DemoFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "demo",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context): pass"},
            },
        },
    },
    "Outputs": {"Bucket": {"Value": {"Ref": "LogBucket"}}, "Experiment": {"Value": {"Ref": "DemoFunction"}}},
}
GROUP = "/aws/lambda/demo"


@pytest.fixture(scope="module")
def server() -> Iterator[Moto]:
    with pytest.MonkeyPatch.context() as patch, moto() as running:
        for name, value in clean_environ().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def where(server: Moto) -> list[str]:
    server.reset()
    return ["--endpoint-url", server.endpoint, "--region", server.region]


def test_the_stack_is_asked_for_its_outputs_and_deleted_and_the_bucket_is_named(
    server: Moto, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    server.client("cloudformation").create_stack(StackName="mine", TemplateBody=json.dumps(STACK))
    logs = server.client("logs")
    for name in (GROUP, "/aws/lambda/another"):
        logs.create_log_group(logGroupName=name)
    assert main([*where, "output", "mine", "Experiment"]) == 0
    assert main([*where, "output", "mine", "Bucket"]) == 0
    assert main([*where, "log-group", "mine"]) == 0
    function, bucket, group = capsys.readouterr().out.split()
    assert (function, group) == ("demo", GROUP)
    assert main([*where, "output", "mine", "Absent"]) == 2
    assert "the stack mine has no output Absent" in capsys.readouterr().err

    assert main([*where, "uninstall", "mine"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the stack mine and the log groups of its functions are deleted"
    assert said[1].startswith(f"the bucket {bucket} stays, with the logs in it and its policy")
    assert [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]] == ["/aws/lambda/another"]
    assert server.client("lambda").list_functions()["Functions"] == []


@pytest.mark.parametrize("words", [["output", "absent", "Bucket"], ["log-group", "absent"], ["uninstall", "absent"]])
def test_a_stack_that_is_not_there_is_one_sentence(
    where: list[str], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main([*where, *words]) == 2
    assert capsys.readouterr().err == "there is no stack absent in this region; `make install` deploys it\n"


def test_a_log_group_is_judged_from_the_first_invocation_on(
    server: Moto, where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs, now = server.client("logs"), datetime.now(UTC)
    logs.create_log_group(logGroupName=GROUP)
    entries = []
    for number in range(120):  # of two pages or more
        at = now - timedelta(days=1 if number == 0 else 0)  # the first is of another run
        stream = f"2026/11/26/[$LATEST]{number:032x}"
        request = f"8b133862-5331-4ded-ac5d-{number:012d}"
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        words = ("begin",) if number in (0, 7) else ("begin", "end")
        events = [json.dumps({"requestId": request, "message": word}) for word in words]
        stamp = int(at.timestamp() * 1000)
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": stamp, "message": f"{one}\n"} for one in events],
        )
        if number:
            entries.append(Entry(at.isoformat(timespec="milliseconds"), number, request, 202))
    (tmp_path / "ledger.jsonl").write_text("".join(map(entry_line, entries)))
    lines = ["experiment", "analyze", str(tmp_path), "--log-group", GROUP, *where, "--format", "json"]
    assert command(lines) == 1
    read = capsys.readouterr()
    (found,) = json.loads(read.out)
    assert found["source"] == f"log group {GROUP}"
    assert "CloudWatch may be an hour late" in read.err
    assert (found["requests"], found["lost"], found["not_in_ledger"]) == (119, 1, 0)


@pytest.mark.parametrize(
    ("group", "said"),
    [("/aws/lambda/absent", "ResourceNotFoundException"), ("a group", "is not the name of a log group")],
)
def test_a_log_group_that_is_not_there_is_one_sentence(
    where: list[str], capsys: pytest.CaptureFixture[str], group: str, said: str
) -> None:
    assert command(["experiment", "analyze", "--log-group", group, *where]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
