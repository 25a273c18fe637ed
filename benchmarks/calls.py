"""What an invocation that ships asks of the kernel: system calls by name, counted by strace."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import shipping
from benchmarks.output.rows import Row, compared, unmeasured
from benchmarks.programs import BEFORE, LAUNCHER, NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.programs import Program

WHAT = "system calls per invocation of 20 lines, shipping each"
SHOWN = ("futex", "newfstatat", "poll", "writev")


def rows(count: int) -> list[Row]:
    """Return the counts of the layer, and of the older one if there is one (BENCH_BEFORE)."""
    if not shutil.which("strace"):
        return [unmeasured(WHAT, "strace is not installed")]
    layers = {"": LAUNCHER}
    if BEFORE:
        layers[", the layer before"] = Path(BEFORE).absolute() / "extensions" / NAME
    found = []
    for name, launcher in layers.items():
        each = count_calls([str(launcher)], count)
        shown = ", ".join(f"{call} {each[call]:.1f}" for call in SHOWN if call in each)
        found.append(compared(WHAT + name, f"{sum(each.values()):.0f}: {shown}", **each))
    return found


def count_calls(command: Sequence[str], count: int) -> dict[str, float]:
    """Return how many calls of each name an invocation makes; those before and behind the measured ones are few."""
    tracers: list[subprocess.Popen[bytes]] = []
    with tempfile.NamedTemporaryFile() as told:

        def trace(program: Program) -> None:
            strace = ["strace", "-f", "-c", "-o", told.name, "-p", str(program.process.pid)]
            tracers.append(subprocess.Popen(strace, stderr=subprocess.DEVNULL))
            while not _is_traced(program):
                time.sleep(0.01)

        def end(_: Program) -> None:
            tracers[0].send_signal(signal.SIGINT)
            tracers[0].wait()

        shipping.invocations(command, count, begun=trace, ended=end)
        table = Path(told.name).read_text(encoding="utf-8")
    lines = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", table, re.MULTILINE)
    return {name: round(int(calls) / count, 2) for calls, name in lines if name != "total"}


def _is_traced(program: Program) -> bool:
    tasks = Path(f"/proc/{program.process.pid}/task").iterdir()
    return all("TracerPid:\t0" not in Path(task, "status").read_text(encoding="ascii") for task in tasks)
