"""Limit and measure the memory and CPU of an environment with control groups (version 1 or 2).

A function of N MB gets N/1769 of a CPU. Source: the developer guide, by which 1,769 MB are one virtual CPU.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MEMORY, CPU = "memory", "cpu"
BOTH = frozenset({MEMORY, CPU})
ROOT = Path("/sys/fs/cgroup")
#: The memory size, in MB, that gives one whole CPU.
ONE_CPU = 1769
#: The period of the CPU quota and the smallest quota that the kernel accepts, in microseconds.
PERIOD, SMALLEST = 20_000, 1_000
#: Seconds that `remove` waits for the kernel to release dead processes.
REMOVE_TIMEOUT = 2.0


class Limits:
    """The control groups of one environment.

    `wanted` is a subset of BOTH. If the groups cannot be created, there are none and `refused` says why.
    """

    def __init__(self, name: str, memory_mb: int, wanted: frozenset[str], root: Path = ROOT) -> None:
        self.folders: list[Path] = []
        self.refused = ""
        self._memory: Path | None = None
        self._size = memory_mb
        self._killed = 0
        try:
            if wanted:
                self._make(name, memory_mb, wanted, root)
        except OSError as error:
            self.close()
            self.refused = f"control groups cannot be created ({error.strerror})"

    def _make(self, name: str, memory_mb: int, wanted: frozenset[str], root: Path) -> None:
        unified = (root / "cgroup.controllers").exists()
        for controller in sorted(wanted):
            folder = _parent(root, controller, unified=unified) / name
            if folder not in self.folders:
                folder.mkdir()
                self.folders.append(folder)
            for file, value in _values(controller, memory_mb, unified=unified).items():
                if (folder / file).exists() or not file.startswith("memory.memsw"):
                    (folder / file).write_text(value)
            if controller == MEMORY:
                self._memory = folder

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs the command `words` inside the groups."""
        if not self.folders:
            return list(words)
        joins = "".join(f'echo $$ > "{folder}/cgroup.procs"; ' for folder in self.folders)
        return ["/bin/sh", "-c", f'{joins}exec "$@"', "limits", *words]

    def out_of_memory(self) -> bool:
        """Return whether the kernel has killed a process for lack of memory since the last call."""
        if self._memory is None:
            return False
        before, self._killed = (
            self._killed,
            max(_counted(self._memory / "memory.oom_control"), _counted(self._memory / "memory.events")),
        )
        return self._killed > before

    def used_mb(self, resident: int) -> int:
        """Return the peak memory of the environment in MB.

        `resident` is the peak resident memory of its processes in MB, which is the result without a memory limit.
        With a limit, the peak of the control group counts too, and the result is at most the limit.
        """
        for file in ("memory.max_usage_in_bytes", "memory.peak"):
            if self._memory is not None and (self._memory / file).exists():
                peak = int((self._memory / file).read_text()) // 2**20
                return min(max(peak, resident), self._size)
        return resident

    def close(self) -> None:
        """Remove the groups. Their processes must be dead."""
        for folder in self.folders:
            remove(folder)
        self.folders = []
        self._memory = None


def remove(folder: Path) -> bool:
    """Remove a group, waiting up to REMOVE_TIMEOUT for its dead processes. Return whether it is removed."""
    deadline = time.monotonic() + REMOVE_TIMEOUT
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    return True


def refused(wanted: frozenset[str]) -> str:
    """Return "" if these limits work on this machine, else the reason why they do not."""
    trial = Limits(f"sandbox-trial-{os.getpid()}", 128, wanted)
    trial.close()
    return trial.refused


def _parent(root: Path, controller: str, *, unified: bool) -> Path:
    """Return the folder in which groups are created.

    With version 1 that is the group of this process, so that the limits of a container stay in force.
    """
    if unified:
        return root
    top = root / controller
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            own = top / path.lstrip("/")
            return own if own.is_dir() else top
    return top


def _values(controller: str, memory_mb: int, *, unified: bool) -> dict[str, str]:
    """Return the value for each file of a group. Pure."""
    if controller == MEMORY:
        size = str(memory_mb * 2**20)
        if unified:
            return {"memory.max": size, "memory.swap.max": "0"}
        return {"memory.limit_in_bytes": size, "memory.memsw.limit_in_bytes": size}
    quota = max(SMALLEST, PERIOD * memory_mb // ONE_CPU)
    if unified:
        return {"cpu.max": f"{quota} {PERIOD}"}
    return {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}


def _counted(file: Path) -> int:
    """Return the number in the `oom_kill` line of a file, 0 without one."""
    try:
        words = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    except OSError:
        return 0
    return next((int(word[1]) for word in words if word[0] == "oom_kill"), 0)


def peak_mb(pids: Iterable[int]) -> int:
    """Return the sum of the peak resident memory of the processes in MB. A process that has ended counts 0."""
    return sum(_peak_kb(pid) for pid in pids) // 1024


def _peak_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0
