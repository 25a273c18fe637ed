"""The commands of README and docs for an AWS account, word by word, against moto."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adaptive_batching.cli import main
from tests.documents.pages import README
from tests.edge.operate.attaching import zipped
from tests.edge.operate.test_publish import archive
from tests.fakes.s3 import moto
from tools.blocks import blocks, steps
from tools.page import DOCS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NAMES = {"NAME": "orders", "BUCKET": "logs-of-a-test", "ROLE": "orders-role"}
OURS = re.compile(r"(publish|attach|detach|cloudwatch|policy) ")


def commands(page: Path) -> list[list[str]]:
    """The command lines of a page that are about an account, with names filled in."""
    found = [step.command for block in blocks(page.read_text(encoding="utf-8")) for step in shown(block.body)]
    own = [one.removeprefix("adaptive-batching ") for one in found if one.startswith("adaptive-batching ")]
    words = [shlex.split(one) for one in own if OURS.match(one)]
    return [[NAMES.get(word, word) for word in line] for line in words]


def shown(body: str) -> list:  # type: ignore[type-arg] # tools.blocks' own
    return list(steps(body)) if body.startswith("$ ") else []


def test_the_commands_do_what_the_pages_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of a user: published, attached, CloudWatch off once an object is there, and all of it back."""
    monkeypatch.chdir(tmp_path)
    archive(tmp_path / "dist/adaptive-batching-extension.zip", "x86_64")
    with moto() as server:
        for name, value in {
            **server.environ(),
            "AWS_DEFAULT_REGION": server.region,
            "AWS_ENDPOINT_URL": server.endpoint,
        }.items():
            monkeypatch.setenv(name, value)
        role = server.client("iam").create_role(RoleName="orders-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        server.client("lambda").create_function(
            FunctionName="orders", Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": zipped("app.py")}
        )
        at, unique = datetime.now(UTC), "01234567-89ab-4cde-8f01-23456789abcd"
        key = f"function=orders/date={at:%Y-%m-%d}/hour={at:%H}/orders-{int(at.timestamp() * 1000)}-{unique}.log"
        server.client().put_object(Bucket=server.bucket, Key=key, Body=b"{}\n")
        readme = commands(README)
        assert [line[0] for line in readme] == ["publish", "attach"]
        lines = [*readme, *commands(DOCS / "cost.md"), *commands(DOCS / "attach.md")]
        assert {line[0] for line in lines} == {"publish", "attach", "cloudwatch", "detach", "policy"}
        for line in lines:
            assert main(line) == 0, (line, capsys.readouterr())
        found = server.client("lambda").get_function_configuration(FunctionName="orders")
        assert (found["Layers"], found.get("Environment", {})) == ([], {})
