"""`adaptive-batching sandbox …`: the group of commands, each of which is loaded when it runs."""

from __future__ import annotations

import click

from adaptive_batching import command_line

COMMANDS = {
    "landscape": (
        "adaptive_batching.sandbox.cli.landscape.command:landscape",
        "an application with three defects under load, and what its logs tell of them",
    ),
    "mock": (
        "adaptive_batching.sandbox.cli.mock.command:mock",
        "a web service that answers as WireMock's mappings say, until Ctrl-C",
    ),
    "run": (
        "adaptive_batching.sandbox.cli.run:run",
        "invoke a function one or more times, then shut its environments down",
    ),
    "serve": (
        "adaptive_batching.sandbox.cli.serve:serve",
        "Lambda's Invoke API for a function, until Ctrl-C",
    ),
    "up": (
        "adaptive_batching.sandbox.cli.up.command:up",
        "all functions of a template with their API, queues, streams and schedules, until Ctrl-C",
    ),
}
EXAMPLES = """examples:
  adaptive-batching sandbox run functions/demo -n 3 --logs
      three invocations, one after the other, and what CloudWatch would show

  adaptive-batching sandbox run functions/demo --layer build/layer \\
          --s3 logs -n 1000 -c 10
      with the extensions of a layer and an S3 of its own: a thousand
      invocations, ten at a time

  adaptive-batching sandbox serve functions/demo --layer my-layer --port 3001
      Lambda's Invoke API, for the AWS CLI and every SDK

  adaptive-batching sandbox up template.yaml
      every function of a template, an HTTP API, and the queues and tables
      that feed them

  adaptive-batching sandbox run . --layer my-layer --s3 logs \\
          --fault s3-503x2,kill-extension=0.1 --seed 7
      two refused PUTs, one invocation in ten with a killed extension;
      --fault list shows what there is
"""


@click.group(cls=command_line.Group, lazy=COMMANDS, examples=EXAMPLES)
def sandbox() -> None:
    """Run functions with their extensions in a local Lambda. Results go to stdout, all else to stderr."""
