"""Names, values and sentences of others reach the terminal as text: none of them moves its cursor or sets its title."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from tests.edge.operate.attaching import OWN, SIMULATED, Ran, World, simulation, world
from tests.fakes.aws.between import Asked, denial, refusal
from tests.fakes.aws.functions import OneFunction

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["world"]

#: Clears the screen, sets the title, and writes from right to left; a line break begins a sentence of its own.
EVIL = "\x1b[2J\x1b]0;owned\x07\u202e\r\nattach: all is well \x9b31m"
#: The same in an ARN, as far as one can be read.
IN_ARN = EVIL.replace(":", "").replace("\n", "")
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
LINES = [
    ("attach", "--function", "orders", "--bucket", "my-logs"),
    ("attach", "--function", "orders", "--bucket", "my-logs", "--dry-run"),
    ("detach", "--function", "orders", "--dry-run"),
    ("detach", "--function", "orders", "--force"),
    ("cloudwatch", "off", "--function", "orders", "--force"),
    ("cloudwatch", "off", "--function", "orders", "--force", "--dry-run"),
    ("cloudwatch", "off", "--function", "orders"),
    ("cloudwatch", "on", "--function", "orders"),
]


def function(world: World) -> OneFunction:
    variables = {**OWN, f"{PREFIX}TAGS": EVIL, f"{PREFIX}EXCLUDE": EVIL, f"{PREFIX}NEW{EVIL}": EVIL}
    found = OneFunction(
        f"{world.role}{EVIL}",
        Layers=[{"Arn": f"arn:aws:lambda:eu-west-1:123456789012:layer:{IN_ARN}:1"}, {"Arn": world.ours}],
        Environment={"Variables": variables},
        FunctionName=f"orders{EVIL}",
        FunctionArn=f"arn:aws:lambda:eu-west-1:123456789012:function:orders{IN_ARN}",
        LoggingConfig={"LogGroup": f"/aws/lambda/orders{EVIL}"},
    )
    found.ends = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": EVIL}
    return found


@pytest.mark.parametrize("words", LINES)
def test_nothing_that_aws_says_of_a_function_reaches_the_terminal_as_it_is(
    world: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Each answer as AWS gives it, refused with such a sentence, or missing."""

    def of_iam(asked: Asked) -> Any:  # noqa: ANN401 - an Answer
        if asked.action == SIMULATED:
            return 200, simulation("s3:PutObject")
        if asked.action == "GetRolePolicy":
            return 404, denial("NoSuchEntity", "no")[1]
        return (200, f"<{asked.action}Response/>".encode()) if asked.service == "iam" else None

    seen: list[str] = []
    for other in (None, refusal(400, "BadException", EVIL)):
        one = function(world)
        world.front.answer = lambda asked, one=one, other=other: one(asked) or of_iam(asked) or other  # type: ignore[misc]
        ran = Ran(capsys, world, *words)
        seen += [*ran.out, *ran.err]
        wrong = [line for line in [*ran.out, *ran.err] if not line.isprintable() or line.startswith("attach: all")]
        assert not wrong
    assert any("\\x1b[2J" in line for line in seen), seen


def test_nothing_that_is_given_reaches_the_terminal_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "layers.json").write_text(json.dumps([{"region": EVIL, "architecture": EVIL, "arn": EVIL}, EVIL]))
    for words in (
        ["policy", "my-logs", "--set", f"EXCLUDE={EVIL}", "--format", "terraform"],
        ["policy", "my-logs", "--set", f"S3_PREFIX=\u202e{EVIL[-1]}/", "--format", "terraform"],
        ["policy", "my-logs", "--set", "S3_PREFIX=\u202ex/", "--format", "sam"],
        ["policy", "my-logs", "--set", f"{EVIL}=x"],
        ["policy", f"my-logs{EVIL}"],
        ["attach", "--function", EVIL, "--bucket", "my-logs"],
        ["publish", "--regions", f"eu-west-1,{EVIL}"],
        ["publish", "--folder", str(tmp_path / EVIL.replace("/", ""))],
    ):
        main(words)
        read = capsys.readouterr()
        assert read.out or read.err, words
        assert all(line.isprintable() for line in (read.out + read.err).split("\n")), words
