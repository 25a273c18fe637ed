"""Carry out `sandbox run`: invoke a function. Its responses go to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching import interrupts
from adaptive_batching.command_line import INTERRUPTED
from adaptive_batching.option_types import is_endless
from adaptive_batching.sandbox.asynchronous.configuration import configured
from adaptive_batching.sandbox.asynchronous.records import read_json
from adaptive_batching.sandbox.cli.arguments import prepare
from adaptive_batching.sandbox.cli.asynchronous.sending import Narrator, both, send
from adaptive_batching.sandbox.cli.notices import introduction, notices
from adaptive_batching.sandbox.cli.store import ready, stored
from adaptive_batching.sandbox.cli.summary import row, summarise
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.aws.outside import Outside
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told
from adaptive_batching.sandbox.fleet.repeat import invoke_many

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.cli.arguments import Given, Target
    from adaptive_batching.sandbox.cli.store import Store
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result

#: Characters of a payload that a message shows.
SHOWN = 80


@dataclass(frozen=True)
class Repetition:
    """How often the function is invoked, and with which payload.

    `concurrency` is the number of invocations at a time. `pause` is the time before each further one, in seconds. With
    `event` the invocations are asynchronous.
    """

    invocations: int
    concurrency: int
    payload: bytes
    pause: float
    event: bool = False


def carry_out(given: Given, repetition: Repetition, out: Console, err: Console) -> int:
    """Make the invocations and return the exit code. Raises SandboxError or FaultError.

    The code is 0 if all succeeded and no record was lost or shipped twice, 130 after Ctrl-C, and otherwise 1.
    """
    target = prepare(given, err)
    err.say(introduction(target.function))
    for notice in notices(target.function, target.options):
        err.say(notice)

    def report(result: Result, done: int) -> None:
        out.say(result.payload.decode("utf-8", "replace"))
        err.progress("invoked", done, repetition.invocations)

    with ready(target, err.say) as (function, store):
        told = Narrator(err.say, lambda payload: out.say(payload.decode("utf-8", "replace")))
        outside = Outside(function, target.clock, store.endpoint if store else None, err.say, target.records)
        outside.make(configured(function))
        watch = both(told, outside)
        fleet = Fleet(function, target.options, repetition.concurrency, told=Told(watch=watch), clock=target.clock)
        outside.fleets = {function.name: fleet}
        with (
            outside,
            interrupts.counted(lambda: err.say(interrupts.waiting(fleet.busy, len(fleet.all))), fleet.kill) as asked,
            fleet,
        ):
            wanted = repetition
            if wanted.event:
                made = send(fleet, wanted.payload, wanted.invocations, asked)
                results: list[Result] = []
            else:
                results = invoke_many(
                    fleet, wanted.payload, wanted.invocations, wanted.concurrency, wanted.pause, report, asked
                )
                made = len(results)
        results = results or [result for environment in fleet.all for result in environment.finished]
        interrupted = made < repetition.invocations or fleet.dropped > 0
        if made < repetition.invocations:
            err.say(f"interrupted after {made:,} of {repetition.invocations:,}")
        for line in summarise(results, fleet.all, target.options.faults):
            err.say(line)
        if wanted.event:
            err.say(f"events        {told.summary(fleet.dropped)}")
        agrees = conclude(target, store, function, fleet.all, err)
    if interrupted:
        return INTERRUPTED
    good = told.all_succeeded if repetition.event else not any(result.function_error for result in results)
    return 0 if agrees and good else 1


def conclude(
    target: Target, store: Store | None, function: Function, environments: list[Environment], err: Console
) -> bool:
    """Say what the store holds, and what else the extensions said. Return whether every record is accounted for."""
    agrees = True
    if store and store.bucket:
        found = stored(store, function, environments)
        agrees = found.agrees
        for line in row("s3", found.text):
            err.say(line)
    for line in target.overheard.rest():
        err.say(line)
    return agrees


def read_payload(text: str) -> bytes:
    """Return the payload from the value of --payload. Raises SandboxError if it cannot be read or is not JSON."""
    where = "-" if text in {"-", "@-"} else text[1:] if text.startswith("@") else None
    if where == "":
        raise SandboxError("--payload @ names no file; write @event.json, or - for standard input")
    if where and is_endless(Path(where)):
        raise SandboxError(f"the payload {where} cannot be read: it is a device, not a file")
    try:
        data = text.encode() if where is None else _read(where)
        read_json(data)
    except OSError as error:
        raise SandboxError(f"the payload {_named(where)} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        shown = repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…") if where is None else f"in {_named(where)}"
        raise SandboxError(f"the payload {shown} is not JSON: {error}") from None
    return data


def _named(where: str | None) -> str:
    return "standard input" if where == "-" else str(where)


def _read(where: str) -> bytes:
    return sys.stdin.buffer.read() if where == "-" else Path(where).read_bytes()
