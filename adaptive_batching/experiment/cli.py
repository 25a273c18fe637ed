"""`adaptive-batching experiment run|analyze`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

COMMANDS = {
    "run": (
        "adaptive_batching.experiment.commands:run",
        "invoke the experiment's function many times, in the sandbox or on AWS, and keep a ledger",
    ),
    "analyze": (
        "adaptive_batching.experiment.commands:analyze",
        "find which begin and end lines never arrived; exit code 0 no loss, 1 losses, 2 inconclusive",
    ),
}


@click.group(cls=command_line.Group, lazy=COMMANDS)
def experiment() -> None:
    """Run the lost-last-line experiment: invoke, and find which lines never arrived."""
