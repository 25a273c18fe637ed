"""`adaptive-batching attach` and `adaptive-batching detach`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.operate.given import VariableError, given
from adaptive_batching.operate.layers.names import VERSION_ARN
from adaptive_batching.operate.options import BUCKET, SET, where_options
from adaptive_batching.option_types import FUNCTION, Text
from adaptive_batching.settings import bucket_variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

_LAYER = Text(VERSION_ARN, "the ARN of a layer's version, with the number at its end")
_STAYS = "what stays: the bucket and its logs, the policies of the roles, the versions of the layer"


def _attach(
    *,
    functions: Sequence[str],
    bucket: str,
    layer: str | None,
    settings: Sequence[str],
    dry_run: bool,
    **where: Any,  # noqa: ANN401 - of where_options
) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.operate.attaching.run import Attaching, run  # noqa: PLC0415
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415

    with refusing(VariableError):
        variables = given(settings, {bucket_variable(): ("--bucket", bucket)})
    with refusing(AwsError):
        return run(functions, Attaching(layer, variables, Account(**where)), *consoles(quoting=True), dry_run=dry_run)


def _detach(
    *,
    functions: Sequence[str],
    layer: str | None,
    force: bool,
    dry_run: bool,
    **where: Any,  # noqa: ANN401 - as above
) -> int:
    from adaptive_batching.console import consoles  # noqa: PLC0415 - as above
    from adaptive_batching.operate.attaching.run import Detaching, run  # noqa: PLC0415
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415

    out, err = consoles(quoting=True)
    with refusing(AwsError):
        work = Detaching(layer, Account(**where), force)
        code = run(functions, work, out, err, dry_run=dry_run)
    if code == 0:
        err.say(_STAYS)
    return code


def _functions() -> click.Parameter:
    return Option(
        ["--function", "functions"],
        type=FUNCTION,
        multiple=True,
        required=True,
        metavar="NAME",
        help="name or ARN of a function; repeatable",
    )


def _dry_run() -> click.Parameter:
    return Option(["--dry-run"], is_flag=True, help="print what would change, and change nothing")


attach = Command(
    "attach",
    callback=_attach,
    help=(
        "Add the layer and its variables to functions, beside the layers and variables that they have. Exit code 1 if "
        "some functions failed, 2 if all did."
    ),
    params=[
        _functions(),
        Option(["--bucket"], type=BUCKET, required=True, metavar="BUCKET", help="where the logs go"),
        Option(
            ["--layer"],
            type=_LAYER,
            metavar="ARN",
            help="version of the layer (default: the newest that `publish` made in the function's region and account)",
        ),
        SET,
        _dry_run(),
        *where_options(),
    ],
)
detach = Command(
    "detach",
    callback=_detach,
    help=("Take the layer and the extension's variables off functions. All others stay. Exit codes as of attach."),
    params=[
        _functions(),
        Option(
            ["--layer"], type=_LAYER, metavar="ARN", help="the layer, if it has another name and cannot be looked into"
        ),
        Option(["--force"], is_flag=True, help="also where CloudWatch is off, or may be, so that logs go nowhere"),
        _dry_run(),
        *where_options(),
    ],
)
