"""The command `adaptive-batching sandbox up`. The module `running`, which takes longer to load, carries it out."""

from __future__ import annotations

from typing import Any

from adaptive_batching.command_line import Argument, Command, Option, refusing
from adaptive_batching.option_types import DAY, File, Number, Pair, Text, without_secrets
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.cli.parameters import PARAMETERS
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import CONCURRENCY, MOST_AT_ONCE
from adaptive_batching.values.bounds import Bounds

#: The default ports, the same as those of `sam local start-api` and `sam local start-lambda`.
PORT, INVOKE_PORT = 3000, 3001
#: Options of `run` and `serve` that mean the same here.
_SHARED = ("env", "logs", "log_folder", "no_freeze", "no_private_tmp", "python", "awslambdaric")


def _up(**given: Any) -> int:  # noqa: ANN401 - click's own
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.cli.up.running import Given, carry_out  # noqa: PLC0415

    _, err = consoles()
    with refusing(SandboxError):
        return carry_out(Given(**given), err)


up = Command(
    "up",
    callback=_up,
    help=COMMANDS["up"][1],
    params=[
        Argument(["template"], metavar="template", type=File(), help="a SAM, CloudFormation or CDK template"),
        Option(
            ["--parameter"],
            multiple=True,
            type=Pair(),
            metavar="NAME=VALUE",
            help="parameter of the template; repeatable",
        ),
        Option(
            ["--layer"],
            type=File(),
            multiple=True,
            help="folder laid out as /opt, instead of the layers of each function that has layers; repeatable",
        ),
        Option(
            ["--port"],
            type=Number(int, Bounds(0, 65_535)),
            default=PORT,
            metavar="PORT",
            help=f"port of the HTTP API (0 = pick a free one; default: {PORT})",
        ),
        Option(
            ["--invoke-port"],
            type=Number(int, Bounds(0, 65_535)),
            default=INVOKE_PORT,
            metavar="PORT",
            help=f"port of Lambda's Invoke API and of all other services (0 = pick a free one; default: {INVOKE_PORT})",
        ),
        Option(
            ["--endpoint-url"],
            type=Text(r"https?://[^\s/]+/?", "a URL such as http://127.0.0.1:5000", without_secrets),
            metavar="URL",
            help="a server on this machine that has S3, SQS and DynamoDB (default: one is started, in memory)",
        ),
        Option(
            ["--concurrency"],
            type=Number(int, Bounds(1, MOST_AT_ONCE)),
            default=CONCURRENCY,
            metavar="N",
            help=f"largest number of environments of each function (default: {CONCURRENCY})",
        ),
        Option(
            ["--idle"],
            type=Number(float, Bounds(0, DAY)),
            metavar="S",
            help="shut an environment down after this many idle seconds (default: never)",
        ),
        *(one for one in PARAMETERS if one.name in _SHARED),
    ],
)
