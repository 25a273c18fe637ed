"""Carry out `sandbox serve`: serve Lambda's Invoke API for a function until Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching import interrupts
from adaptive_batching.sandbox.asynchronous.configuration import configured
from adaptive_batching.sandbox.cli.arguments import prepare
from adaptive_batching.sandbox.cli.asynchronous.sending import Narrator, both
from adaptive_batching.sandbox.cli.invocations import conclude
from adaptive_batching.sandbox.cli.notices import notices
from adaptive_batching.sandbox.cli.store import ready
from adaptive_batching.sandbox.cli.summary import summarise
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.aws.forwarding import Forward
from adaptive_batching.sandbox.fleet.aws.outside import Outside
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told
from adaptive_batching.sandbox.host.launch import find_extensions
from adaptive_batching.sandbox.http_server import Server, unusable

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.cli.arguments import Given, Target
    from adaptive_batching.sandbox.cli.store import Store
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result


@dataclass(frozen=True)
class Service:
    """The options of the service.

    `port` is that of the Invoke API and `concurrency` the largest number of environments. An environment that is idle
    for `idle` seconds is shut down; None keeps it. `hosts` are further names by which clients call the Invoke API.
    """

    port: int
    concurrency: int
    idle: float | None
    hosts: tuple[str, ...] = ()


def carry_out(given: Given, service: Service, console: Console) -> int:
    """Serve the function that the options describe. Return 0 if every record is accounted for, else 1.

    Raises SandboxError or FaultError.
    """
    target = prepare(given, console)
    with ready(target, console.say) as (function, store):
        environments = keep_serving(function, target, service, store, console)
        return 0 if conclude(target, store, function, environments, console) else 1


def keep_serving(
    function: Function, target: Target, service: Service, store: Store | None, console: Console
) -> list[Environment]:
    """Serve until SIGINT or SIGTERM, shut every environment down and print a summary. Return the environments.

    Raises SandboxError.
    """
    narrator = Narrator(console.say)
    endpoint = store.endpoint if store else None
    outside = Outside(function, target.clock, endpoint, console.say, target.records)
    outside.make(configured(function))
    fleet = Fleet(
        function,
        target.options,
        service.concurrency,
        service.idle,
        reload=True,
        told=Told(lambda result: console.say(ended(result)), console.say, both(narrator, outside)),
        clock=target.clock,
    )
    fleets = {function.name: fleet}
    outside.fleets = fleets
    with (
        outside,
        interrupts.counted(lambda: console.say(interrupts.waiting(fleet.busy, len(fleet.all))), fleet.kill) as asked,
        fleet,
    ):
        server = _listen(fleets, service, Forward(endpoint) if endpoint else None)
        try:
            _announce(function, server.port, console)
            if endpoint:
                console.say(f"  services    export AWS_ENDPOINT_URL=http://127.0.0.1:{server.port} (moto, in memory)")
            for notice in notices(function, target.options):
                console.say(f"  note        {notice}")
            asked.wait()
            server.finish()
        finally:
            server.stop()
    results = [result for environment in fleet.all for result in environment.finished]
    for line in summarise(results, fleet.all, target.options.faults):
        console.say(line)
    if fleet.dropped or narrator.ends:
        console.say(f"events        {narrator.summary(fleet.dropped)}")
    if outside.sent or outside.refused:
        console.say(f"records       {outside.sent:,} sent, {outside.refused:,} refused")
    return fleet.all


def ended(result: Result, failed: str = "") -> str:
    """Return a line about one invocation: its id, how it ended, and how long it took. Pure.

    `failed` says which part of its batch failed, "" if none did.
    """
    metrics = result.report.get("metrics", {})
    how = (failed or "ok") if result.function_error is None else result.why
    init = f" after {metrics['initDurationMs']:.0f} ms of Init" if "initDurationMs" in metrics else ""
    return f"{result.request_id}  {how}  {metrics.get('durationMs', 0.0):.1f} ms{init}"


def _listen(fleets: dict[str, Fleet], service: Service, forward: Forward | None) -> Server:
    try:
        return Server(invoke_api.serve(fleets, forward), service.port, service.hosts)
    except OSError as error:
        raise SandboxError(unusable(service.port, error, "--port")) from None


def _announce(function: Function, port: int, console: Console) -> None:
    endpoint = f"http://127.0.0.1:{port}"
    names = [file.name for layer in function.layers for file in find_extensions(layer, "/opt")]
    console.say(console.paint(f"{function.name} is at {endpoint}", "bold"))
    console.say(f"  code        {function.folder} ({function.handler})")
    console.say(f"  extensions  {', '.join(names) or 'none'}")
    console.say(f"  invoke      aws lambda invoke --endpoint-url {endpoint} --region {function.region} \\")
    console.say(f"                --no-sign-request --function-name {function.name} answer.json")
    console.say("  reload      changed code is loaded with the next invocation")
    console.say("  end         Ctrl-C")
