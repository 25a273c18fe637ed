"""Carry out `sandbox run`: invoke a function. Its responses go to stdout, everything else to stderr."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.arguments import prepare
from adaptive_batching.sandbox.cli.store import ready, stored
from adaptive_batching.sandbox.cli.summary import summarise
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.fleet.repeat import invoke_many

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.cli.arguments import Given
    from adaptive_batching.sandbox.lifecycle.results import Result


@dataclass(frozen=True)
class Repetition:
    """How often the function is invoked, and with which payload.

    `concurrency` is the number of invocations at a time. `pause` is the time before each further one, in seconds.
    """

    invocations: int
    concurrency: int
    payload: bytes
    pause: float


def carry_out(given: Given, repetition: Repetition, out: Console, err: Console) -> int:
    """Make the invocations. Return 0 if all of them succeeded, else 1. Raises SandboxError or FaultError."""
    target = prepare(given, err)

    def report(result: Result, done: int) -> None:
        out.say(result.payload.decode("utf-8", "replace"))
        err.progress("invoked", done, repetition.invocations)

    with ready(target, err.say) as (function, store):
        with Fleet(function, target.options, repetition.concurrency) as fleet:
            results = invoke_many(
                fleet, repetition.payload, repetition.invocations, repetition.concurrency, repetition.pause, report
            )
        for line in summarise(results, fleet.all, target.options.faults):
            err.say(line)
        if store:
            err.say(f"s3            {stored(store, fleet.all)}")
    return 1 if any(result.function_error for result in results) else 0


def read_payload(text: str) -> bytes:
    """Return the payload from the value of --payload. Raises SandboxError if it cannot be read or is not JSON."""
    try:
        data = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        json.loads(data)
    except OSError as error:
        raise SandboxError(f"the payload {text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SandboxError(f"the payload is not JSON: {error}") from None
    return data
