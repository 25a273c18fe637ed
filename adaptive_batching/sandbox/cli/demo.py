"""`adaptive-batching demo`: the built layer in the sandbox, an embedded S3, and a ledger of every record."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive_batching import clone, settings
from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.console import consoles
from adaptive_batching.objects import FormatError
from adaptive_batching.sandbox.cli.bounds import Bounds, Number
from adaptive_batching.sandbox.cli.demo_report import Outcome, as_json, show
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import embedded, shipped
from adaptive_batching.sandbox.s3.ledger import balance

if TYPE_CHECKING:
    from adaptive_batching.console import Console

BUCKET = "demo-logs"
NAME = "demo"
#: Between invocations the environment is frozen for so many seconds, as it is on AWS when nothing happens.
FROZEN = 0.02
#: Larger than the default of 4096, so that the table fits a screen.
SHIP_RATE_BYTES = 32_768
INVOCATIONS = 50


@dataclass(frozen=True)
class Demonstration:
    """What is demonstrated: how often, with which S3 client, log APIs and compression of the extension in `layer`."""

    layer: Path
    invocations: int = INVOCATIONS
    store: str = "auto"
    api: str = "both"
    compression: str = "none"
    awslambdaric: Path | None = None


def demonstrate(wanted: Demonstration, console: Console) -> Outcome:
    """Invoke the demonstration function and read back what arrived. Raises SandboxError or FormatError."""
    console.say("starting an embedded S3 (moto's server, dummy credentials)")
    with embedded.embedded_s3() as endpoint:
        client = embedded.client(endpoint)
        client.create_bucket(Bucket=BUCKET)
        options = Options(apis=wanted.api, awslambdaric=wanted.awslambdaric)
        environment = Environment(_function(wanted, endpoint), options)
        console.say(f"invoking {NAME} {wanted.invocations} times, frozen between invocations")
        began = time.monotonic()
        failed = 0
        with environment:
            for number in range(wanted.invocations):
                time.sleep(FROZEN if number else 0.0)
                failed += environment.invoke({}).function_error is not None
                console.progress("invoked", number + 1, wanted.invocations)
            console.say("SHUTDOWN")
        seconds = time.monotonic() - began
        objects = shipped.read(client, BUCKET)
    delivered = [record for delivery in environment.deliveries for record in delivery.records]
    arrived = [record for one in objects for record in one.records]
    types = settings.default_log_types()
    ledger = balance(delivered, arrived, types)
    return Outcome(BUCKET, types, objects, ledger, wanted.invocations, failed, seconds, environment.extension_lines)


def _function(wanted: Demonstration, endpoint: str) -> Function:
    keys = embedded.KEYS
    variables = {
        settings.bucket_variable(): BUCKET,
        settings.variable("SHIP_RATE_BYTES"): str(SHIP_RATE_BYTES),
        settings.variable("COMPRESSION"): wanted.compression,
        settings.variable("S3_CLIENT"): wanted.store,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": embedded.NOWHERE,
    }
    return Function(
        clone.function("demo"),
        name=NAME,
        variables=variables,
        layers=(wanted.layer,),
        region=embedded.REGION,
        credentials=Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"]),
    )


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
    """Run the demonstration; 0 when nothing was lost and nothing shipped twice, 1 otherwise, 2 if it could not run."""
    out, err = consoles()
    with refusing(SandboxError, FormatError, clone.LayerError):
        wanted = Demonstration(clone.layer(layer), invocations, store, api, compression, awslambdaric)
        outcome = demonstrate(wanted, err)
    if output == "json":
        out.say(json.dumps(as_json(outcome), indent=2))
    else:
        show(outcome, out)
    if not outcome.passed:
        for line in outcome.said:
            err.say(f"extension said: {line.rstrip()}")
    return 0 if outcome.passed else 1


demo = Command(
    "demo",
    callback=_demo,
    help="50 invocations in the sandbox with an embedded S3; what arrived, what was lost",
    params=[
        Option(
            ["-n", "--invocations"],
            type=Number(int, Bounds(1)),
            default=INVOCATIONS,
            metavar="N",
            help=f"how many (default: {INVOCATIONS})",
        ),
        Option(
            ["--store"],
            type=click.Choice(settings.choices("S3_CLIENT")),
            default=settings.default("S3_CLIENT"),
            help="the extension's S3 client",
        ),
        Option(
            ["--api"],
            type=click.Choice(["telemetry", "logs", "both"]),
            default="both",
            help="log APIs that exist (default: both)",
        ),
        Option(
            ["--compression"],
            type=click.Choice(settings.choices("COMPRESSION")),
            default=settings.default("COMPRESSION"),
            help="of the objects (default: none)",
        ),
        Option(["--layer"], type=click.Path(path_type=Path), help=f"the built layer (default: {clone.LAYER})"),
        Option(
            ["--awslambdaric"],
            type=click.Path(path_type=Path),
            help="folder that holds it (default: what is installed with this package)",
        ),
        Option(["--format", "output"], type=click.Choice(["text", "json"]), default="text", help="default: text"),
    ],
)
