"""Runs all functions of a template with their event sources, from entering a context until leaving it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from adaptive_batching.sandbox.asynchronous.configuration import configured
from adaptive_batching.sandbox.asynchronous.queue import Dropped
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import CONCURRENCY, invoke_api
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.fleet.aws.forwarding import Forward
from adaptive_batching.sandbox.fleet.aws.outside import Outside
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told, at_once
from adaptive_batching.sandbox.host import launch
from adaptive_batching.sandbox.http_server import Server, unusable
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.landscape.events import Sources, check_timeouts, read
from adaptive_batching.sandbox.landscape.making import make
from adaptive_batching.sandbox.landscape.outcomes import Outcomes
from adaptive_batching.sandbox.landscape.queues.poller import QueuePoller
from adaptive_batching.sandbox.landscape.rest import gateway
from adaptive_batching.sandbox.landscape.schedule import Scheduler
from adaptive_batching.sandbox.landscape.streams.poller import StreamPoller
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.protocol.states import Phase
from adaptive_batching.sandbox.s3.embedded import NOWHERE, REGION, Embedded, embedded_server
from adaptive_batching.sandbox.template.template import Template
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.http_server import Handle
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result


@dataclass(frozen=True)
class Settings:
    """How a landscape runs.

    `port` is that of the HTTP API and `invoke_port` that of the Invoke API; 0 picks a free one. `endpoint` is the URL
    of a server that has S3, SQS and DynamoDB; without one moto's server is started. `layers` replace those of each
    function that has layers. `variables` override those of each function. A function runs in at most `concurrency`
    environments, and one that is idle for `idle` seconds is shut down; None keeps it. `check` may refuse a function.
    """

    port: int = 0
    invoke_port: int = 0
    endpoint: str | None = None
    layers: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    concurrency: int = CONCURRENCY
    idle: float | None = None
    check: Callable[[Function], None] = lambda _function: None


class Landscape:
    """All functions of a template, as a context manager. It raises SandboxError if it cannot be set up.

    At the exit what is in flight is answered, every environment is shut down, and the servers end, in this order.

    `say` is called with sentences, `report` with a function's name, the result of each invocation, and which part of
    its batch failed ("" if none did), from any thread. `outcomes` counts what failed.
    """

    def __init__(
        self,
        path: Path,
        parameters: Mapping[str, str] | None = None,
        settings: Settings | None = None,
        *,
        say: Callable[[str], None] = lambda _text: None,
        report: Callable[[str, Result, str], None] = lambda _name, _result, _failed: None,
    ) -> None:
        self.path = path
        self._template = Template(path, parameters)
        self._settings = settings or Settings()
        self._say, self._report = say, report
        self.outcomes = Outcomes()
        self._server, self._running = contextlib.ExitStack(), contextlib.ExitStack()
        self._clock = Clock()
        self._urls: dict[str, str] = {}
        self.fleets: dict[str, Fleet] = {}
        self.endpoint = self._settings.endpoint or ""
        self._embedded: Embedded | None = None
        self.options = self._settings.options
        self.description = describe(self._template)
        if not self.description.functions:
            raise SandboxError(f"{path} has no function, or none whose condition holds")
        self.sources = Sources()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as server, contextlib.ExitStack() as running:
            if not self.endpoint:
                self._embedded = server.enter_context(embedded_server())
                self.endpoint = self._embedded.endpoint
            self._set_up(running)
            self._server, self._running = server.pop_all(), running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._server.close()

    def finish(self) -> None:
        """Answer what is in flight and shut every environment down. What was stored can be read until the exit."""
        self._running.close()

    @property
    def lost(self) -> str:
        """How moto's server ended, as a sentence, "" while it runs. The exit raises it as a SandboxError."""
        return self._embedded.lost if self._embedded else ""

    @property
    def http_url(self) -> str:
        """The URL of the HTTP API."""
        return f"http://{self._http.address}"

    @property
    def invoke_url(self) -> str:
        """The URL of the Invoke API, which hands what is for another service on to `endpoint`."""
        return f"http://{self._invoke.address}"

    @property
    def environments(self) -> list[Environment]:
        """Every environment that was ever made."""
        return [environment for fleet in self.fleets.values() for environment in fleet.all]

    @property
    def busy(self) -> int:
        """The number of invocations that are running."""
        return sum(fleet.busy for fleet in self.fleets.values())

    def bucket(self, logical_id: str) -> str:
        """Return the name of a bucket of the template. Raises KeyError."""
        return self.description.buckets[logical_id]

    def queue(self, logical_id: str) -> str:
        """Return the URL of a queue of the template. Raises KeyError."""
        return self._urls[{one.logical_id: one.arn for one in self.description.queues}[logical_id]]

    def table(self, logical_id: str) -> str:
        """Return the name of a table of the template. Raises KeyError."""
        return {one.logical_id: one.name for one in self.description.tables}[logical_id]

    def function(self, logical_id: str) -> str:
        """Return the name of a function of the template."""
        return self._template.name(logical_id)

    def kill(self) -> None:
        """Let every running invocation end in an error, by killing all processes."""
        for fleet in self.fleets.values():
            fleet.kill()

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        """Start everything. What `stack` undoes is undone in reverse order."""
        settings, template = self._settings, self._template
        handle = invoke_api.serve(self.fleets, Forward(self.endpoint))
        self._invoke = _listen(handle, settings.invoke_port, "--invoke-port", stack)
        self._urls = make(self._clients(), self.description, template)
        self.sources = read(template)
        functions = [self._function(one) for one in self.description.functions]
        names = [one.name for one in functions]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SandboxError(f"{self.path} gives the name {min(twice)} to more than one function")
        check_timeouts(self.sources, self.description.queues, {one.name: one.timeout for one in functions})
        outsides = {one.name: stack.enter_context(self._outside(one)) for one in functions}
        stack.callback(self._shut_down)
        for function in functions:
            self.fleets[function.name] = self._fleet(function, outsides[function.name])
        stack.callback(self._invoke.finish)
        self._feed(stack)
        handle = gateway.serve(self.sources.routes, self.fleets, self._say)
        self._http = _listen(handle, settings.port, "--port", stack)
        stack.callback(self._http.finish)

    def _shut_down(self) -> None:
        """Shut every environment down. It takes a while, so it is said."""
        if count := len([one for one in self.environments if one.phase.state is not Phase.GONE]):
            self._say(f"shutting down {counted(count, 'environment')}")
        at_once([fleet.shutdown for fleet in self.fleets.values()])

    def _feed(self, stack: contextlib.ExitStack) -> None:
        """Start what reads queues and streams, and what follows schedules. Raises SandboxError."""
        sources, told = self.sources, (self._say, self.outcomes)
        pollers: list[QueuePoller | StreamPoller | Scheduler] = []
        stack.callback(lambda: at_once([poller.close for poller in pollers]))
        for queue in sources.queues:
            if url := self._urls.get(queue.queue):
                pollers.append(QueuePoller(queue, url, self.fleets[queue.function], self._clients()("sqs"), *told))
            else:
                sources.notes.append(f"{queue.function} gets nothing from {queue.queue}: the template does not make it")
        for stream in sources.streams:
            target = self._urls.get(stream.on_failure, "")
            if stream.on_failure and not target:
                sources.notes.append(f"{stream.on_failure} gets no records: the template does not make it")
            pollers.append(StreamPoller(stream, self.fleets[stream.function], self._clients(), target, *told))
        pollers.append(Scheduler(sources.rates, self.fleets))

    def _clients(self) -> Clients:
        """Return clients for one thread."""
        return Clients(self.endpoint, REGION)

    def _function(self, logical_id: str) -> Function:
        """Return a function that reaches the servers of the landscape, and no others. Raises SandboxError."""
        settings, template = self._settings, self._template
        layers = settings.layers if template.has_layers(logical_id) else ()
        found = template.function(logical_id, layers, settings.variables)
        own = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_LAMBDA": self.invoke_url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE,
        }
        function = replace(found, variables={**own, **found.variables, **settings.variables})
        try:
            settings.check(function)
            launch.check(function, settings.options)
        except SandboxError as error:
            raise SandboxError(f"{self.path}: {logical_id}: {error}") from None
        return function

    def _outside(self, function: Function) -> Outside:
        """Return what sends the records, dead letters and metrics of a function's asynchronous invocations."""
        outside = Outside(function, self._clock, self.endpoint, self._say)
        outside.make(configured(function))
        outside.fleets = self.fleets
        return outside

    def _fleet(self, function: Function, outside: Outside) -> Fleet:
        def watch(at: float, decision: Decision | None, data: list[Datum]) -> None:
            outside(at, decision, data)
            if isinstance(decision, Dropped):
                self._say(f"{function.name} drops the event {decision.event.request_id}: {decision.reason}")

        def report(result: Result) -> None:
            self._report(function.name, result, self.outcomes.ended(function.name, result))

        return Fleet(
            function,
            self._settings.options,
            self._settings.concurrency,
            self._settings.idle,
            reload=True,
            told=Told(report, self._say, watch),
            clock=self._clock,
        )


def _listen(handle: Handle, port: int, option: str, stack: contextlib.ExitStack) -> Server:
    try:
        server = Server(handle, port, ())
    except OSError as error:
        raise SandboxError(unusable(port, error, option)) from None
    stack.callback(server.stop)
    return server
