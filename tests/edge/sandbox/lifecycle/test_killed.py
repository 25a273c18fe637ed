"""A sandbox that is killed leaves no process and no folder; what another one left is cleared at the next start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from adaptive_batching.sandbox.host import workdir
from adaptive_batching.sandbox.host.watchdog import Watchdog
from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.world import AWSLAMBDARIC, eventually, function, process_state


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for one in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, one.read_text().split()):
            found += [child, *descendants(child)]
    return found


def test_a_sandbox_ended_by_sigkill_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    one = function(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-m", "adaptive_batching", "sandbox", "run", str(one.folder), "-n", "2"]
    words += ["--pause", "60", "--s3", "bucket", "--layer", str(one.layers[0]), "--awslambdaric", str(AWSLAMBDARIC)]
    clean = {**clean_environment(os.environ), "TMPDIR": str(temporary)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.readline().startswith(b"{")
        eventually(lambda: sum(process_state(pid) == "T" for pid in descendants(sandbox.pid)) >= 2)
        pids = descendants(sandbox.pid)
        (folder,) = temporary.glob("sandbox-*")
        sandbox.kill()
    assert len(pids) >= 5  # runtime, extension, S3, namespace, watchdogs
    eventually(lambda: not any(process_state(pid) not in {"", "Z"} for pid in pids), 10.0)
    eventually(lambda: not folder.exists(), 10.0)


def test_a_watchdog_kills_what_was_not_forgotten() -> None:
    both = [subprocess.Popen(["sleep", "60"], process_group=0) for _ in range(3)]
    dog = Watchdog()
    for one in both:
        dog.add(one.pid)
    dog.forget(both[1].pid)
    dog.stop()
    assert both[0].wait(5) == both[2].wait(5) == -9
    assert both[1].poll() is None
    both[1].kill()
    both[1].wait()


def test_a_watchdog_removes_its_folder(tmp_path: Path) -> None:
    (tmp_path / "gone" / "deep").mkdir(parents=True)
    Watchdog([tmp_path / "gone"]).stop()
    assert not (tmp_path / "gone").exists()


def test_folders_of_the_dead_are_cleared_and_those_in_use_are_not(tmp_path: Path) -> None:
    lock, used = workdir.claim(tmp_path)
    other, left = workdir.claim(tmp_path)
    other.close()
    foreign = tmp_path / "sandbox-foreign"
    foreign.mkdir()
    assert workdir.clear(tmp_path, time.time()) == []  # still young: its owner may be about to lock it
    assert workdir.clear(tmp_path, time.time() + workdir.YOUNG + 1) == [left]
    assert used.exists()
    assert foreign.exists()
    lock.close()
