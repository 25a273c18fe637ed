"""The demonstration as a newcomer meets it: both acts, 80 columns, extensions that cannot work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def ran(*words: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adaptive_batching", "demo", *words],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env={**os.environ, "COLUMNS": str(columns)},
    )  # fmt: skip


def test_it_fits_a_terminal_and_shows_a_line_of_the_function() -> None:
    done = ran()
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    assert '"type":"function"' in done.stdout


def test_the_second_act_has_refused_puts_and_a_kill_and_loses_nothing() -> None:
    done = ran("-n", "12", "--format", "json")
    assert done.returncode == 0, done.stderr
    act = json.loads(done.stdout)["faults"]
    assert act["struck"] == {"s3-503": 2, "kill-extension": 1}
    assert act["invocations"] == 12
    assert [act["ledger"][name] for name in ("lost", "twice", "unknown")] == [0, 0, 0]
    assert act["failed"] <= 1
    assert act["added_ms"]


@pytest.mark.parametrize(("file", "mode", "said"), [
    ("#!/bin/sh\n", 0o644, "hello.sh cannot be started: it is not executable; run chmod +x"),
    ("#!/usr/bin/nosuch\n", 0o755, "hello.sh cannot be started: its interpreter /usr/bin/nosuch does not exist"),
    ("#!/bin/sh\nexit 3\n", 0o755, "hello.sh never called /2020-01-01/extension/register"),
])  # fmt: skip
def test_an_extension_that_cannot_work_is_explained(tmp_path: Path, file: str, mode: int, said: str) -> None:
    (tmp_path / "extensions").mkdir()
    hello = tmp_path / "extensions/hello.sh"
    hello.write_text(file)
    hello.chmod(mode)
    done = ran("-n", "2", "--layer", str(tmp_path))
    assert done.returncode == 1
    assert said in done.stderr
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", "functions/demo", "--layer", str(tmp_path)]
    assert said in subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT).stderr
