"""The command `adaptive-batching sandbox serve`. The module `service`, which takes longer to load, carries it out."""

from __future__ import annotations

from typing import Any

from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.option_types import DAY, Number, Text
from adaptive_batching.sandbox.cli.asynchronous.parameters import OPTIONS
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.cli.parameters import PARAMETERS
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FaultError
from adaptive_batching.sandbox.fleet import CONCURRENCY, MOST_AT_ONCE
from adaptive_batching.values.bounds import Bounds

#: The default port, the same as that of `sam local start-lambda`.
PORT = 3001


def _serve(*, port: int, concurrency: int, idle: float | None, host: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.cli.arguments import Given  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.service import Service, carry_out  # noqa: PLC0415

    _, err = consoles()
    with refusing(SandboxError, FaultError):
        return carry_out(Given(**given), Service(port, concurrency, idle, host), err)


serve = Command(
    "serve",
    callback=_serve,
    help=COMMANDS["serve"][1],
    params=[
        Option(
            ["--port"],
            type=Number(int, Bounds(0, 65_535)),
            default=PORT,
            metavar="PORT",
            help=f"port (0 = pick a free one; default: {PORT})",
        ),
        Option(
            ["--host"],
            type=Text(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of a host, without a port"),
            multiple=True,
            metavar="NAME",
            help="a name by which clients call it, besides 127.0.0.1 and localhost; repeatable",
        ),
        Option(
            ["--concurrency"],
            type=Number(int, Bounds(1, MOST_AT_ONCE)),
            default=CONCURRENCY,
            metavar="N",
            help=f"largest number of environments; beyond it requests get 429 (default: {CONCURRENCY})",
        ),
        Option(
            ["--idle"],
            type=Number(float, Bounds(0, DAY)),
            metavar="S",
            help="shut an environment down after this many idle seconds (default: never)",
        ),
        *OPTIONS,
        *PARAMETERS,
    ],
)
