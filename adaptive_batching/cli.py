"""The console script: `adaptive-batching <command>`. The module of a command is loaded only when the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adaptive_batching import command_line

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Command -> ("module:name of the command in it", one line for --help).
COMMANDS = {
    "demo": (
        "adaptive_batching.sandbox.cli.demo.command:demo",
        "50 invocations in the sandbox with an embedded S3; what arrived, what was lost",
    ),
    "experiment": (
        "adaptive_batching.experiment.cli:experiment",
        "the lost-last-line experiment: invoke, and find which lines never arrived",
    ),
    "sandbox": (
        "adaptive_batching.sandbox.cli.commands:sandbox",
        "a Lambda on this machine: run a function with its extensions",
    ),
}


@click.group(cls=command_line.Group, lazy=COMMANDS)
@click.version_option(package_name="adaptive-batching-extension", message="%(prog)s %(version)s")
def adaptive_batching() -> None:
    """Tools around a Lambda extension that ships a function's logs to S3."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    return command_line.run(adaptive_batching, words)
