"""How much memory an environment's processes have used, from /proc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def peak_mb(pids: Iterable[int]) -> int:
    """Return the sum of peak resident memory of the processes in MB; 0 for those that are gone."""
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
