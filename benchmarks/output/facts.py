"""What a figure means without the machine it was measured on. No names of hosts, users or folders."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
from pathlib import Path

from benchmarks import quota
from benchmarks.programs import PRIVATE, ROOT


def machine() -> dict[str, object]:
    """Return the machine, the layer, the commit and the hour."""
    layer = json.loads((PRIVATE / "layer.json").read_text(encoding="utf-8"))
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_since": bool(_git("status", "--porcelain", "--", "extension", "layer")),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release().split("-")[0],
        "architecture": platform.machine(),
        "python_of_the_layer": layer["python"],
        "origin": layer["origin"],
        "layer_mb": round(sum(path.stat().st_size for path in PRIVATE.rglob("*") if path.is_file()) / 1e6, 1),
        "python_of_the_bench": platform.python_version(),
        "cpu_quota": quota.missing() or f"cgroup v1, period {quota.PERIOD_US // 1000} ms",
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _git(*words: str) -> str:
    ran = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - the machine's
    return ran.stdout.strip()
