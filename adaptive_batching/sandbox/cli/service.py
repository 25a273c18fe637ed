"""Carry out `sandbox serve`: serve Lambda's Invoke API for a function until Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.arguments import prepare
from adaptive_batching.sandbox.cli.store import ready
from adaptive_batching.sandbox.cli.summary import summarise
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.fleet import Fleet
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
    """The options of the service.

    `port` is that of the Invoke API and `concurrency` the largest number of environments. An environment that is idle
    for `idle` seconds is shut down; None keeps it. `hosts` are further names by which clients call the Invoke API.
    """

    port: int
    concurrency: int
    idle: float | None
    hosts: tuple[str, ...] = ()


def carry_out(given: Given, service: Service, console: Console) -> int:
    """Serve the function that the options describe. Raises SandboxError or FaultError."""
    target = prepare(given, console)
    with ready(target, console.say) as (function, _store):
        return keep_serving(function, target.options, service, console)


def keep_serving(function: Function, options: Options, service: Service, console: Console) -> int:
    """Serve until SIGINT or SIGTERM, shut every environment down and print a summary. Raises SandboxError."""
    with _ending() as ending, Fleet(function, options, service.concurrency, service.idle) as fleet:
        server = _listen({function.name: fleet}, service)
        try:
            _announce(function, server.port, console)
            ending.recv(1)
            console.say("shutting down")
        finally:
            server.stop()
    results = [result for environment in fleet.all for result in environment.finished]
    for line in summarise(results, fleet.all, options.faults):
        console.say(line)
    if fleet.dropped:
        console.say(f"events        {fleet.dropped} were still queued and did not run")
    return 0


def _listen(fleets: dict[str, Fleet], service: Service) -> Server:
    try:
        return Server(invoke_api.serve(fleets), service.port, service.hosts)
    except OSError as error:
        raise SandboxError(
            f"cannot listen on port {service.port} ({error.strerror}); choose another with --port"
        ) from None


@contextlib.contextmanager
def _ending() -> Iterator[socket.socket]:
    """Yield a socket that receives a byte at SIGINT or SIGTERM. The signals no longer end the process.

    A signal handler that sets a `threading.Event` is not enough. It runs on the main thread, so a signal that arrives
    just before the thread starts to wait would be handled only after the wait.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        wakeup = signal.set_wakeup_fd(writer.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield reader
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)


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
