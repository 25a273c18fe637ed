"""Memory and CPU bounded by control groups; skipped, with the reason, where this machine does not allow them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.host import cgroups
from adaptive_batching.sandbox.host.cgroups import BOTH, CPU, MEMORY, Limits
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import AWSLAMBDARIC, environment, function, records

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.sandbox.function import Function

WHY = cgroups.refused(BOTH)
allowed = pytest.mark.skipif(bool(WHY), reason=WHY or "-")

HUNGRY = """
import time
def handler(event, context):
    held = bytearray(event.get("mb", 0) * 2**20)
    began, spent = time.monotonic(), time.process_time()
    while time.process_time() - spent < event.get("cpu", 0): pass
    return time.monotonic() - began
"""


def hungry(tmp_path: Path, memory: int) -> Function:
    one = function(tmp_path, memory=memory, timeout=20.0)
    (one.folder / "app.py").write_text(HUNGRY)
    return one


@allowed
def test_a_function_that_takes_too_much_memory_is_killed_and_the_next_invocation_works(tmp_path: Path) -> None:
    with environment(hungry(tmp_path, 128), limits=frozenset({MEMORY})) as env:
        gone, again = env.invoke({"mb": 200}), env.invoke({"mb": 1})
    assert gone.json()["errorType"] == "Runtime.OutOfMemory"
    assert gone.json()["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert (gone.report["status"], gone.report["errorType"]) == ("error", "Runtime.OutOfMemory")
    assert gone.report["metrics"]["maxMemoryUsedMB"] == 128
    (done, _) = (one["record"] for one in records(env, "platform.runtimeDone"))
    assert done["errorType"] == "Runtime.OutOfMemory"
    assert again.function_error is None
    assert 20 < again.report["metrics"]["maxMemoryUsedMB"] <= 128


@allowed
def test_128_mb_have_seven_per_cent_of_a_cpu(tmp_path: Path) -> None:
    with environment(hungry(tmp_path, 128), limits=BOTH, init_timeout=60.0) as env:
        took = env.invoke({"cpu": 0.1}).json()
    assert 0.1 / (3 * 0.07) < took < 6  # 1.4 s alone; what was saved up or others take moves it


@allowed
def test_nothing_is_left_of_the_groups(tmp_path: Path) -> None:
    with environment(hungry(tmp_path, 128), limits=BOTH, init_timeout=60.0) as env:
        env.invoke({})
        name = env.temporary.parent.name
        made = list(cgroups.ROOT.rglob(f"*/{name}"))
    assert made
    assert not any(folder.exists() for folder in made)


def tree(tmp_path: Path) -> Path:
    """Return a folder that looks like control groups of version 2."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    return tmp_path


def test_version_2_has_one_group_for_both(tmp_path: Path) -> None:
    made = Limits("one", 512, BOTH, tree(tmp_path))
    assert made.refused == ""
    assert made.folders == [tmp_path / "one"]
    written = {file.name: file.read_text() for file in (tmp_path / "one").iterdir()}
    assert written == {"cpu.max": "5788 20000", "memory.max": str(512 * 2**20), "memory.swap.max": "0"}
    (tmp_path / "one" / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert [made.out_of_memory(), made.out_of_memory()] == [True, False]
    (tmp_path / "one" / "memory.peak").write_text(str(100 * 2**20))
    assert (made.used_mb(50), made.used_mb(900)) == (100, 512)


def test_where_groups_are_not_allowed_the_reason_is_kept_and_nothing_is_changed(tmp_path: Path) -> None:
    refused = Limits("one", 512, frozenset({CPU}), tmp_path / "absent")
    assert "control groups cannot be created" in refused.refused
    assert refused.command(["a", "b"]) == ["a", "b"]
    assert (refused.out_of_memory(), refused.used_mb(7)) == (False, 7)


def test_nothing_is_bounded_unless_it_is_wanted() -> None:
    assert Limits("one", 512, frozenset()).folders == []


@allowed
def test_memory_on_the_command_line_bounds_memory_and_cpu(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context): return open('/proc/self/cgroup').read()\n"
    )
    words = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(tmp_path)]
    words += ["--awslambdaric", str(AWSLAMBDARIC), "--timeout", "20"]

    def groups(*more: str) -> str:
        clean = clean_environment(os.environ)
        return subprocess.run([*words, *more], capture_output=True, text=True, check=True, timeout=60, env=clean).stdout

    began = time.monotonic()
    assert "/sandbox-" in groups("--memory", "512")
    assert "/sandbox-" not in groups("--memory", "512", "--limits", "none")
    assert "/sandbox-" not in groups()
    assert time.monotonic() - began < 30
