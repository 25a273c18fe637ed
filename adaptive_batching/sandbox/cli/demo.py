"""`adaptive-batching demo`: the built layer in the sandbox, an embedded S3, and a ledger of every record."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching.objects import FormatError
from adaptive_batching.sandbox.cli import bounds
from adaptive_batching.sandbox.cli.terminal import Voice, table, voices
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import Credentials, Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3 import embedded, shipped
from adaptive_batching.sandbox.s3.ledger import Ledger, balance

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from adaptive_batching.sandbox.s3.shipped import Shipped

BUCKET = "demo-logs"
NAME = "demo"
TYPES = ("platform", "function")
#: Between invocations the environment is frozen for so many seconds, as it is on AWS when nothing happens.
FROZEN = 0.02
#: Larger than the default of 4096, so that the table fits a screen.
SHIP_RATE_BYTES = 32_768
LAYER = Path("build/layer")
CODE = Path("functions/demo")


@dataclass(frozen=True)
class Outcome:
    """What a demonstration found."""

    objects: list[Shipped]
    ledger: Ledger
    invocations: int
    failed: int
    seconds: float
    said: list[str]  # by the extension, on its stderr and stdout

    @property
    def passed(self) -> bool:
        """Whether there were objects, every invocation succeeded and every record was shipped once."""
        return bool(self.objects) and not self.failed and self.ledger.balanced


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("-n", "--invocations", type=int, default=50, help="how many (default: 50)")
    parser.add_argument("--store", choices=("auto", "light", "boto3"), default="auto", help="the extension's S3 client")
    parser.add_argument("--api", choices=("telemetry", "logs", "both"), default="both", help="log APIs that exist")
    parser.add_argument("--compression", choices=("none", "gzip"), default="none")
    parser.add_argument("--layer", type=Path, default=LAYER, help="default: %(default)s")
    parser.add_argument("--awslambdaric", type=Path, help="default: what is installed with this package")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; 0 when nothing was lost and nothing shipped twice, 1 otherwise, 2 if it could not run."""
    out, talk = voices()
    try:
        outcome = demonstrate(arguments, talk)
    except (SandboxError, FormatError) as error:
        talk.say(f"demo: {error}")
        return 2
    if arguments.format == "json":
        out.say(json.dumps(as_json(outcome), indent=2))
    else:
        show(outcome, out)
    if not outcome.passed:
        for line in outcome.said:
            talk.say(f"extension said: {line.rstrip()}")
    return 0 if outcome.passed else 1


def demonstrate(arguments: argparse.Namespace, talk: Voice) -> Outcome:
    """Invoke the demonstration function and read back what arrived."""
    bounds.check(arguments)
    if not (arguments.layer / "extensions").is_dir():
        raise SandboxError(f"{arguments.layer} holds no extensions; `make layer` builds it")
    talk.say("starting an embedded S3 (moto's server, dummy credentials)")
    with embedded.embedded_s3() as endpoint:
        client = embedded.client(endpoint)
        client.create_bucket(Bucket=BUCKET)
        environment = Environment(
            _function(arguments, endpoint), Options(apis=arguments.api, awslambdaric=arguments.awslambdaric)
        )
        talk.say(f"invoking {NAME} {arguments.invocations} times, frozen between invocations")
        began = time.monotonic()
        failed = 0
        with environment:
            for number in range(arguments.invocations):
                time.sleep(FROZEN if number else 0.0)
                failed += environment.invoke({}).function_error is not None
                talk.progress("invoked", number + 1, arguments.invocations)
            talk.say("SHUTDOWN")
        seconds = time.monotonic() - began
        objects = shipped.read(client, BUCKET)
    delivered = [record for delivery in environment.deliveries for record in delivery.records]
    arrived = [record for one in objects for record in one.records]
    ledger = balance(delivered, arrived, TYPES)
    return Outcome(objects, ledger, arguments.invocations, failed, seconds, environment.extension_lines)


def _function(arguments: argparse.Namespace, endpoint: str) -> Function:
    keys = embedded.KEYS
    variables = {
        "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": BUCKET,
        "ADAPTIVE_BATCHING_EXTENSION_SHIP_RATE_BYTES": str(SHIP_RATE_BYTES),
        "ADAPTIVE_BATCHING_EXTENSION_COMPRESSION": arguments.compression,
        "ADAPTIVE_BATCHING_EXTENSION_S3_CLIENT": arguments.store,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": embedded.NOWHERE,
    }
    return Function(
        CODE,
        name=NAME,
        variables=variables,
        layers=(arguments.layer,),
        region=embedded.REGION,
        credentials=Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"]),
    )


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome for `--format json`. Pure."""
    ledger = outcome.ledger
    return {
        "invocations": outcome.invocations,
        "failed": outcome.failed,
        "seconds": round(outcome.seconds, 3),
        "objects": [
            {"key": one.key, "bytes": one.size, "records": len(one.records), "reason": one.reason}
            for one in outcome.objects
        ],
        "ledger": {
            "delivered": ledger.delivered,
            "shipped": ledger.shipped,
            "lost": ledger.lost,
            "twice": ledger.twice,
            "unknown": ledger.unknown,
        },
    }


def show(outcome: Outcome, out: Voice) -> None:
    """Print objects, a sample and the ledger."""
    folder = common_folder([one.key for one in outcome.objects])
    rows = [
        [one.key.removeprefix(folder), f"{one.size:,}", f"{len(one.records):,}", one.reason] for one in outcome.objects
    ]
    out.say(f"s3://{BUCKET}/{folder}")
    head, *body = table(["key", "bytes", "records", "reason"], rows)
    out.say(out.paint(head, "bold"))
    for line in body:
        out.say(line)
    if outcome.objects:
        out.say()
        out.say(out.paint(f"The first lines of {outcome.objects[0].key.rpartition('/')[2]}:", "bold"))
        for line in outcome.objects[0].text.splitlines()[:3]:
            out.say(_shortened(line))
    out.say()
    _show_ledger(outcome, out)


def common_folder(keys: Sequence[str]) -> str:
    """Return what all keys have in front of them, up to and with the last common slash. Pure."""
    if not keys:
        return ""
    first, last = min(keys), max(keys)
    same = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first[:same].rfind("/") + 1]


def _shortened(line: str, width: int = 200) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"


def _show_ledger(outcome: Outcome, out: Voice) -> None:
    ledger = outcome.ledger
    out.say(
        out.paint("Ledger", "bold")
        + f" of {outcome.invocations} invocations, {len(outcome.objects)} objects, {outcome.seconds:.1f} s"
    )
    lines = [
        ("delivered", ledger.delivered, f"records that the extension acknowledged ({', '.join(TYPES)})"),
        ("shipped", ledger.shipped, "records read back from S3"),
        ("lost", ledger.lost, "delivered, not shipped"),
        ("twice", ledger.twice, "shipped more often than delivered"),
    ]
    if ledger.unknown:
        lines.append(("unknown", ledger.unknown, "shipped, never delivered"))
    if outcome.failed:
        lines.append(("failed", outcome.failed, "invocations that ended in an error"))
    for name, count, meaning in lines:
        wrong = bool(count) and name not in {"delivered", "shipped"}
        figure = f"{count:>7,}"
        out.say(f"  {name:<9} {out.paint(figure, 'red' if wrong else 'green')}  {out.paint(meaning, 'dim')}")
