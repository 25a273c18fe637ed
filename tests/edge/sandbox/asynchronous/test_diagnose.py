"""`async diagnose` on metrics that a sandbox sent to moto: scenarios are told apart, and what is unclear is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.cli import main
from tests.edge.sandbox.asynchronous.test_aws import DEAD, happens, moto, world  # noqa: F401 - moto is a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.edge.sandbox.asynchronous.test_aws import World

#: Scenario -> settings, events, how many are sent, kind of the diagnosis.
SCENARIOS: dict[str, tuple[dict[str, Any], object, int, str]] = {
    "errors": ({"event_config": {"MaximumRetryAttempts": 1}}, {"raise": "no"}, 1, "retries-exhausted"),
    "concurrency": ({"reserved": 1}, {"sleep": 1}, 2, "delayed-by-throttling"),
    "expiry": (
        {"reserved": 1, "event_config": {"MaximumEventAgeInSeconds": 180}, "dead_letter": DEAD},
        {"sleep": 2.2},
        2,
        "expired-while-throttled",
    ),
    "zero": ({"reserved": 0}, {}, 1, "zero-reserved-concurrency"),
}


def diagnosed(one: World, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["async", "diagnose", "--function", "function", "--endpoint-url", one.endpoint, *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def reset(moto: str) -> str:  # noqa: F811 - the fixture
    import requests

    requests.post(f"{moto}/moto-api/reset", timeout=10)
    return moto


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_diagnosed_from_its_metrics(
    tmp_path: Path, reset: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    settings, event, count, kind = SCENARIOS[name]
    with world(tmp_path, reset, **settings) as one:
        for _ in range(count):
            one.send(event)
        happens(lambda: one.metric("AsyncEventsDropped")["count"] == count)
        code, said, _ = diagnosed(one, capsys, "--format", "json", "--expect", str(count))
        assert (code, json.loads(said)["kind"]) == (1, kind)
        code, said, _ = diagnosed(one, capsys)
    assert code == 1
    assert said.startswith(f"received {count}, dropped {int(name != 'concurrency')}, throttled ")
    assert (f"Dropped events are in {DEAD}." in said) is (name == "expiry")
    assert ("Dropped events are gone" in said) is (name in {"errors", "zero"})


def test_nothing_wrong_and_too_few_received(tmp_path: Path, reset: str, capsys: pytest.CaptureFixture[str]) -> None:
    with world(tmp_path, reset, rate=1) as one:  # a busy machine's 10 ms would be a late event's second
        one.send({})
        happens(lambda: one.metric("AsyncEventsDropped")["count"] == 1)
        code, said, _ = diagnosed(one, capsys, "--expect", "1")
        assert (code, said) == (0, "received 1, dropped 0, throttled 0, errors 0: nothing is wrong.\n")
        code, said, _ = diagnosed(one, capsys, "--expect", "3", "--since", "2d")
    assert code == 1
    assert "2 of 3 events did not reach Lambda." in said


def test_what_cannot_be_said_is_one_sentence_and_exit_code_2(
    tmp_path: Path, reset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with world(tmp_path, reset) as one:
        code, said, why = diagnosed(one, capsys)
        assert (code, said, why.count("\n")) == (2, "", 1)
        assert "CloudWatch has no data of function from the last 3:00:00" in why
        code, said, why = diagnosed(one, capsys, "--function", "absent")
        assert (code, said, why.count("\n")) == (2, "", 1)
        assert "GetFunctionConfiguration was refused: Function not found: absent" in why
        code, said, why = diagnosed(one, capsys, "--since", "soon")
        assert code == 2
        assert "--since 'soon' is not a time such as 90m, 3h or 2d" in why
    code, _, why = diagnosed(one, capsys)  # nothing listens any more
    assert (code, why.count("\n")) == (2, 1)
