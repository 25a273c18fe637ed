"""The runner and boto3's Lambda client against a real HTTP server with a script."""

from __future__ import annotations

import io
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.experiment.core import ledger
from adaptive_batching.experiment.core.plan import BACK_OFF, EVENT, Plan, Range
from adaptive_batching.experiment.runner import Run, RunError, client
from tests.fakes.invoke_api import DROP, FAILED, GARBLED, NAMELESS, lambda_api

if TYPE_CHECKING:
    from adaptive_batching.experiment.core.ledger import Ledger

SHORT = Range(0, 1)


def carry_out(endpoint: str, plan: Plan, limit: float = 60.0) -> tuple[Ledger, Ledger]:
    """The ledger as returned, and as written."""
    written = io.StringIO()
    target = client(endpoint, None, plan.workers)
    returned = Run(plan, target, "experiment", written, limit).carry_out(lambda _done, _total: None)
    return returned, ledger.read(written.getvalue().splitlines())


def test_every_invocation_is_in_the_ledger_with_the_id_that_lambda_gave_it() -> None:
    with lambda_api() as script:
        returned, written = carry_out(script.endpoint, Plan(40, 8, sleep_ms=Range(10, 600), seed=1))
    assert sorted(written.accepted()) == sorted(script.ids)
    assert sorted(entry.number for entry in written.entries) == list(range(40))
    assert (returned.entries, written.bad, script.calls) == (written.entries, (), 40)
    assert sorted(entry.sleep_ms for entry in written.entries) == sorted(one["sleepMs"] for one in script.payloads)
    assert all(10 <= entry.sleep_ms <= 600 for entry in written.entries)


def test_a_seed_replays_what_the_functions_sleep() -> None:
    slept = []
    for _ in range(2):
        with lambda_api() as script:
            _, written = carry_out(script.endpoint, Plan(20, 5, seed=7))
        slept.append({entry.number: entry.sleep_ms for entry in written.entries})
    assert slept[0] == slept[1]
    assert len(set(slept[0].values())) > 10


def test_so_many_are_invoked_at_once_and_no_more() -> None:
    with lambda_api(gated=True) as script:
        threading.Thread(target=_open_when_full, args=(script, 6)).start()
        carry_out(script.endpoint, Plan(30, 6))
    assert script.most_together == 6


def _open_when_full(script: object, count: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and script.together < count:  # type: ignore[attr-defined]
        time.sleep(0.005)
    script.gate.set()  # type: ignore[attr-defined]


def test_an_event_is_sent_as_one_and_its_id_is_kept() -> None:
    with lambda_api() as script:
        _, written = carry_out(script.endpoint, Plan(5, 2, EVENT))
    assert [entry.status for entry in written.entries] == [202] * 5
    assert set(script.kinds) == {"Event"}
    assert sorted(written.accepted()) == sorted(script.ids)


def test_a_throttled_invocation_is_sent_again_and_its_retries_are_counted() -> None:
    with lambda_api(429, 503, 200) as script:
        _, written = carry_out(script.endpoint, Plan(1, 1))
    (entry,) = written.entries
    assert (entry.status, entry.retries, script.calls, [entry.id]) == (200, 2, 3, script.ids)


@pytest.mark.parametrize("answer", [DROP, GARBLED])
def test_a_lost_answer_is_unknown_and_not_sent_again_because_it_may_have_run(answer: str) -> None:
    with lambda_api(answer) as script:
        _, written = carry_out(script.endpoint, Plan(2, 1))
    assert [(entry.status, entry.id is None) for entry in written.entries] == [(None, True), (200, False)]
    assert (written.unknown, script.calls) == (1, 2)


def test_the_functions_failure_is_kept() -> None:
    with lambda_api(FAILED) as script:
        _, written = carry_out(script.endpoint, Plan(1, 1))
    assert written.entries[0].error == "Unhandled Sandbox.Timedout"
    assert list(written.accepted()) == script.ids


def test_an_answer_without_an_id_is_counted_as_such() -> None:
    with lambda_api(NAMELESS, 200) as script:
        _, written = carry_out(script.endpoint, Plan(2, 1))
    assert (written.nameless, len(written.accepted())) == (1, 1)


def test_a_function_that_does_not_exist_ends_the_run_at_once() -> None:
    with lambda_api(*[404] * 8) as script:
        with pytest.raises(RunError, match="Lambda refuses"):
            carry_out(script.endpoint, Plan(10_000, 4))
        assert script.calls <= 8


def test_where_nobody_listens_the_invocation_is_refused_and_did_not_run() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused, and nobody else gets the port
        target = client(f"http://127.0.0.1:{closed.getsockname()[1]}", None, 1)
        written = io.StringIO()
        began = time.monotonic()
        run = Run(Plan(1, 1), target, "experiment", written, 60, [0.01] * len(BACK_OFF))
        returned = run.carry_out(lambda _done, _total: None)
    assert (returned.refused, returned.unknown, returned.entries[0].status) == (1, 0, 0)
    assert returned.entries[0].retries == len(BACK_OFF)
    assert time.monotonic() - began < 30


def test_at_its_limit_a_run_ends_in_the_middle_of_a_pause() -> None:
    began = time.monotonic()
    with lambda_api() as script:
        returned, _ = carry_out(script.endpoint, Plan(100, 2, pause=Range(50, 60)), limit=1.0)
    assert len(returned.entries) == 2
    assert time.monotonic() - began < 20
