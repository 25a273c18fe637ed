"""`async scenario all --real`: the layer in the sandbox, over Lambda's API; counts and ages of Lambda's own rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, diagnosis, play
from adaptive_batching.sandbox.asynchronous.timeline import as_json
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: How far an age may be from Lambda's, in seconds of Lambda's: 0.2 s here.
NEAR = 6.0
KINDS = ("run", "throttled", "dropped")


def tools(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptive_batching", *words]
    clean = clean_environment(os.environ)
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=clean, cwd=ROOT)


def steps(found: dict[str, Any]) -> list[tuple[str, str, float | None, str | None]]:
    return [
        (one["event"], one["what"], one.get("age"), one.get("reason"))
        for one in found["timeline"]
        if one["what"] in KINDS
    ]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    folder = tmp_path_factory.mktemp("streams")
    done = tools("async", "scenario", "all", "--real", "--format", "json", "--log-folder", str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr, folder


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_happens_is_what_the_virtual_clock_says(played: tuple[dict[str, Any], str, Path], name: str) -> None:
    history = play(SCENARIOS[name])
    virtual = steps(as_json(history, diagnosis(SCENARIOS[name].configuration, history.data), START))
    real = steps(played[0][name])
    assert [(event, what, reason) for event, what, _, reason in real] == [
        (event, what, reason) for event, what, _, reason in virtual
    ]
    for (_, _, ours, _), (_, _, lambdas, _) in zip(real, virtual, strict=True):
        assert ours is None or lambdas is None or abs(ours - lambdas) < NEAR


def test_each_attempts_lines_are_on_s3_once(played: tuple[dict[str, Any], str, Path]) -> None:
    said = played[1]
    for name in SCENARIOS:
        assert any(line.startswith(f"{name}: s3 ") and line.endswith("lost 0, twice 0") for line in said.splitlines())


def test_the_experiment_calls_the_event_that_failed_retried(played: tuple[dict[str, Any], str, Path]) -> None:
    done = tools("experiment", "analyze", "--log-folder", str(played[2]), "--format", "json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["classes"]["retried"] == 1, report
