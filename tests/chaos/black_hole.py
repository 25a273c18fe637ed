"""What a dead store does to the function: paired runs without the extension, and with it in front of a black hole.

Durations are the platform's own (`durationMs` of `platform.report`, which ends when the extension has asked for its
next event); waking one more process costs the sandbox itself the better part of a millisecond. The two runs of a pair
go on at the same time, one invocation of each in turn, so that whatever else this machine does hits both. Within a
pair the median may differ by 5 %, the 99th percentile by 5 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.chaos.rig import Rig
from tests.fakes import s3

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS, INVOCATIONS = 3, 500
SLEEP = 0.05  # s
MEDIAN_SHARE, P99_MS = 0.05, 5.0


@dataclass(frozen=True)
class Run:
    """One run's durations in ms, function errors, lines about the circuit, ms of hold, and growth of RssAnon in kB."""

    durations: list[float]
    errors: int
    circuit_lines: int = 0
    held_ms: float = 0
    grown_kb: int = 0

    @property
    def median(self) -> float:
        """In ms."""
        return median(self.durations)

    @property
    def p99(self) -> float:
        """In ms: 99 of 100 invocations took no longer."""
        return sorted(self.durations)[-(-99 * len(self.durations) // 100) - 1]


def pair(server: s3.Moto, name: str, invocations: int) -> tuple[Run, Run]:
    """Run both, in turn; the one with the extension never reaches its store."""
    bare, holed = Rig(server, name + "-bare", layer=False), Rig(server, name)
    holed.store("s3-black-hole")
    begun = grown = 0
    with bare, holed:
        for number in range(invocations):
            for rig in (bare, holed) if number % 2 else (holed, bare):
                rig.invoke(lines=10, bytes=120, sleep=SLEEP)
            begun = begun or holed.memory_kb()
        grown = holed.memory_kb() - begun
    told = [line for line in holed.said() if "circuit opened" in line["message"]]
    held = next((float(line["heldMs"]) for line in holed.said() if "heldMs" in line), 0.0)
    return _run(bare), _run(holed, len(told), held, grown)


def _run(rig: Rig, circuit_lines: int = 0, held_ms: float = 0.0, grown_kb: int = 0) -> Run:
    durations = [result.report["metrics"]["durationMs"] for result in rig.results]
    errors = sum(result.function_error is not None for result in rig.results)
    return Run(durations, errors, circuit_lines, held_ms, grown_kb)


def table(pairs: Sequence[tuple[Run, Run]]) -> list[str]:
    """The figures, and of each pair whether it is within the bounds."""
    lines = [f"{'run':4}{'what':14}{'median':>10}{'p99':>10}{'slowest':>12}{'errors':>8}{'held':>10}{'memory':>11}"]
    for number, (bare, holed) in enumerate(pairs, 1):
        for what, run in (("no extension", bare), ("black hole", holed)):
            figures = f"{run.median:7.2f} ms{run.p99:7.2f} ms{max(run.durations):9.2f} ms{run.errors:8}"
            lines.append(f"{number:<4}{what:14}{figures}{run.held_ms:7.0f} ms{run.grown_kb:+8} kB")
        share = holed.median / bare.median - 1
        verdict = "within bounds" if within(bare, holed) else "OUT OF BOUNDS"
        lines.append(f"    median {share:+.2%}, p99 {holed.p99 - bare.p99:+.2f} ms: {verdict}")
    return lines


def within(bare: Run, holed: Run) -> bool:
    """Whether a pair is as it must be."""
    return (
        holed.median <= bare.median * (1 + MEDIAN_SHARE)
        and holed.p99 <= bare.p99 + P99_MS
        and not holed.errors
        and holed.circuit_lines == 1
    )


def main() -> int:
    """Run all pairs and print."""
    print(f"{PAIRS} pairs of {INVOCATIONS} invocations that take {SLEEP * 1000:.0f} ms and log 10 lines", flush=True)
    with s3.moto() as server:
        pairs = [pair(server, f"black-hole-{number}", INVOCATIONS) for number in range(PAIRS)]
    print(*table(pairs), sep="\n")
    return 0 if all(within(*one) for one in pairs) else 1
