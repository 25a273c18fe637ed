"""Carry out `sandbox up`: run a landscape until Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adaptive_batching import interrupts, settings
from adaptive_batching.option_types import without_secrets
from adaptive_batching.sandbox.cli.bounds import check_function, check_variables
from adaptive_batching.sandbox.cli.log_lines import log_line
from adaptive_batching.sandbox.cli.notices import notices
from adaptive_batching.sandbox.cli.overheard import Overheard
from adaptive_batching.sandbox.cli.service import ended
from adaptive_batching.sandbox.cli.store import Balance, Store, stored
from adaptive_batching.sandbox.cli.summary import row
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.repeat import delivered
from adaptive_batching.sandbox.host import launch
from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.options import Options, base_interpreter
from adaptive_batching.values.loopback import LOOPBACK
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.function import Function


#: Seconds between two looks at whether moto's server still runs.
_LOOK = 0.5


@dataclass(frozen=True)
class Given:
    """The values of the options of `up`, one field for each. --help explains them."""

    template: Path
    parameter: tuple[tuple[str, str], ...]
    layer: tuple[Path, ...]
    port: int
    invoke_port: int
    endpoint_url: str | None
    concurrency: int
    idle: float | None
    env: tuple[tuple[str, str], ...]
    logs: bool
    log_folder: Path | None
    no_freeze: bool
    no_private_tmp: bool
    python: Path | None
    awslambdaric: Path | None


def carry_out(given: Given, console: Console) -> int:
    """Run the template that the options describe until SIGINT or SIGTERM, and print a summary.

    Return 0 if every record is accounted for, else 1. Raises SandboxError.
    """
    overheard = Overheard(console.say)
    landscape = Landscape(
        given.template,
        dict(given.parameter),
        _settings(given, console, overheard),
        say=console.say,
        report=lambda name, result, failed: console.say(f"{name}  {ended(result, failed)}"),
    )

    def first() -> None:
        if running := landscape.busy:  # the landscape itself says when it shuts environments down
            console.say(interrupts.waiting(running, 0))

    with interrupts.counted(first, landscape.kill) as asked, landscape:
        for line in introduction(landscape):
            console.say(line)
        while not asked.wait(_LOOK) and not landscape.lost:
            pass
        console.say("no more requests and events are taken")
        landscape.finish()
        balance = _balance(landscape, given.endpoint_url, console.say)
    for line in (*summary(landscape), *overheard.rest()):
        console.say(line)
    for line in row("s3", balance.text):
        console.say(line)
    return 0 if balance.agrees else 1


def introduction(landscape: Landscape) -> Iterator[str]:
    """Yield lines about what runs, where it is, and what is left out."""
    sources, described = landscape.sources, landscape.description
    yield f"{landscape.path} is up"
    yield f"  functions   {', '.join(landscape.fleets)}"
    if sources.routes:
        yield f"  http        {landscape.http_url}"
        width = max(len(route.method) for route in sources.routes)
        for route in sources.routes:
            yield f"    {route.method:<{width}}  {route.path}  {route.function}"
    for queue in sources.queues:
        most = f", at most {queue.most} at a time" if queue.most else ""
        yield f"  queue       {_last(queue.queue)}  {queue.function} (up to {queue.batch_size} messages{most})"
    for stream in sources.streams:
        yield f"  stream      {stream.stream.split('/')[1]}  {stream.function} (up to {stream.batch_size} records)"
    for rate in sources.rates:
        yield f"  schedule    every {rate.every:,.0f} s  {rate.function}"
    made = {
        "buckets": list(described.buckets.values()),
        "queues": [one.name for one in described.queues],
        "tables": [one.name for one in described.tables],
    }
    for kind, names in made.items():
        if names:
            yield f"  {kind:<12}{', '.join(names)}"
    yield f"  invoke      aws lambda invoke --endpoint-url {landscape.invoke_url} --function-name NAME answer.json"
    yield f"  services    export AWS_ENDPOINT_URL={landscape.invoke_url}"
    if described.left_out:
        yield f"  left out    {', '.join(f'{count} {kind}' for kind, count in described.left_out.items())}"
    for note in (*sources.notes, *_notices(landscape)):
        yield f"  note        {note}"
    yield "  reload      changed code is loaded with the next invocation"
    yield "  end         Ctrl-C"


def summary(landscape: Landscape) -> Iterator[str]:
    """Yield a line about the invocations of each function that had some."""
    width = max(len(name) for name in landscape.fleets)
    for name, fleet in landscape.fleets.items():
        if fleet.all:
            failed = "".join(f", {one}" for one in landscape.outcomes.summary(name))
            yield f"{name:<{width}}  {_counted(fleet)}{failed}"


def _counted(fleet: Fleet) -> str:
    results = [result for environment in fleet.all for result in environment.finished]
    failed = sum(result.function_error is not None for result in results)
    left = f", {counted(fleet.dropped, 'event')} still queued" if fleet.dropped else ""
    return f"{counted(len(results), 'invocation')}, {failed:,} failed, {counted(len(fleet.all), 'environment')}{left}"


def _balance(landscape: Landscape, endpoint: str | None, say: Callable[[str], None]) -> Balance:
    """Compare what the extension stored with what was delivered to it, or say why that cannot be judged."""
    if endpoint:
        return Balance(f"not compared: {without_secrets(endpoint)} may have objects of others", agrees=True)
    fleets = [fleet for fleet in landscape.fleets.values() if delivered(fleet.all, settings.EXTENSION)]
    shipping = [fleet.function for fleet in fleets]
    if not shipping:
        return Balance("not compared: nothing was delivered to the extension", agrees=True)
    if len({(settings.log_types(one.variables), settings.has_filters(one.variables)) for one in shipping}) != 1:
        return Balance("not compared: the functions differ in the types or the filters of what they ship", agrees=True)
    environments = [environment for fleet in fleets for environment in fleet.all]
    say("comparing the records on S3 with those that were delivered")
    return stored(Store(landscape.endpoint, None), shipping[0], environments)


def _notices(landscape: Landscape) -> list[str]:
    """Return what differs from Lambda, each sentence once: most of them are about this machine."""
    options = landscape.options
    return list(dict.fromkeys(one for fleet in landscape.fleets.values() for one in notices(fleet.function, options)))


def _settings(given: Given, console: Console, overheard: Overheard) -> Settings:
    host = urlsplit(given.endpoint_url or "").hostname
    if host and host not in LOOPBACK:
        names = " or ".join(sorted(LOOPBACK))
        read = without_secrets(given.endpoint_url or "")
        raise SandboxError(f"--endpoint-url {read} is not on this machine: write {names}")
    for layer in given.layer:  # also where no function has layers
        try:
            launch.check_folder(layer)
        except SandboxError as error:
            raise SandboxError(f"--layer {error}") from None
    variables = dict(given.env)
    check_variables(variables, "--env")

    def check(function: Function) -> None:
        check_function(function, "FunctionName")
        check_variables(function.variables, "variable")

    return Settings(
        port=given.port,
        invoke_port=given.invoke_port,
        endpoint=given.endpoint_url.rstrip("/") if given.endpoint_url else None,
        layers=given.layer,
        variables=variables,
        options=Options(
            freeze=not given.no_freeze,
            private="never" if given.no_private_tmp else "auto",
            interpreter=given.python or base_interpreter(),
            see_packages=given.python is not None,
            awslambdaric=given.awslambdaric,
            log_folder=given.log_folder,
            echo=(lambda text: console.say(log_line(text.rstrip("\n"), console))) if given.logs else None,
            overheard=None if given.logs else overheard,
        ),
        concurrency=given.concurrency,
        idle=given.idle,
        check=check,
    )


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
