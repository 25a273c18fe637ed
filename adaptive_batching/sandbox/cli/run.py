"""`adaptive-batching sandbox run`: invoke a function some times. Its answers are on stdout, all else is on stderr."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.console import consoles
from adaptive_batching.sandbox.cli.arguments import Given, prepare
from adaptive_batching.sandbox.cli.bounds import DAY, Bounds, Number
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.cli.parameters import PARAMETERS
from adaptive_batching.sandbox.cli.store import ready, stored
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FaultError
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.fleet.repeat import invoke_many, summarise

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.lifecycle.results import Result


@dataclass(frozen=True)
class Repetition:
    """How often the function is invoked, and with what. `pause`: seconds between two invocations of the same lane."""

    invocations: int
    concurrency: int
    payload: bytes
    pause: float


def carry_out(given: Given, repetition: Repetition, out: Console, err: Console) -> int:
    """Invoke; return 0 when every invocation succeeded, else 1. Raises SandboxError or FaultError."""
    target = prepare(given, err)

    def tell(result: Result, done: int) -> None:
        out.say(result.payload.decode("utf-8", "replace"))
        err.progress("invoked", done, repetition.invocations)

    with ready(target, err.say) as (function, store):
        with Fleet(function, target.options, repetition.concurrency) as fleet:
            results = invoke_many(
                fleet, repetition.payload, repetition.invocations, repetition.concurrency, repetition.pause, tell
            )
        for line in summarise(results, fleet.all, target.options.faults):
            err.say(line)
        if store:
            err.say(f"s3            {stored(store, fleet.all)}")
    return 1 if any(result.function_error for result in results) else 0


def _payload(text: str) -> bytes:
    try:
        data = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        json.loads(data)
    except OSError as error:
        raise SandboxError(f"the payload {text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SandboxError(f"the payload is not JSON: {error}") from None
    return data


def _run(*, invocations: int, concurrency: int, payload: str, pause: float, **given: Any) -> int:  # noqa: ANN401
    out, err = consoles()
    with refusing(SandboxError, FaultError):
        repetition = Repetition(invocations, concurrency, _payload(payload), pause)
        return carry_out(Given(**given), repetition, out, err)


run = Command(
    "run",
    callback=_run,
    help=COMMANDS["run"][1],
    params=[
        Option(
            ["-n", "--invocations"], metavar="N", type=Number(int, Bounds(1)), default=1, help="how many (default: 1)"
        ),
        Option(
            ["-c", "--concurrency"],
            metavar="N",
            type=Number(int, Bounds(1)),
            default=1,
            help="so many at a time (default: 1)",
        ),
        Option(["--payload"], default="{}", metavar="JSON", help="JSON, or @file (default: {})"),
        Option(
            ["--pause"],
            type=Number(float, Bounds(0, DAY)),
            default=0.0,
            metavar="S",
            help="seconds frozen between invocations",
        ),
        *PARAMETERS,
    ],
)
