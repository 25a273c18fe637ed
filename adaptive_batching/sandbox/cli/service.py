"""What `sandbox serve` does: keep functions behind Lambda's Invoke API until Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.arguments import prepare
from adaptive_batching.sandbox.cli.store import ready
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.fleet import Fleet
from adaptive_batching.sandbox.fleet.repeat import summarise
from adaptive_batching.sandbox.host.launch import find_extensions
from adaptive_batching.sandbox.http_server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.cli.arguments import Given
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.options import Options


@dataclass(frozen=True)
class Service:
    """Where the Invoke API listens, and how many environments there are at most. `idle`: seconds, None: for ever."""

    port: int
    concurrency: int
    idle: float | None


def carry_out(given: Given, service: Service, console: Console) -> int:
    """Serve what the options describe. Raises SandboxError or FaultError."""
    target = prepare(given, console)
    with ready(target, console.say) as (function, _store):
        return keep_serving(function, target.options, service, console)


def keep_serving(function: Function, options: Options, service: Service, console: Console) -> int:
    """Serve until SIGINT or SIGTERM; every environment is shut down before the return."""
    stop = threading.Event()
    with _on_signals(stop), Fleet(function, options, service.concurrency, service.idle) as fleet:
        server = _listen({function.name: fleet}, service.port)
        try:
            _announce(function, server.port, console)
            stop.wait()
            console.say("shutting down")
        finally:
            server.stop()
    results = [result for environment in fleet.all for result in environment.finished]
    for line in summarise(results, fleet.all, options.faults):
        console.say(line)
    if fleet.dropped:
        console.say(f"events        {fleet.dropped} were still queued and did not run")
    return 0


def _listen(fleets: dict[str, Fleet], port: int) -> Server:
    try:
        return Server(invoke_api.serve(fleets), port)
    except OSError as error:
        raise SandboxError(f"port {port} cannot be listened on ({error.strerror}); --port takes another") from None


@contextlib.contextmanager
def _on_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set an event instead of ending the process."""
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(function: Function, port: int, console: Console) -> None:
    endpoint = f"http://127.0.0.1:{port}"
    names = [file.name for layer in function.layers for file in find_extensions(layer, "/opt")]
    console.say(console.paint(f"{function.name} is at {endpoint}", "bold"))
    console.say(f"  code        {function.folder} ({function.handler})")
    console.say(f"  extensions  {', '.join(names) or 'none'}")
    console.say(
        f"  invoke      aws lambda invoke --endpoint-url {endpoint} --region {function.region} --no-sign-request "
        f"--function-name {function.name} --log-type Tail /dev/stdout"
    )
    console.say("  end         Ctrl-C")
