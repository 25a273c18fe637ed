"""From the start of a process to its first `event/next`, and what it holds then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import quota
from benchmarks.output.rows import Row, at_most, compared, middle, spread, unmeasured
from benchmarks.programs import BARE, LAUNCHER, extension, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RATIO = 1.5


class Started:
    """One start: wall and CPU seconds to the first `event/next`, bytes resident then."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], part: float) -> None:
        with running(command, environ, part) as (_, program, seconds):
            self.seconds = seconds
            self.cpu = program.cpu  # what runs on after it counts as long as it takes to ask
            self.memory = program.memory.resident


def rows(runs: Mapping[float, int]) -> list[Row]:
    """Return pairs of extension and bare program, and the boto3 store, so many at each share of a CPU."""
    found = []
    for part, count in runs.items():
        name = {quota.FULL: "a full CPU", quota.QUARTER: "a quarter of one"}.get(part, f"{part:.1%} of one")
        what = f"process start to first event/next, {name}"
        if part < quota.FULL and (why := quota.missing()):
            found.append(unmeasured(what, why))
            continue
        found.append(_row(what, part, count))
    return found


def _row(what: str, part: float, count: int) -> Row:
    extensions: list[Started] = []
    bares: list[Started] = []
    others: list[Started] = []
    light, boto3 = extension(S3_CLIENT="light"), extension(S3_CLIENT="boto3")
    for number in range(count + 1):
        one = [Started([str(LAUNCHER)], light, part), Started(BARE, {}, part), Started([str(LAUNCHER)], boto3, part)]
        if number:  # the first of each warms the page cache
            for kept, started in zip((extensions, bares, others), one, strict=True):
                kept.append(started)
    ratio = middle([one.seconds / other.seconds for one, other in zip(extensions, bares, strict=True)])
    by_name: dict[str, object] = {
        name: {
            "ms": [round(1000 * value, 2) for value in spread([one.seconds for one in runs])],
            "cpu_ms": [round(1000 * value, 2) for value in spread([one.cpu for one in runs])],
            "resident_mb": round(middle([one.memory for one in runs]) / 1e6, 1),
        }
        for name, runs in (("extension", extensions), ("bare", bares), ("extension, boto3 store", others))
    }
    middles = [middle([one.seconds for one in runs]) * 1000 for runs in (extensions, bares, others)]
    measured = f"{ratio:.2f} times bare ({middles[0]:.0f} / {middles[1]:.0f} ms; boto3 store {middles[2]:.0f} ms)"
    figures: dict[str, object] = {"ratio": round(ratio, 3), "pairs": count, **by_name}
    if part < quota.QUARTER:
        return compared(what, measured, **figures)
    row = at_most(what, "times bare", RATIO, ratio, **figures)
    return Row(row.what, measured, row.target, row.met, figures=row.figures)
