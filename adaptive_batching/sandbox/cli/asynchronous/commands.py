"""`adaptive-batching async scenario`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

COMMANDS = {
    "scenario": (
        "adaptive_batching.sandbox.cli.asynchronous.scenario:scenario",
        "what Lambda does with events in the four scenarios of AWS's guide, and what its metrics show",
    ),
}
EXAMPLES = """examples:
  adaptive-batching async scenario all
      errors, concurrency limits, expiry and reserved concurrency 0, on a
      virtual clock

  adaptive-batching async scenario expiry --jitter --seed 7
      with waits that vary, as Lambda's do
"""


@click.group(cls=command_line.Group, lazy=COMMANDS, examples=EXAMPLES)
def asynchronous() -> None:
    """Asynchronous invocation: retries, throttles, expiry, and the metrics that show them."""
