"""The options of the command line, and the function and the environment that they describe."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import faults
from adaptive_batching.sandbox.cli import bounds as figures
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.function import INITIALIZATION_TYPES, Function
from adaptive_batching.sandbox.host import cgroups
from adaptive_batching.sandbox.options import APIS, Options, Shapes, base_interpreter
from adaptive_batching.sandbox.telemetry.subscriptions import SCHEMAS
from adaptive_batching.sandbox.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Option -> field of `Function`. Given together with a template, an option wins.
_FIELDS = ("handler", "name", "runtime", "initialization_type", "timeout", "memory", "log_format", "xray")
#: A variable that a shell can read, too; Lambda takes no other.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Listing(argparse.Action):
    """`--fault list` prints and ends, as --help does."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, _option: object = None
    ) -> None:
        if values == "list":
            print("\n".join(faults.listing()))
            parser.exit()
        setattr(namespace, self.dest, ",".join(filter(None, (getattr(namespace, self.dest), str(values)))))


def add(parser: argparse.ArgumentParser) -> None:
    """Add what `run` and `serve` have in common."""
    _add_function(parser.add_argument_group("the function"))
    _add_environment(parser.add_argument_group("the environment"))
    _add_shapes(parser.add_argument_group("what extensions see"))
    _add_faults(parser.add_argument_group("faults"))


def _add_function(group: argparse._ArgumentGroup) -> None:
    group.add_argument("folder", type=Path, help="folder with the function's code, or a SAM template")
    group.add_argument("--handler", help="module.function (default: app.handler)")
    group.add_argument(
        "--runtime", help="python…, nodejs… or provided… (an executable file named bootstrap; default: python)"
    )
    group.add_argument("--layer", type=Path, action="append", default=[], help="folder laid out as /opt; repeatable")
    group.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable; repeatable")
    group.add_argument("--name", help="function name (default: the folder's)")
    group.add_argument("--timeout", type=float, metavar="S", help="seconds (default: 3)")
    group.add_argument("--memory", type=int, metavar="MB", help="and with it the share of a CPU (default: 256)")
    group.add_argument("--log-format", choices=("Text", "JSON"), help="default: Text")
    group.add_argument("--initialization-type", choices=INITIALIZATION_TYPES, help="default: on-demand")
    group.add_argument("--xray", action="store_true", default=None, help="active tracing: every request is sampled")
    group.add_argument("--function", metavar="ID", help="logical id, where a template has several functions")
    group.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="of the template")


def _add_environment(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--s3", metavar="BUCKET", help="an embedded S3 with this bucket; functions find it by themselves"
    )
    group.add_argument("--logs", action="store_true", help="show CloudWatch's view on stderr as it is written")
    group.add_argument("--log-folder", type=Path, help="keep log streams here, as CloudWatch would show them")
    group.add_argument("--no-freeze", dest="freeze", action="store_false", help="never stop processes when idle")
    group.add_argument("--no-private-tmp", action="store_true", help="TMPDIR instead of a mount namespace")
    group.add_argument(
        "--limits",
        choices=("auto", "all", "memory", "none"),
        default="auto",
        help="what the memory size bounds, by control groups; auto: memory and CPU when --memory is given",
    )
    group.add_argument("--init-timeout", type=float, metavar="S", help="of the Init phase (default: as on AWS)")
    group.add_argument("--python", type=Path, help="interpreter of Python functions")
    group.add_argument(
        "--awslambdaric", type=Path, help="folder that holds it (default: what is installed with this package)"
    )


def _add_shapes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--apis", choices=sorted(APIS), default="both", help="log APIs that exist; others answer 202")
    group.add_argument("--schemas", metavar="DATE,…", help=f"schema versions that exist, of {', '.join(SCHEMAS)}")
    group.add_argument("--no-redelivery", action="store_true", help="drop what an extension does not acknowledge")
    group.add_argument(
        "--clear-subscriptions", action="store_true", help="a reset forgets them, as AWS's emulator does"
    )
    group.add_argument("--upper-case-reason", action="store_true", help="SPINDOWN, TIMEOUT, FAILURE in SHUTDOWN events")
    group.add_argument("--no-function-arn", action="store_true", help="platform.start as it was in 2024")
    group.add_argument("--no-spans", action="store_true", help="events without spans")
    group.add_argument("--old-billing", action="store_true", help="Init is not billed, as before August 2025")


def _add_faults(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fault", "--faults", action=_Listing, default="", metavar="SPEC", help=f"list, or {faults.SYNTAX}; repeatable"
    )
    group.add_argument("--seed", type=int, default=0, help="the same seed, the same faults (default: 0)")
    group.add_argument(
        "--lose-containing", default="", metavar="TEXT", help="faults that lose lines strike only those with this text"
    )


def function(arguments: argparse.Namespace) -> Function:
    """Return the function that the arguments describe. Raises SandboxError."""
    found = _function(arguments)
    figures.check_function(found)
    return found


def _function(arguments: argparse.Namespace) -> Function:
    variables = pairs("--env", arguments.env)
    if wrong := [name for name in variables if not _NAME.fullmatch(name)]:
        raise SandboxError(f"--env {wrong[0]!r} is no variable's name; letters, digits and _ make one, no digit first")
    given = {name: value for name in _FIELDS if (value := getattr(arguments, name)) is not None}
    if arguments.folder.suffix in {".yaml", ".yml"}:
        template = Template(arguments.folder, pairs("--parameter", arguments.parameter))
        found = template.function(arguments.function, tuple(arguments.layer))
        return replace(found, **given, variables={**found.variables, **variables})
    named = {"name": arguments.folder.resolve().name, **given}
    return Function(arguments.folder, variables=variables, layers=tuple(arguments.layer), **named)


def pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE words as a mapping. Raises SandboxError."""
    found = {}
    for pair in words:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SandboxError(f"{option} {pair!r} is not NAME=VALUE")
        found[name] = value
    return found


def options(arguments: argparse.Namespace, echo: Callable[[str], None] | None = None) -> Options:
    """Return the options that the arguments describe; `arguments.faults` are the faults, read already."""
    auto = cgroups.BOTH if arguments.memory else frozenset[str]()
    bounds = {"auto": auto, "all": cgroups.BOTH, "memory": frozenset({cgroups.MEMORY}), "none": frozenset[str]()}
    return Options(
        apis=arguments.apis,
        schemas=_schemas(arguments.schemas),
        freeze=arguments.freeze,
        private="never" if arguments.no_private_tmp else "auto",
        init_timeout=arguments.init_timeout,
        interpreter=arguments.python or base_interpreter(),
        see_packages=arguments.python is not None,
        awslambdaric=arguments.awslambdaric,
        log_folder=arguments.log_folder,
        shapes=Shapes(not arguments.no_function_arn, not arguments.no_spans, not arguments.old_billing),
        upper_case_reason=arguments.upper_case_reason,
        echo=echo if arguments.logs else None,
        redeliver=not arguments.no_redelivery,
        clear_subscriptions=arguments.clear_subscriptions,
        lose_containing=arguments.lose_containing,
        limits=bounds[arguments.limits],
        faults=arguments.faults,
    )


def _schemas(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    found = frozenset(filter(None, text.split(",")))
    if unknown := found - set(SCHEMAS):
        raise SandboxError(f"--schemas {', '.join(sorted(unknown))} does not exist; there are {', '.join(SCHEMAS)}")
    return found
