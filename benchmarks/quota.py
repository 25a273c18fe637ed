"""A share of a CPU for one program: a cgroup with a quota, in Lambda's own period of 20 ms.

Version 1 of cgroups, as root; elsewhere `available()` says why not, and the rows that need it say so.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROLLER = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 20_000
LEAST_US = 1_000  # the kernel takes no smaller quota
FULL, HALF, QUARTER, SMALLEST = 1.0, 0.5, 0.25, 0.072  # SMALLEST: a function of 128 MB has 128/1769 of a CPU


def missing() -> str:
    """Return why no quota can be given here; empty if one can."""
    try:
        with share(QUARTER):
            return ""
    except OSError as error:
        return f"no CPU quota here (cgroup v1, as root): {error.strerror}"


@contextlib.contextmanager
def share(part: float) -> Iterator[str]:
    """Yield the `tasks` file of a cgroup with this part of a CPU, empty for a full one. OSError if forbidden."""
    if part >= FULL:
        yield ""
        return
    folder = CONTROLLER / f"adaptive-batching-bench-{os.getpid()}-{part * 1000:.0f}"
    folder.mkdir()
    try:
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(max(int(PERIOD_US * part), LEAST_US)))
        yield str(folder / "tasks")
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a cgroup, which goes only after the last of its processes was reaped."""
    give_up = time.monotonic() + 10
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return
