"""The lost-last-line experiment against a sandbox that loses lines: `analyze` finds exactly those."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def experiment(*words: str, expected: int) -> str:
    command = [sys.executable, "-m", "adaptive_batching", "experiment", *words]
    clean = clean_environment(os.environ)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=clean)
    assert done.returncode == expected, done.stderr
    return done.stdout


def identifiers(value: Any) -> set[str]:  # noqa: ANN401 - any JSON
    """Return every request id of a report that is not `ok`, wherever the report holds it."""
    if isinstance(value, dict):
        return set().union(*map(identifiers, value.values()), *map(identifiers, value))
    if isinstance(value, list):
        return set().union(*map(identifiers, value))
    return {value} if isinstance(value, str) and len(value) == 36 and value.count("-") == 4 else set()


@pytest.mark.parametrize("fault", ["lose-delivered-line", "lose-stream-line"])
def test_analyze_finds_exactly_the_lines_that_the_sandbox_lost(tmp_path: Path, fault: str) -> None:
    run = ["run", "-n", "40", "-c", "4", "--type", "Event", "--sleep", "10-50", "--seed", "3", "--folder"]
    lose = ["--", "--fault", f"{fault}=0.2", "--seed", "4", "--lose-containing", '"end"']
    experiment(*run, str(tmp_path / "kept"), *lose, expected=0)
    told = (tmp_path / "kept/sandbox.log").read_text().splitlines()
    lost = [json.loads(line.removeprefix("lost on purpose").strip()) for line in told if line.startswith("lost on")]
    assert 2 < len(lost) < 30
    report = json.loads(experiment("analyze", str(tmp_path / "kept"), "--format", "json", expected=1))
    assert identifiers(report) == {one["requestId"] for one in lost}
