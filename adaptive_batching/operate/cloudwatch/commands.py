"""`adaptive-batching cloudwatch off|on`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching import command_line
from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.operate.options import where_options
from adaptive_batching.option_types import FUNCTION

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "off": (
        "adaptive_batching.operate.cloudwatch.commands:off",
        "deny a function's role its log group, once its logs arrive on S3",
    ),
    "on": (
        "adaptive_batching.operate.cloudwatch.commands:on",
        "remove that denial",
    ),
}


def _off(*, name: str, force: bool, dry_run: bool, **where: Any) -> None:  # noqa: ANN401 - of where_options
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415
    from adaptive_batching.operate.cloudwatch import run  # noqa: PLC0415
    from adaptive_batching.operate.function import FunctionError  # noqa: PLC0415

    with refusing(AwsError, FunctionError, run.NotFlowingError):
        run.off(Account(**where), name, time.time(), consoles(quoting=True), force=force, dry_run=dry_run)


def _on(*, name: str, dry_run: bool, **where: Any) -> None:  # noqa: ANN401 - as above
    from adaptive_batching.console import consoles  # noqa: PLC0415 - as above
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415
    from adaptive_batching.operate.cloudwatch import run  # noqa: PLC0415
    from adaptive_batching.operate.function import FunctionError  # noqa: PLC0415

    with refusing(AwsError, FunctionError):
        run.on(Account(**where), name, consoles(quoting=True), dry_run=dry_run)


def _parameters(*more: click.Parameter) -> Sequence[click.Parameter]:
    return [
        Option(
            ["--function", "name"], type=FUNCTION, required=True, metavar="NAME", help="name or ARN of the function"
        ),
        *more,
        Option(["--dry-run"], is_flag=True, help="print what would change, and change nothing"),
        *where_options(),
    ]


off = Command(
    "off",
    callback=_off,
    help=f"{COMMANDS['off'][1].capitalize()}. Says what sees nothing any more.",
    params=_parameters(
        Option(["--force"], is_flag=True, help="also where it is not certain that the logs arrive on S3")
    ),
)
on = Command("on", callback=_on, help=f"{COMMANDS['on'][1].capitalize()}.", params=_parameters())


@click.group(cls=command_line.Group, lazy=COMMANDS)
def cloudwatch() -> None:
    """Turn a function's logs in CloudWatch off, so that they are not paid twice, or on again."""
