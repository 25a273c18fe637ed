"""Carry out `demo`: run the built layer in the sandbox, ship to an embedded S3, and balance every record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching import clone, settings
from adaptive_batching.sandbox.cli.demo.report import Outcome
from adaptive_batching.sandbox.fleet.repeat import delivered
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import embedded, shipped
from adaptive_batching.sandbox.s3.ledger import balance

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.console import Console

BUCKET = "demo-logs"
NAME = "demo"
#: Seconds for which the environment is frozen between invocations, as it is on AWS.
FROZEN = 0.02
#: The extension's setting. It is larger than the default of 4096, so that the table of objects fits a screen.
SHIP_RATE_BYTES = 32_768


@dataclass(frozen=True)
class Demonstration:
    """The options of a demonstration.

    `store` is the extension's S3 client, `api` the log APIs that exist, and `compression` that of the objects.
    """

    layer: Path
    invocations: int
    store: str
    api: str
    compression: str
    awslambdaric: Path | None


def demonstrate(wanted: Demonstration, console: Console) -> Outcome:
    """Invoke the function and read back the shipped objects. Raises SandboxError or FormatError."""
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
    arrived = [record for one in objects for record in one.records]
    types = settings.default_log_types()
    ledger = balance(delivered([environment]), arrived, types)
    return Outcome(BUCKET, types, objects, ledger, wanted.invocations, failed, seconds, environment.extension_lines)


def _function(wanted: Demonstration, endpoint: str) -> Function:
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
    )
