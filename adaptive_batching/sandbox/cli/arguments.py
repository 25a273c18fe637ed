"""Turn the common options of `run` and `serve` into a function and the options of its environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import faults
from adaptive_batching.sandbox.cli.asynchronous.jitter import exact, jittered
from adaptive_batching.sandbox.cli.asynchronous.parameters import with_events
from adaptive_batching.sandbox.cli.bounds import check_function, check_variables
from adaptive_batching.sandbox.cli.log_lines import log_line
from adaptive_batching.sandbox.cli.overheard import Overheard
from adaptive_batching.sandbox.cli.parameters import LIMITS, SCHEMAS
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.faults import FAULTS, LINE, PUT
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.host import cgroups, launch
from adaptive_batching.sandbox.options import Options, Shapes, base_interpreter
from adaptive_batching.sandbox.template.template import TEMPLATES, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from adaptive_batching.console import Console

#: Options that set the field of `Function` with the same name. They override the template.
_FIELDS = ("handler", "name", "runtime", "initialization_type", "timeout", "memory", "log_format", "xray")


@dataclass(frozen=True)
class Given:
    """The values of the options in `PARAMETERS`, one field for each. --help explains them."""

    folder: Path
    handler: str | None
    runtime: str | None
    layer: tuple[Path, ...]
    env: tuple[tuple[str, str], ...]
    name: str | None
    timeout: float | None
    memory: int | None
    log_format: str | None
    initialization_type: str | None
    xray: bool | None
    function: str | None
    parameter: tuple[tuple[str, str], ...]
    s3: str | None
    logs: bool
    log_folder: Path | None
    no_freeze: bool
    no_private_tmp: bool
    limits: str
    init_timeout: float | None
    python: Path | None
    awslambdaric: Path | None
    apis: str
    schemas: str | None
    no_redelivery: bool
    clear_subscriptions: bool
    upper_case_reason: bool
    no_function_arn: bool
    no_spans: bool
    old_billing: bool
    fault: tuple[str, ...]
    seed: int
    lose_containing: str
    reserved_concurrency: int | None
    max_event_age: int | None
    retries: int | None
    dead_letter: str | None
    on_success: str | None
    on_failure: str | None
    time_scale: float
    jitter: bool
    aws: bool
    records: Path | None


@dataclass(frozen=True)
class Target:
    """What is run.

    `variables` are those of --env. They override the function's variables and those of an embedded S3. `bucket` is the
    bucket of the embedded S3, None without one. `overheard` shows the warnings of extensions. `clock` is that of
    events, `records` the file to which the record of each event that ends is appended. With `aws` moto's server runs.
    """

    function: Function
    variables: Mapping[str, str]
    options: Options
    bucket: str | None
    overheard: Overheard
    clock: Clock
    aws: bool
    records: Path | None


def prepare(given: Given, console: Console) -> Target:
    """Return what the options describe, and check that it can be run. Raises SandboxError or FaultError.

    With --logs the log is written to the console.
    """
    found = target(given, lambda text: console.say(log_line(text.rstrip("\n"), console)), Overheard(console.say))
    launch.check(found.function, found.options)
    return found


def target(given: Given, echo: Callable[[str], None], overheard: Overheard) -> Target:
    """Return what the options describe. Raises SandboxError or FaultError."""
    struck = faults.parse(",".join(given.fault), given.seed)
    variables = dict(given.env)
    check_variables(variables, "--env")
    of_puts = [name for name in struck.rates if FAULTS[name].chance == PUT]
    if of_puts and not given.s3:
        raise SandboxError(f"--fault {of_puts[0]} needs --s3 BUCKET: it strikes PUTs to the embedded S3")
    if given.lose_containing and not any(FAULTS[name].chance == LINE for name in struck.rates):
        raise SandboxError("--lose-containing is for a fault that loses lines, such as --fault lose-line=0.1")
    function = with_events(_described(given, variables), given)
    launch.check_folder(function.folder)  # first: the name of a file is not what is wrong with it
    check_function(function)
    check_variables(function.variables, f"{given.folder}: variable")
    clock = Clock(given.time_scale, jittered(given.seed or 0) if given.jitter else exact)
    return Target(
        function,
        variables,
        _options(given, struck, echo, overheard),
        given.s3,
        overheard,
        clock,
        given.aws,
        given.records,
    )


def _described(given: Given, variables: Mapping[str, str]) -> Function:
    fields = {name: value for name in _FIELDS if (value := getattr(given, name)) is not None}
    if given.folder.suffix in TEMPLATES and not given.folder.is_dir():
        template = Template(given.folder, dict(given.parameter))
        return replace(template.function(given.function, given.layer, variables), **fields)
    for option, value in (("--function", given.function), ("--parameter", given.parameter)):
        if value:
            raise SandboxError(f"{option} is for a template, a .yaml or .json file, and {given.folder} is not one")
    return Function(given.folder, layers=given.layer, **{"name": given.folder.resolve().name, **fields})


def _options(given: Given, struck: faults.Faults, echo: Callable[[str], None], overheard: Overheard) -> Options:
    auto = cgroups.BOTH if given.memory else frozenset[str]()
    return Options(
        apis=given.apis,
        schemas=_schemas(given.schemas),
        freeze=not given.no_freeze,
        private="never" if given.no_private_tmp else "auto",
        init_timeout=given.init_timeout,
        interpreter=given.python or base_interpreter(),
        see_packages=given.python is not None,
        awslambdaric=given.awslambdaric,
        log_folder=given.log_folder,
        shapes=Shapes(not given.no_function_arn, not given.no_spans, not given.old_billing),
        upper_case_reason=given.upper_case_reason,
        echo=echo if given.logs else None,
        overheard=None if given.logs else overheard,
        redeliver=not given.no_redelivery,
        clear_subscriptions=given.clear_subscriptions,
        lose_containing=given.lose_containing,
        limits=LIMITS.get(given.limits, auto),
        faults=struck,
    )


def _schemas(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    found = frozenset(filter(None, text.split(",")))
    if unknown := found - set(SCHEMAS):
        raise SandboxError(
            f"--schemas {', '.join(sorted(unknown))} does not exist; the schema versions are {', '.join(SCHEMAS)}"
        )
    return found
