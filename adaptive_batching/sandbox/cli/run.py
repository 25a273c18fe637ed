"""The command `adaptive-batching sandbox run`. The module `invocations`, which takes longer to load, carries it out."""

from __future__ import annotations

from typing import Any

from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.option_types import DAY, Number, Text
from adaptive_batching.sandbox.cli.asynchronous.parameters import OPTIONS
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.cli.parameters import PARAMETERS
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FaultError
from adaptive_batching.sandbox.fleet import MOST_AT_ONCE
from adaptive_batching.values.bounds import Bounds

#: The most invocations of one run.
MOST_INVOCATIONS = 10_000_000


def _run(*, invocations: int, concurrency: int, payload: str, pause: float, event: bool, **given: Any) -> int:  # noqa: ANN401
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.cli.arguments import Given  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.invocations import Repetition, carry_out, read_payload  # noqa: PLC0415

    with refusing(SandboxError, FaultError):
        repetition = Repetition(invocations, concurrency, read_payload(payload), pause, event)
        return carry_out(Given(**given), repetition, *consoles())


run = Command(
    "run",
    callback=_run,
    help=COMMANDS["run"][1],
    params=[
        Option(
            ["-n", "--invocations"],
            metavar="N",
            type=Number(int, Bounds(1, MOST_INVOCATIONS)),
            default=1,
            help="how many (default: 1)",
        ),
        Option(
            ["-c", "--concurrency"],
            metavar="N",
            type=Number(int, Bounds(1, MOST_AT_ONCE)),
            default=1,
            help="invocations in parallel (default: 1)",
        ),
        Option(
            ["--payload"],
            type=Text(),
            default="{}",
            metavar="JSON",
            help="JSON, @file, or - for standard input (default: {})",
        ),
        Option(
            ["--pause"],
            type=Number(float, Bounds(0, DAY)),
            default=0.0,
            metavar="S",
            help="seconds frozen between invocations",
        ),
        Option(["--event"], is_flag=True, help="send events, and wait until the last one has succeeded or is dropped"),
        *OPTIONS,
        *PARAMETERS,
    ],
)
