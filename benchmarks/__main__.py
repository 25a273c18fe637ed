"""`make bench`: every target of the extension's costs, measured; one table, JSON, and the chart of docs/benchmarks.md.

BENCH=quick takes few runs of everything, to try out; its figures are not written. BENCH_LAYER measures another folder
than build/layer; BENCH_BEFORE names an older one, to which this one is compared, run by run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks import before, billing, calls, libraries, quota, sandboxed, shipping, starting
from benchmarks.output import chart, facts
from benchmarks.output.rows import Row, text
from benchmarks.programs import BEFORE, LAUNCHER, ROOT
from benchmarks.reading import rows as reading

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    """Measure. A target that is missed is said, and no failure of the program: the machine may be busy."""
    if not LAUNCHER.exists():
        print("build/layer is missing: `make layer` builds it", file=sys.stderr)
        return 2
    quick = os.environ.get("BENCH") == "quick"
    about = facts.machine()
    found: list[Row] = []
    for name, measure in _plan(quick=quick).items():
        began = time.monotonic()
        found += measure()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    bars = libraries.bars(3 if quick else 15)
    print(text(found))
    print("\n".join(f"{bar.name}: {bar.milliseconds:.0f} ms, {bar.megabytes:.0f} MB" for bar in bars))
    if not quick:
        _write(about, found, bars)
    return 0


def _plan(*, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    def pick(few: int, many: int) -> int:
        return few if quick else many

    shares = {quota.FULL: pick(5, 40), quota.QUARTER: pick(5, 40), quota.SMALLEST: pick(1, 9)}
    compared: dict[str, Callable[[], list[Row]]] = {
        "before": lambda: before.rows(pick(5, 25), pick(3, 9), pick(40, 100), pick(4, 8))
    }
    return (compared if BEFORE else {}) | {
        "start": lambda: starting.rows(shares),
        "first object": lambda: [shipping.first_object({"light": pick(3, 11), "boto3": pick(1, 5)})],
        "steady": lambda: shipping.steady(pick(40, 200)),
        "calls": lambda: calls.rows(pick(20, 100)),
        "per megabyte": lambda: shipping.per_megabyte(pick(4, 16)),
        "added": lambda: [billing.added(pick(200, 1500))],
        "held": lambda: billing.held(pick(5, 30)),
        "sustained": lambda: [billing.sustained(pick(3, 15))],
        "reading": lambda: reading.rows(pick(100_000, 1_000_000), pick(1, 3)),
        "sandbox": lambda: sandboxed.rows(pick(1, 7), pick(10, 40)),
    }


def _write(about: dict[str, object], found: list[Row], bars: list[chart.Bar]) -> None:
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": about, "rows": [asdict(row) for row in found], "chart": [bar._asdict() for bar in bars]}
    (RESULTS / "latest.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    note = f"{about['cpu']}, CPython {about['python_of_the_layer']}, {str(about['date'])[:10]}; `make bench`"
    (RESULTS / "start.svg").write_text(chart.svg(bars, note), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
