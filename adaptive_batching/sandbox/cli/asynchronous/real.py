"""Play a scenario in the sandbox: functions/asynchronous with the layer, over Lambda's API, in a time that is fast."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adaptive_batching import clone, settings
from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import AGE, RETRIES
from adaptive_batching.sandbox.asynchronous.queue import Run
from adaptive_batching.sandbox.asynchronous.records import Answered
from adaptive_batching.sandbox.asynchronous.virtual import History, Moment, name
from adaptive_batching.sandbox.cli.store import Balance, Store, stored
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told
from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import NOWHERE, make_bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision
    from adaptive_batching.sandbox.asynchronous.scenarios import Scenario

#: Seconds of Lambda's time to one here, unless --time-scale says otherwise.
SCALE = 30.0
#: The timeout of the guide's function, in seconds.
TIMEOUT = 100.0
#: Seconds between two looks at whether everything has ended, and the longest that a scenario may take here.
_LOOK, _LONGEST = 0.05, 600.0


@dataclass(frozen=True)
class Played:
    """What happened, with events by the names A, B …, and whether their logs are on S3."""

    history: History
    balance: Balance


class _Notes:
    """Takes note of what a fleet tells its watch."""

    def __init__(self) -> None:
        self.decisions: list[tuple[float, Decision]] = []
        self.data: list[Datum] = []

    def __call__(self, at: float, decision: Decision | None, data: list[Datum]) -> None:
        self.data += data
        if decision is not None:
            self.decisions.append((at, decision))


def play(
    scenario: Scenario, endpoint: str, scale: float, stretch: Callable[[float], float], log_folder: Path | None = None
) -> Played:
    """Play a scenario. `endpoint` is that of moto's server. Raises SandboxError or clone.LayerError."""
    bucket = f"async-{scenario.name}"
    make_bucket(endpoint, bucket)
    function = _function(scenario, endpoint, bucket, scale)
    clock, notes = Clock(scale, stretch), _Notes()
    with Fleet(function, Options(log_folder=log_folder), told=Told(watch=notes), clock=clock) as fleet:
        server = Server(invoke_api.serve({function.name: fleet}), names=())
        try:
            ids = _drive(scenario, Clients(f"http://{server.address}", function.region)("lambda"), function.name)
            _await(fleet)
        finally:
            server.stop()
    return Played(_history(notes, ids), stored(Store(endpoint, bucket), function, fleet.all))


def _function(scenario: Scenario, endpoint: str, bucket: str, scale: float) -> Function:
    mode = "raise" if scenario.error else "sleep" if scenario.duration else "none"
    return Function(
        clone.function("asynchronous"),
        name=f"async-{scenario.name}",
        timeout=TIMEOUT,
        layers=(clone.layer(),),
        variables={
            "MODE": mode,
            "SLEEP_SECONDS": str(scenario.duration / scale),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE,
            settings.bucket_variable(): bucket,
        },
    )


def _drive(scenario: Scenario, lambdas: Any, function: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Set what the scenario sets, and send its events. Return their request ids."""
    # A cold start would delay the first event. With the log, the answer comes when the environment is free again.
    lambdas.invoke(FunctionName=function, Payload=b'{"mode": "none"}', LogType="Tail")
    held = scenario.configuration
    lambdas.put_function_event_invoke_config(FunctionName=function, **{RETRIES: held.retries, AGE: int(held.max_age)})
    if held.reserved is not None:
        lambdas.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=held.reserved)
    answers = [
        lambdas.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}") for _ in range(scenario.events)
    ]
    return [one["ResponseMetadata"]["RequestId"] for one in answers]


def _await(fleet: Fleet) -> None:
    deadline = time.monotonic() + _LONGEST
    while fleet.events.unfinished:
        if time.monotonic() > deadline:
            raise SandboxError(f"the scenario did not end within {_LONGEST:.0f} seconds")
        time.sleep(_LOOK)


def _history(notes: _Notes, ids: list[str]) -> History:
    """Return what was noted since the first event came, which is time 0, with the events renamed."""
    names = {request_id: name(number) for number, request_id in enumerate(ids)}
    began = min(one.at for one in notes.data if one.name == metrics.RECEIVED)
    durations = {
        (decision.event.request_id, decision.event.runs): decision.event.response.duration
        for _, decision in notes.decisions
        if isinstance(decision.event.response, Answered)
    }
    moments = [
        Moment(
            at - began,
            replace(decision, event=replace(decision.event, request_id=names[decision.event.request_id])),
            durations.get((decision.event.request_id, decision.event.runs + 1)) if isinstance(decision, Run) else None,
        )
        for at, decision in notes.decisions
    ]
    moments.sort(key=lambda one: one.at)
    data = [replace(one, at=one.at - began) for one in notes.data if one.at >= began]
    return History(moments, data, len(ids))
