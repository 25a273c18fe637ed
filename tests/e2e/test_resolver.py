"""A resolver that is silent for one invocation: the function is not slowed for long, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import LAYER, ROOT


def test_a_silent_resolver_costs_two_holds_and_no_record() -> None:
    program = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(ROOT / "functions" / "demo")]
    options = ["--layer", str(LAYER), "--s3", "logs", "-n", "20", "--fault", "hang-dnsx1"]
    done = subprocess.run(
        [*program, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},  # readline, which pytest loads, sets it to 80
    )
    if "hang-dns" in done.stderr and done.returncode == 2:
        pytest.skip(done.stderr.strip().splitlines()[-1])  # which says what is not allowed here
    assert "hang-dns struck 1 of 20 times" in done.stderr
    assert "lost 0, twice 0" in done.stderr, done.stderr
