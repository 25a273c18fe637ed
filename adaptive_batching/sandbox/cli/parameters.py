"""The options that `run` and `serve` have in common: names, bounds and help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Argument, Option
from adaptive_batching.option_types import DAY, FUNCTION_NAME, File, Number, Pair, Text
from adaptive_batching.sandbox import faults
from adaptive_batching.sandbox.cli.bounds import MEMORY, TIMEOUT
from adaptive_batching.sandbox.function import INITIALIZATION_TYPES
from adaptive_batching.sandbox.host import cgroups
from adaptive_batching.sandbox.options import APIS
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = Text(FUNCTION_NAME, "a function name: 1 to 64 letters, digits, hyphens and underscores")
#: Names that S3 accepts for a new bucket (general purpose bucket naming rules), an IPv4 address aside.
_BUCKET = Text(
    r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "a bucket name such as logs: 3 to 63 lower-case letters, digits, dots and hyphens, without s3://",
)
#: Every schema version, of the Logs API and of the Telemetry API.
SCHEMAS = ("2020-08-15", "2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29")
#: Value of --limits -> what is limited. The value "auto" is not here, because it depends on --memory.
LIMITS = {"all": cgroups.BOTH, "memory": frozenset({cgroups.MEMORY}), "none": frozenset[str]()}

#: Seeds of random numbers.
SEED = Number(int, Bounds(0, 2**64))


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
        type=File(),
        group="the function",
        help="folder with the function's code, or a SAM, CloudFormation or CDK template",
    ),
    _function("--handler", type=Text(), help="module.function (default: app.handler)"),
    _function(
        "--runtime",
        type=Text(),
        help="python…, nodejs… or provided… (an executable file named bootstrap; default: python)",
    ),
    _function("--layer", type=File(), multiple=True, help="folder laid out as /opt; repeatable"),
    _function("--env", multiple=True, type=Pair(), metavar="NAME=VALUE", help="a variable; repeatable"),
    _function("--name", type=_NAME, help="function name (default: the folder's)"),
    _function("--timeout", type=Number(float, TIMEOUT), metavar="S", help="seconds (default: 3)"),
    _function(
        "--memory", type=Number(int, MEMORY), metavar="MB", help="memory in MB; also sets the CPU share (default: 256)"
    ),
    _function("--log-format", type=click.Choice(["Text", "JSON"]), help="format of the log lines (default: Text)"),
    _function(
        "--initialization-type",
        type=click.Choice(INITIALIZATION_TYPES),
        metavar="TYPE",
        help=f"{', '.join(INITIALIZATION_TYPES)} (default: on-demand)",
    ),
    _function("--xray", is_flag=True, default=None, help="active tracing: every request is sampled"),
    _function("--function", type=Text(), metavar="ID", help="logical id, if a template has several functions"),
    _function(
        "--parameter", multiple=True, type=Pair(), metavar="NAME=VALUE", help="parameter of the template; repeatable"
    ),
    _environment(
        "--s3",
        type=_BUCKET,
        metavar="BUCKET",
        help="start an S3 on this machine with this bucket; functions are configured to use it",
    ),
    _environment("--logs", is_flag=True, help="show on stderr what CloudWatch would show, as it is written"),
    _environment("--log-folder", type=File(), help="keep log streams here, as CloudWatch would show them"),
    _environment("--no-freeze", is_flag=True, help="never stop processes when idle"),
    _environment("--no-private-tmp", is_flag=True, help="set TMPDIR instead of using a mount namespace"),
    _environment(
        "--limits",
        type=click.Choice(["auto", *LIMITS]),
        default="auto",
        help="what the memory size bounds, by control groups; auto: memory and CPU if --memory is given",
    ),
    _environment(
        "--init-timeout",
        type=Number(float, Bounds(0, DAY, above=True)),
        metavar="S",
        help="timeout of the Init phase in seconds (default: 10, as on AWS)",
    ),
    _environment(
        "--python",
        type=File(),
        help="interpreter of Python functions; they see the packages installed for it (default: this interpreter, "
        "without its packages)",
    ),
    _environment(
        "--awslambdaric",
        type=File(),
        help="folder containing awslambdaric, for that interpreter (default: the one installed with this package)",
    ),
    _shape(
        "--apis",
        type=click.Choice(sorted(APIS)),
        default="both",
        help="log APIs that deliver; any other answers 202 (default: both)",
    ),
    _shape(
        "--schemas", type=Text(), metavar="DATE,…", help=f"schema versions that are accepted, of {', '.join(SCHEMAS)}"
    ),
    _shape("--no-redelivery", is_flag=True, help="drop what an extension does not acknowledge"),
    _shape("--clear-subscriptions", is_flag=True, help="a reset removes subscriptions, as in AWS's emulator"),
    _shape("--upper-case-reason", is_flag=True, help="SPINDOWN, TIMEOUT, FAILURE in SHUTDOWN events"),
    _shape("--no-function-arn", is_flag=True, help="platform.start as it was in 2024"),
    _shape("--no-spans", is_flag=True, help="events without spans"),
    _shape("--old-billing", is_flag=True, help="do not bill Init, as before August 2025"),
    _fault(
        "--fault",
        "--faults",
        "fault",
        multiple=True,
        type=Text(),
        metavar="SPEC",
        is_eager=True,
        callback=_list_faults,
        help=f"list, or {faults.SYNTAX}; repeatable",
    ),
    _fault("--seed", type=SEED, help="same seed, same faults (default: 0)"),
    _fault(
        "--lose-containing",
        default="",
        metavar="TEXT",
        help="faults that lose lines apply only to lines containing this text",
    ),
]
