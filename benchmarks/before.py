"""The layer beside an older one (BENCH_BEFORE), in one run: one and the other in turn, and the ratio of the two.

A machine that is busy slows both; medians of the ratios tell the two apart where times of different hours do not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import quota, shipping, turns
from benchmarks.output.rows import Row, at_most, middle, spread, unmeasured
from benchmarks.programs import BEFORE, LAUNCHER, NAME, extension
from benchmarks.starting import Started

if TYPE_CHECKING:
    from collections.abc import Callable

INVOCATION, MEGABYTE, START = 0.70, 0.65, 0.85  # of what the older layer takes
WHY = "both layers share kernel, TLS and compression; where others use the CPUs, times (not CPU) tell little"


def rows(starts: int, pairs: int, invocations: int, megabytes: int) -> list[Row]:
    """Return one row for each target."""
    what = "process start to first event/next, a quarter of a CPU"
    environ = extension(S3_CLIENT="light")
    found = []
    if why := quota.missing():
        found.append(unmeasured(f"{what}, beside the layer before", why))
    else:
        found.append(_row(what, START, starts, lambda command: 1000 * Started(command, environ, quota.QUARTER).seconds))
    what = "CPU per invocation of 20 lines x 200 bytes, shipping each"
    commands = _commands()
    values = [turns.invocations(commands, invocations) for _ in range(pairs)]
    found.append(_compared(what, INVOCATION, [(ours, before) for ours, before in values]))
    return found + [_megabyte(compression, pairs, megabytes) for compression in shipping.PER_MB]


def _megabyte(compression: str, pairs: int, megabytes: int) -> Row:
    what = f"CPU per raw MB of 200-byte lines, compression {compression}"
    return _row(what, MEGABYTE, pairs, lambda command: shipping.megabyte(command, compression, 200, megabytes))


def _row(what: str, limit: float, pairs: int, measure: Callable[[list[str]], float]) -> Row:
    """Return the median ratio of so many pairs, the older layer first in every second one."""
    ours, before = _commands()
    values: list[tuple[float, float]] = []
    for number in range(pairs):
        if number % 2:
            value = measure(ours)
            values.append((value, measure(before)))
        else:
            value = measure(before)
            values.append((measure(ours), value))
    return _compared(what, limit, values)


def _commands() -> list[list[str]]:
    """Return what starts this layer, and the older one."""
    return [[str(LAUNCHER)], [str(Path(BEFORE).absolute() / "extensions" / NAME)]]


def _compared(what: str, limit: float, values: list[tuple[float, float]]) -> Row:
    """Return the row for pairs of ms, the older layer's second."""
    ratio = middle([one / other for one, other in values])
    mine, others = (middle([pair[side] for pair in values]) for side in (0, 1))
    figures: dict[str, object] = {
        "ratios": spread([one / other for one, other in values]),
        "ms": round(mine, 3),
        "before_ms": round(others, 3),
        "pairs": len(values),
    }
    row = at_most(f"{what}, beside the layer before", "times", limit, ratio, **figures)
    said = f"{ratio:.2f} times ({mine:.2f} / {others:.2f} ms)"
    return Row(row.what, said, row.target, row.met, "" if row.met else WHY, row.figures)
