"""The console script: `adaptive-batching <command>`. The module of a command is loaded only when the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adaptive_batching import command_line

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Command -> ("module:name of the command in it", one line for --help).
COMMANDS = {
    "attach": (
        "adaptive_batching.operate.attaching.commands:attach",
        "add the layer and its variables to functions on AWS, beside what they have",
    ),
    "async": (
        "adaptive_batching.sandbox.cli.asynchronous.commands:asynchronous",
        "asynchronous invocation: its retries, throttles, drops, and the metrics that show them",
    ),
    "cloudwatch": (
        "adaptive_batching.operate.cloudwatch.commands:cloudwatch",
        "stop a function's logs in CloudWatch, which are paid for too, or let them come again",
    ),
    "demo": (
        "adaptive_batching.sandbox.cli.demo.command:demo",
        "50 invocations in the sandbox with an embedded S3; what arrived, what was lost",
    ),
    "detach": (
        "adaptive_batching.operate.attaching.commands:detach",
        "take the layer and its variables off functions again",
    ),
    "doctor": (
        "adaptive_batching.operate.doctor.command:doctor",
        "does a function ship its logs, and if not, why: a template, or a function on AWS",
    ),
    "experiment": (
        "adaptive_batching.experiment.cli:experiment",
        "the lost-last-line experiment: invoke, and find which lines never arrived",
    ),
    "load": (
        "adaptive_batching.load.command:load",
        "send an artillery script's requests when they are due; latencies, and lead times from the logs",
    ),
    "logs": (
        "adaptive_batching.logs.cli:logs",
        "read what the extension shipped: from S3, or from a folder",
    ),
    "policy": (
        "adaptive_batching.operate.policies.command:policy",
        "print what the function's role, the bucket and a KMS key have to allow",
    ),
    "publish": (
        "adaptive_batching.operate.layers.command:publish",
        "publish the built layer in regions, for yourself, an organization or everybody",
    ),
    "sandbox": (
        "adaptive_batching.sandbox.cli.commands:sandbox",
        "a local Lambda: run a function with its extensions",
    ),
    "smoke": (
        "adaptive_batching.load.smoke_command:smoke",
        "send one request, and wait until its trace's milestone is in the logs",
    ),
}


EXAMPLES = """examples:
  adaptive-batching demo
      the built layer ships 50 invocations' logs to an S3 on this machine

  adaptive-batching sandbox run myfunction --layer mylayer --logs
      run a function with an extension, as Lambda would

  adaptive-batching sandbox serve myfunction
      Lambda's Invoke API, for the AWS CLI and every SDK
"""


@click.group(cls=command_line.Group, lazy=COMMANDS, examples=EXAMPLES)
@click.version_option(package_name="adaptive-batching-extension", message="%(prog)s %(version)s")
def adaptive_batching() -> None:
    """Run AWS Lambda functions and extensions locally, and ship a function's logs to S3 in batches."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    return command_line.run(adaptive_batching, words)
