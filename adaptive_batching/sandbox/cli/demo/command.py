"""The command `adaptive-batching demo`. The module `scenario`, which takes longer to load, carries it out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from adaptive_batching import clone, settings
from adaptive_batching.cli import COMMANDS
from adaptive_batching.command_line import INTERRUPTED, Command, Option, refusing
from adaptive_batching.objects import FormatError
from adaptive_batching.option_types import File, Number, format_option
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from pathlib import Path

INVOCATIONS = 50


def _demo(
    *,
    invocations: int,
    store: str,
    api: str,
    compression: str,
    layer: Path | None,
    awslambdaric: Path | None,
    output: str,
) -> int:
    """Run the demonstration and print its outcome. Return 0 if it passed, 130 after Ctrl-C, else 1.

    Raises Mistake, which ends the command with exit code 2, if it could not run.
    """
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.cli.demo.report import as_json, show  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.demo.scenario import Demonstration, demonstrate  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.notices import unregistered  # noqa: PLC0415

    out, err = consoles()
    with refusing(SandboxError, FormatError, clone.LayerError):
        wanted = Demonstration(clone.layer(layer), invocations, store, api, compression, awslambdaric)
        outcome = demonstrate(wanted, err)
    if output == "json":
        out.say(json.dumps(as_json(outcome), indent=2))
    else:
        show(outcome, out)
    for act in outcome.acts:
        for line in [] if act.passed else [*act.extension_lines, *unregistered(act.unregistered)]:
            err.say(f"extension: {line.rstrip()}")
    if outcome.interrupted:
        return INTERRUPTED
    return 0 if outcome.passed else 1


demo = Command(
    "demo",
    callback=_demo,
    help=COMMANDS["demo"][1],
    params=[
        Option(
            ["-n", "--invocations"],
            type=Number(int, Bounds(1, 10_000)),
            default=INVOCATIONS,
            metavar="N",
            help=f"how many (default: {INVOCATIONS})",
        ),
        Option(
            ["--store"],
            type=click.Choice(settings.choices("S3_CLIENT")),
            default=settings.default("S3_CLIENT"),
            help=f"the extension's S3 client (default: {settings.default('S3_CLIENT')})",
        ),
        Option(
            ["--api"],
            type=click.Choice(["telemetry", "logs", "both"]),
            default="both",
            help="log APIs that deliver; any other answers 202 (default: both)",
        ),
        Option(
            ["--compression"],
            type=click.Choice(settings.choices("COMPRESSION")),
            default=settings.default("COMPRESSION"),
            help=f"compression of the objects (default: {settings.default('COMPRESSION')})",
        ),
        Option(["--layer"], type=File(), help=f"the built layer (default: {clone.LAYER})"),
        Option(
            ["--awslambdaric"],
            type=File(),
            help="folder containing awslambdaric (default: the one installed with this package)",
        ),
        format_option("text", "json"),
    ],
)
