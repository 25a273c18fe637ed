"""`adaptive-batching async diagnose|scenario`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

COMMANDS = {
    "diagnose": (
        "adaptive_batching.sandbox.cli.asynchronous.diagnose:diagnose",
        "why events are late or missing; exit code 0 nothing found, 1 found, 2 cannot say",
    ),
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

  adaptive-batching async diagnose --function myfunction --expect 100
      from the function's metrics and settings on AWS
"""


@click.group(cls=command_line.Group, lazy=COMMANDS, examples=EXAMPLES)
def asynchronous() -> None:
    """Asynchronous invocation: retries, throttles, expiry, and the metrics that show them."""
