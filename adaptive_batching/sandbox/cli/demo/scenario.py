"""Carry out `demo`: run the built layer in the sandbox twice, ship to an embedded S3, and balance every record.

The first act is fair weather. In the second one S3 refuses PUTs and the extension is killed in an invocation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching import clone, interrupts, settings
from adaptive_batching.sandbox.cli.demo.report import Act, Outcome
from adaptive_batching.sandbox.cli.notices import notices
from adaptive_batching.sandbox.faults import Faults, Rate
from adaptive_batching.sandbox.fleet.repeat import delivered
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import embedded, shipped
from adaptive_batching.sandbox.s3.ledger import balance
from adaptive_batching.sandbox.s3.proxy import S3Proxy

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.lifecycle.results import Result

#: The buckets of the two acts.
BUCKETS = ("demo-logs", "demo-logs-2")
NAME = "demo"
#: Seconds for which the environment is frozen between invocations, as it is on AWS.
FROZEN = 0.02
#: The extension's setting. It is larger than the default of 4096, so that the table of objects fits a screen.
SHIP_RATE_BYTES = 32_768
#: PUTs that are refused in the second act, each with 503.
REFUSED = 2
KILL = "kill-extension"


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
    """Carry out both acts and read back the shipped objects. Ctrl-C ends the act; what was done is reported.

    Raises SandboxError or FormatError.
    """
    console.say("starting an embedded S3 (moto's server, dummy credentials)")
    running: list[Environment] = []
    with (
        embedded.embedded_s3() as endpoint,
        interrupts.counted(lambda: console.say(interrupts.waiting(0, len(running))), lambda: _kill(running)) as asked,
    ):
        acts: list[Act] = []
        for number, bucket in enumerate(BUCKETS):
            embedded.make_bucket(endpoint, bucket)
            if not (acts and asked.is_set()):
                faults = _faults() if number else Faults()
                acts.append(_act(wanted, bucket, endpoint, faults, console, running, asked))
        return Outcome(settings.default_log_types(), wanted.invocations, acts, interrupted=asked.is_set())


def _kill(environments: list[Environment]) -> None:
    for environment in environments:
        environment.kill()


def _faults() -> Faults:
    return Faults({"s3-503": Rate(1.0, REFUSED), KILL: Rate(0.0, 1)})


def _act(
    wanted: Demonstration,
    bucket: str,
    endpoint: str,
    faults: Faults,
    console: Console,
    running: list[Environment],
    asked: threading.Event,
) -> Act:
    proxy = S3Proxy(endpoint, faults) if faults.rates else None
    function = _function(wanted, bucket, proxy.endpoint if proxy else endpoint)
    options = Options(apis=wanted.api, awslambdaric=wanted.awslambdaric, faults=faults)
    if not proxy:
        for notice in notices(function, options):
            console.say(notice)
    environment = Environment(function, options)
    console.say(
        f"invoking {NAME} {wanted.invocations} times, {'with faults' if proxy else 'frozen between invocations'}"
    )
    began = time.monotonic()
    running[:] = [environment]
    with environment:
        results = _invoke(environment, wanted.invocations, faults, asked, console.progress)
    seconds = time.monotonic() - began
    if proxy:
        proxy.stop()
    objects = shipped.read(embedded.client(endpoint), bucket)
    arrived = [record for one in objects for record in one.records]
    ledger = balance(delivered([environment]), arrived, settings.default_log_types())
    lines, struck = environment.extension_lines, dict(faults.struck)
    return Act(bucket, objects, ledger, results, seconds, lines, struck, environment.unregistered)


def _invoke(
    environment: Environment,
    count: int,
    faults: Faults,
    asked: threading.Event,
    progress: Callable[[str, int, int], None],
) -> list[Result]:
    results: list[Result] = []
    for number in range(count):
        if asked.wait(FROZEN if number else 0.0):
            break
        if KILL in faults.rates and number == (count - 1) // 2 and number < count - 1:  # one follows, which recovers
            faults.rates = {**faults.rates, KILL: Rate(1.0, 1)}
        results.append(environment.invoke({}))
        progress("invoked", number + 1, count)
    return results


def _function(wanted: Demonstration, bucket: str, endpoint: str) -> Function:
    variables = {
        settings.bucket_variable(): bucket,
        settings.variable("SHIP_RATE_BYTES"): str(SHIP_RATE_BYTES),
        settings.variable("COMPRESSION"): wanted.compression,
        settings.variable("S3_CLIENT"): wanted.store,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": embedded.NOWHERE,
    }
    return Function(clone.function("demo"), name=NAME, variables=variables, layers=(wanted.layer,))
