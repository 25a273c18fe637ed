"""The options that `run` and `serve` have in common: names, bounds and help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Argument, Option
from adaptive_batching.sandbox import faults
from adaptive_batching.sandbox.cli.bounds import DAY, Bounds, Number
from adaptive_batching.sandbox.function import INITIALIZATION_TYPES
from adaptive_batching.sandbox.host import cgroups
from adaptive_batching.sandbox.options import APIS

if TYPE_CHECKING:
    from collections.abc import Callable

_PATH = click.Path(path_type=Path)
#: Every schema version, of the Logs API and of the Telemetry API.
SCHEMAS = ("2020-08-15", "2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29")
#: Value of --limits -> what is limited. The value "auto" is not here, because it depends on --memory.
LIMITS = {"all": cgroups.BOTH, "memory": frozenset({cgroups.MEMORY}), "none": frozenset[str]()}


def _list_faults(context: click.Context, _option: click.Parameter, specs: tuple[str, ...]) -> tuple[str, ...]:
    """Print the faults and end the command for `--fault list`, as --help does."""
    if "list" in specs:
        click.echo("\n".join(faults.listing()))
        context.exit()
    return specs


def _in(group: str) -> Callable[..., click.Parameter]:
    def option(*words: str, **settings: Any) -> click.Parameter:  # noqa: ANN401 - click's own
        return Option(words, group=group, **settings)

    return option


_function, _environment, _shape, _fault = map(_in, ("the function", "the environment", "what extensions see", "faults"))
PARAMETERS: list[click.Parameter] = [
    Argument(
        ["folder"],
        metavar="folder",
        type=_PATH,
        group="the function",
        help="folder with the function's code, or a SAM template",
    ),
    _function("--handler", help="module.function (default: app.handler)"),
    _function("--runtime", help="python…, nodejs… or provided… (an executable file named bootstrap; default: python)"),
    _function("--layer", type=_PATH, multiple=True, help="folder laid out as /opt; repeatable"),
    _function("--env", multiple=True, metavar="NAME=VALUE", help="a variable; repeatable"),
    _function("--name", help="function name (default: the folder's)"),
    _function("--timeout", type=float, metavar="S", help="seconds (default: 3)"),
    _function("--memory", type=int, metavar="MB", help="and with it the share of a CPU (default: 256)"),
    _function("--log-format", type=click.Choice(["Text", "JSON"]), help="default: Text"),
    _function("--initialization-type", type=click.Choice(INITIALIZATION_TYPES), help="default: on-demand"),
    _function("--xray", is_flag=True, default=None, help="active tracing: every request is sampled"),
    _function("--function", metavar="ID", help="logical id, where a template has several functions"),
    _function("--parameter", multiple=True, metavar="NAME=VALUE", help="of the template; repeatable"),
    _environment(
        "--s3", metavar="BUCKET", help="an embedded S3 with this bucket, to which the function's variables point"
    ),
    _environment("--logs", is_flag=True, help="show CloudWatch's view on stderr as it is written"),
    _environment("--log-folder", type=_PATH, help="keep log streams here, as CloudWatch would show them"),
    _environment("--no-freeze", is_flag=True, help="never stop processes when idle"),
    _environment("--no-private-tmp", is_flag=True, help="TMPDIR instead of a mount namespace"),
    _environment(
        "--limits",
        type=click.Choice(["auto", *LIMITS]),
        default="auto",
        help="what the memory size bounds, by control groups; auto: memory and CPU when --memory is given",
    ),
    _environment(
        "--init-timeout",
        type=Number(float, Bounds(0, DAY, above=True)),
        metavar="S",
        help="of the Init phase (default: as on AWS)",
    ),
    _environment(
        "--python",
        type=_PATH,
        help="interpreter of Python functions, which see what is installed for it (default: this one, and they do not)",
    ),
    _environment(
        "--awslambdaric",
        type=_PATH,
        help="folder that holds it, for the interpreter (default: what is installed with this package)",
    ),
    _shape("--apis", type=click.Choice(sorted(APIS)), default="both", help="log APIs that exist; others answer 202"),
    _shape("--schemas", metavar="DATE,…", help=f"schema versions that exist, of {', '.join(SCHEMAS)}"),
    _shape("--no-redelivery", is_flag=True, help="drop what an extension does not acknowledge"),
    _shape("--clear-subscriptions", is_flag=True, help="a reset forgets them, as AWS's emulator does"),
    _shape("--upper-case-reason", is_flag=True, help="SPINDOWN, TIMEOUT, FAILURE in SHUTDOWN events"),
    _shape("--no-function-arn", is_flag=True, help="platform.start as it was in 2024"),
    _shape("--no-spans", is_flag=True, help="events without spans"),
    _shape("--old-billing", is_flag=True, help="Init is not billed, as before August 2025"),
    _fault(
        "--fault",
        "--faults",
        "fault",
        multiple=True,
        metavar="SPEC",
        is_eager=True,
        callback=_list_faults,
        help=f"list, or {faults.SYNTAX}; repeatable",
    ),
    _fault("--seed", type=int, default=0, help="the same seed, the same faults (default: 0)"),
    _fault(
        "--lose-containing", default="", metavar="TEXT", help="faults that lose lines strike only those with this text"
    ),
]
