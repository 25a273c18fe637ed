"""The event queue in front of real environments: retries, throttles, drops, what is measured, changes on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.configuration import Configuration
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Retried, Run, Succeeded, Throttled
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.cli.test_serve import client
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, eventually, function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adaptive_batching.sandbox.asynchronous.metrics import Datum
    from adaptive_batching.sandbox.asynchronous.queue import Decision

#: A second here is as many of Lambda's: an hour passes in a few seconds.
FAST = 100.0


def happens(condition: Callable[[], object]) -> None:
    """Wait until a condition holds: here hours pass, on a machine that may be busy."""
    eventually(condition, 30)


class Seen:
    """What a fleet told its watch."""

    def __init__(self) -> None:
        self.decisions: list[tuple[float, Decision]] = []
        self.data: list[Datum] = []

    def __call__(self, at: float, decision: Decision | None, data: list[Datum]) -> None:
        self.data += data
        if decision is not None:
            self.decisions.append((at, decision))

    def of(self, kind: type) -> list[Any]:
        return [one for _, one in self.decisions if isinstance(one, kind)]

    def total(self, name: str) -> int:
        return metrics.total(self.data, name)


@contextmanager
def served(tmp_path: Path, concurrency: int = 10, **changes: object) -> Iterator[tuple[Fleet, Any, Seen]]:
    one, seen = function(tmp_path, {}, **changes), Seen()
    options = Options(awslambdaric=AWSLAMBDARIC)
    with Fleet(one, options, concurrency, told=Told(watch=seen), clock=Clock(FAST)) as fleet:
        server = Server(invoke_api.serve({one.name: fleet}), names=())
        try:
            yield fleet, client(server), seen
        finally:
            server.stop()


def reason(refused: ClientError) -> object:
    response: dict[str, object] = {**refused.response}
    return response["Reason"]


def send(lambdas: Any, event: object, count: int = 1) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    answers = [
        lambdas.invoke(FunctionName="function", InvocationType="Event", Payload=json.dumps(event)) for _ in range(count)
    ]
    assert {(one["StatusCode"], one["Payload"].read()) for one in answers} == {(202, b"")}
    return [one["ResponseMetadata"]["RequestId"] for one in answers]


def test_an_event_whose_runs_fail_is_tried_again_with_its_id_and_trace_and_dropped(tmp_path: Path) -> None:
    with served(tmp_path, xray=True) as (fleet, lambdas, seen):
        (request_id,) = send(lambdas, {"raise": "no"})
        happens(lambda: seen.of(Dropped))
        results = [one for environment in fleet.all for one in environment.finished]
    assert [one.request_id for one in results] == [request_id] * 3
    assert {one.function_error for one in results} == {"Unhandled"}
    assert len({one.report["tracing"]["value"] for one in results}) == 1
    assert [one.again for one in seen.of(Retried)] == [60, 120]
    assert [one.reason for one in seen.of(Dropped)] == ["RetriesExhausted"]
    ages = [one.age for one in seen.of(Run)]
    assert ages == sorted(ages)
    assert ages[1] >= 60
    assert ages[2] >= ages[1] + 120
    names = (metrics.RECEIVED, metrics.DROPPED, metrics.INVOCATIONS, metrics.ERRORS, metrics.THROTTLES)
    assert [seen.total(name) for name in names] == [1, 1, 3, 3, 0]


@pytest.mark.parametrize("event", [{"exit": 3}, {"sleep": 60}], ids=["exit", "timeout"])
def test_an_exit_and_a_timeout_are_errors_of_the_function(tmp_path: Path, event: dict[str, int]) -> None:
    with served(tmp_path, timeout=1, event_config={"MaximumRetryAttempts": 0}) as (_, lambdas, seen):
        send(lambdas, event)
        happens(lambda: seen.of(Dropped))
    assert [one.reason for one in seen.of(Dropped)] == ["RetriesExhausted"]
    assert [seen.total(name) for name in (metrics.INVOCATIONS, metrics.ERRORS)] == [1, 1]


def test_an_event_whose_init_fails_is_tried_again(tmp_path: Path) -> None:
    with served(tmp_path, handler="absent.handler", event_config={"MaximumRetryAttempts": 1}) as (_, lambdas, seen):
        send(lambdas, {})
        happens(lambda: seen.of(Dropped))
    assert [one.again for one in seen.of(Retried)] == [60]


def test_reserved_concurrency_throttles_events_and_synchronous_calls(tmp_path: Path) -> None:
    with served(tmp_path, reserved=1) as (fleet, lambdas, seen):
        send(lambdas, {"sleep": 2}, 2)
        happens(lambda: seen.of(Throttled))
        with pytest.raises(ClientError) as refused:
            lambdas.invoke(FunctionName="function")
        happens(lambda: len(seen.of(Succeeded)) == 2)
        environments = len(fleet.all)
    assert environments == 1
    assert reason(refused.value) == "ReservedFunctionConcurrentInvocationLimitExceeded"
    again = [one.again for one in seen.of(Throttled)]
    assert again == [2.0**power for power in range(len(again))]
    assert seen.total(metrics.THROTTLES) == len(again) + 1
    assert sum(one.name == metrics.AGE for one in seen.data) == len(again) + 2
    assert seen.total(metrics.DROPPED) == 0


def test_what_this_machine_has_no_place_for_waits_unthrottled(tmp_path: Path) -> None:
    with served(tmp_path, concurrency=2) as (fleet, lambdas, seen):
        send(lambdas, {"sleep": 0.5}, 6)
        happens(lambda: len(seen.of(Run)) >= 2)
        with pytest.raises(ClientError) as refused:
            lambdas.invoke(FunctionName="function")
        happens(lambda: len(seen.of(Succeeded)) == 6)
        assert len(fleet.all) == 2
    assert reason(refused.value) == "ConcurrentInvocationLimitExceeded"
    assert seen.of(Throttled) == []
    greatest = max(one.value for one in seen.data if one.name == metrics.CONCURRENT)
    assert greatest == 2


def test_with_reserved_concurrency_0_nothing_runs(tmp_path: Path) -> None:
    with served(tmp_path, reserved=0) as (fleet, lambdas, seen):
        send(lambdas, {})
        happens(lambda: seen.of(Dropped))
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            lambdas.invoke(FunctionName="function")
        assert fleet.all == []
    assert [one.reason for one in seen.of(Dropped)] == ["ZeroReservedConcurrency"]


def test_a_change_holds_for_what_is_queued(tmp_path: Path) -> None:
    with served(tmp_path, reserved=1) as (fleet, lambdas, seen):
        send(lambdas, {"sleep": 2}, 2)
        happens(lambda: len(seen.of(Throttled)) >= 2)
        fleet.events.configure(Configuration(reserved=2))
        happens(lambda: len(seen.of(Run)) == 2)
        send(lambdas, {"raise": "no"})
        happens(lambda: seen.of(Retried))
        fleet.events.configure(Configuration(reserved=0))
        happens(lambda: seen.of(Dropped))
    assert [one.reason for one in seen.of(Dropped)] == ["ZeroReservedConcurrency"]


def test_an_expired_event_is_dropped_without_an_attempt(tmp_path: Path) -> None:
    with served(tmp_path, reserved=1, event_config={"MaximumEventAgeInSeconds": 180}) as (_, lambdas, seen):
        send(lambdas, {"sleep": 2.2}, 2)
        happens(lambda: seen.of(Succeeded) and seen.of(Dropped))
    assert [one.reason for one in seen.of(Dropped)] == ["EventAgeExceeded"]
    assert max(one.value for one in seen.data if one.name == metrics.AGE) < 180_000


def test_a_failure_of_the_sandbox_costs_no_retry(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path, runtime="provided.al2023", event_config={"MaximumRetryAttempts": 0}) as (
        fleet,
        lambdas,
        seen,
    ):
        send(lambdas, {})
        happens(lambda: len(seen.of(Retried)) == 3)
        assert fleet.busy == 0
    assert [one.again for one in seen.of(Retried)[:3]] == [1, 2, 4]
    assert seen.total(metrics.INVOCATIONS) == 0
    assert "SandboxError" in capfd.readouterr().err


def test_synchronous_invocations_are_measured_too(tmp_path: Path) -> None:
    with served(tmp_path) as (_, lambdas, seen):
        lambdas.invoke(FunctionName="function", LogType="Tail")
        lambdas.invoke(FunctionName="function", LogType="Tail", Payload=b'{"raise": "no"}')
    assert [seen.total(name) for name in (metrics.INVOCATIONS, metrics.ERRORS, metrics.RECEIVED)] == [2, 1, 0]
    assert not any(one.name in {metrics.AGE, metrics.DROPPED} for one in seen.data)


def test_an_event_that_is_too_large_is_refused_in_lambdas_words(tmp_path: Path) -> None:
    with served(tmp_path) as (_, lambdas, seen):
        with pytest.raises(ClientError) as refused:
            lambdas.invoke(FunctionName="function", InvocationType="Event", Payload=b'"' + b"x" * 1_048_576 + b'"')
        send(lambdas, "x" * 1_048_574)
    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert error["Error"] == {
        "Code": "RequestEntityTooLargeException",
        "Message": "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    }
    assert seen.total(metrics.RECEIVED) == 1


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", *words]
    clean = clean_environment(os.environ)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean, cwd=ROOT)


def test_run_sends_events_and_waits_for_their_ends(tmp_path: Path) -> None:
    folder = str(function(tmp_path, {}).folder)
    bad = ran(folder, "--event", "--time-scale", "100", "--payload", '{"raise": "no"}', "--retries", "1")
    assert bad.returncode == 1
    assert "  error, again in 60 s\n" in bad.stderr
    assert "events        1 dropped (RetriesExhausted)\n" in bad.stderr
    good = ran(folder, "--event", "-n", "2", "--jitter", "--seed", "3")
    assert good.returncode == 0
    assert [sorted(json.loads(line)) for line in good.stdout.splitlines()] == [["environ", "id", "tmp"]] * 2
    assert "events        2 succeeded\n" in good.stderr


def test_a_synchronous_run_is_throttled_too(tmp_path: Path) -> None:
    done = ran(str(function(tmp_path, {}).folder), "--reserved-concurrency", "0")
    assert done.returncode == 1
    assert json.loads(done.stdout)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on-success", "arn:aws:s3:::bucket"], "is an S3 bucket, which is supported for OnFailure only"),
        (["--on-failure", "arn:aws:sqs:us-east-1:123456789012:q.fifo"], "is a FIFO SQS queue, which is not supported"),
        (["--dead-letter", "arn:aws:s3:::bucket"], "is not one of: SQS queue, SNS topic"),
        (["--on-failure", "arn:aws:lambda:us-east-1:123456789012:function:code"], "is the function itself"),
        (["--retries", "3"], "--retries 3 is out of bounds; it must be 0 to 2"),
        (["--max-event-age", "59"], "--max-event-age 59 is out of bounds; it must be 60 to 21,600"),
        (["--reserved-concurrency", "901"], "--reserved-concurrency 901 is out of bounds; it must be 0 to 900"),
    ],
)
def test_what_lambda_refuses_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    done = ran(str(function(tmp_path, {}).folder), *words)
    assert done.returncode == 2
    assert said in done.stderr
