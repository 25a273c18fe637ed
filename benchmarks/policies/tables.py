"""A row of figures as text, and what the promise of mode `adaptive` came to."""

from __future__ import annotations

from math import exp, log
from typing import Any

from benchmarks.policies.rules import BOUND, adaptive

COLUMNS = (
    "PUTs", "$/million", "$/GB", "age p50", "p95", "p99", "max", "late", "lost", "waiting", "held", "object", "cold"
)  # fmt: skip
END = "end of every invocation"
SLACK = 1.5  # s that p99 may be over MAX_DELAY
CENTS = 0.05  # $ per million that another rule may be cheaper


def cells(row: dict[str, Any]) -> list[str]:
    """Return the texts below COLUMNS."""
    return [
        f"{row['puts']:,}",
        f"{row['dollars_per_million']:.2f}",
        f"{row['dollars_per_gb']:.2f}",
        *(age(row[name]) for name in ("p50", "p95", "p99", "most")),
        share(row["late"]),
        share(row["lost"]),
        size(row["waiting_bytes"]),
        f"{row['held_ms']:.0f} ms",
        size(row["median_object"]),
        f"+{share(row['more_cold'])}",
    ]


def age(seconds: float) -> str:
    """Return seconds as a reader wants them."""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"  # noqa: PLR2004


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.2f} %" if value < 0.1 else f"{100 * value:.0f} %"  # noqa: PLR2004


def size(value: int) -> str:
    """Return bytes in KB or MB."""
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.1f} KB"  # noqa: PLR2004


class Verdict:
    """What the promise came to on the traces of one seed."""

    def __init__(self, traces: dict[str, dict[str, dict[str, Any]]], max_delay: float) -> None:
        name = adaptive(max_delay)
        ours = {trace: rows[name] for trace, rows in traces.items()}
        self.most_late = max(row["late"] for row in ours.values())
        self.in_time = sum(row["p99"] <= max_delay + SLACK for row in ours.values())
        self.traces = len(traces)
        self.better = {trace: better(rows, ours[trace]) for trace, rows in traces.items()}
        self.most_cents = max((ours[t]["dollars_per_million"] - rows[rule]["dollars_per_million"]
                               for t, rows in traces.items() for rule in self.better[t]), default=0.0)  # fmt: skip
        logs = [log(ours[t]["dollars_per_million"] / rows[END]["dollars_per_million"]) for t, rows in traces.items()]
        self.mean = exp(sum(logs) / len(logs))
        self.most_cold = max(row["more_cold"] for row in ours.values())


def better(rows: dict[str, dict[str, Any]], ours: dict[str, Any]) -> list[str]:
    """Return the rules that are cheaper than ours and at least as fresh at p99."""
    return [
        name
        for name, row in rows.items()
        if name != BOUND
        and not name.startswith("adaptive")
        and row["dollars_per_million"] < ours["dollars_per_million"]
        and row["p99"] <= ours["p99"]
    ]
