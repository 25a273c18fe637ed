"""`make chaos`: thousands of invocations over many environments with random faults, then the ledger of each.

python -m tests.chaos                          a seed is drawn and printed
python -m tests.chaos --seed 7                 the same plans again
python -m tests.chaos --seed 7 --only 12 -v    one environment of them, with all that happened to it
python -m tests.chaos black-hole               what a dead store does to the function's durations
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.chaos import black_hole
from tests.chaos.plan import KINDS, draw
from tests.chaos.play import Outcome, play
from tests.fakes import s3

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENTS, STEPS, LANES = 40, 30, 4


def run(seed: int, numbers: Sequence[int], steps: int, lanes: int = LANES) -> list[Outcome]:
    """Play the plans with these numbers, some at a time."""
    with s3.moto() as server, ThreadPoolExecutor(lanes) as pool:
        return list(pool.map(lambda number: play(draw(seed, number, steps), server), numbers))


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """One line for each kind of environment."""
    head = ("kind", "envs", "invokes", "killed", "delivered", "shipped", "lost", "reported", "unexplained", "twice")
    rows: list[tuple[str, ...]] = [head]
    for kind in KINDS:
        some = [one for one in outcomes if one.plan.kind == kind]
        verdicts = [one.verdict for one in some]
        figures = (
            len(some),
            sum(one.invocations for one in some),
            sum(one.killed for one in some),
            sum(one.delivered for one in verdicts),
            sum(one.shipped for one in verdicts),
            sum(one.lost for one in verdicts),
            sum(one.reported for one in verdicts),
            sum(one.inexcusable if kind == "both" else one.unexplained for one in verdicts),
            sum(one.twice for one in verdicts),
        )
        rows.append((kind, *map(str, figures)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]


def account(outcome: Outcome, *, verbose: bool) -> list[str]:
    """What is wrong with one outcome, and, if wanted, all that happened."""
    verdict, plan = outcome.verdict, outcome.plan
    lines = [
        f"environment {plan.seed} ({plan.kind}), settings {plan.settings}",
        f"lost {verdict.lost}, reported {verdict.reported}, without an answer {verdict.unanswered}",
        f"twice {verdict.twice}, unknown {verdict.unknown}, came after /tmp was emptied {verdict.inexcusable}",
        *outcome.failed,
        *verdict.faults,
        *filter(None, [outcome.broken]),
    ]
    if verbose:
        lines += [*outcome.history, *(line.rstrip() for line in outcome.said)]
        lines += [f"missing {key}"[:200] for key in sorted(verdict.missing)]
    return lines


def main() -> int:
    """Run, print, and say by the exit status whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("mode", nargs="?", choices=["faults", "black-hole"], default="faults")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--environments", type=int, default=ENVIRONMENTS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each environment")
    parser.add_argument("--only", type=int, help="the number of one environment")
    parser.add_argument("-v", "--verbose", action="store_true")
    told = parser.parse_args()
    if told.mode == "black-hole":
        return black_hole.main()
    print(f"seed {told.seed}", flush=True)
    began = time.monotonic()
    outcomes = run(told.seed, range(told.environments) if told.only is None else [told.only], told.steps)
    happened = Counter(step.what for one in outcomes for step in one.plan.steps)
    print(*table(outcomes), sep="\n")
    print(", ".join(f"{count} {what}" for what, count in happened.most_common()))
    bad = [one for one in outcomes if not one.clean]
    for one in outcomes if told.verbose else bad:
        print(*account(one, verbose=told.verbose), sep="\n")
    for one in bad:
        seed, _, number = one.plan.seed.partition("/")
        print(f"replay: python -m tests.chaos --seed {seed} --steps {told.steps} --only {number} -v")
    print(f"{len(bad)} of {len(outcomes)} environments with something unexplained, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
