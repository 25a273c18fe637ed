"""`adaptive-batching logs …`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

#: Command -> ("module:name of the command in it", one line for --help).
COMMANDS: dict[str, tuple[str, str]] = {
    "report": (
        "adaptive_batching.logs.verbs.report:report",
        "figures by function and over time: errors, timeouts, durations, cost, traces; as text, JSON, CSV or a page",
    ),
}


@click.group(cls=command_line.Group, lazy=COMMANDS)
def logs() -> None:
    """Read the logs that the extension shipped, from S3 or from a folder."""
