"""`make mutants`: are the tests worth their name? Defects are planted, and each must be caught.

python -m tests.mutants defects       the known defects of others, each with the tests that are named for it
python -m tests.mutants rules         each rule of docs/reliability.md is taken out: do the tests named there notice?
python -m tests.mutants rules --rule poison      those with this word in them
python -m tests.mutants core          small changes of the pure core, at random, against its unit tests
python -m tests.mutants core --module circuit --seconds 60 --seed 3
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.mutants import runner
from tests.mutants.defects import DEFECTS
from tests.mutants.planting import blind, judged
from tests.mutants.rules import REMOVALS, defined, rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WHAT = ["defects", "rules", "core"]
#: Percent of the tried mutants of the core that have to be caught.
GOAL = 95.0


def defects(jobs: int) -> bool:
    """Plant each known defect; print what catches it. Whether all were caught."""
    with ThreadPoolExecutor(jobs) as pool:
        sound = judged(sorted({test for defect in DEFECTS for test in defect.tests}))
        if sound:
            print(f"without any defect these tests fail:\n{sound}")
            return False
        missed = 0
        for defect, escaped in zip(DEFECTS, pool.map(lambda one: blind(one.changes, one.tests), DEFECTS), strict=True):
            missed += bool(escaped)
            print(f"{'NOT CAUGHT' if escaped else 'caught'}  {defect.name}", flush=True)
            told = [f"{test} does not fail:\n{said}" for test, said in escaped.items()] or defect.tests
            print(*(f"    {line}" for line in told), sep="\n", flush=True)
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} known defects are caught")
    return not missed


def removed(word: str, jobs: int) -> bool:
    """Take each rule out, in each way that is known. Whether each way fails a test, and each test fails for a way."""
    where = defined()
    chosen = {rule: tests for rule, tests in rules().items() if word in rule}
    held = 0
    with ThreadPoolExecutor(jobs) as pool:
        sound = judged(sorted({where[test] for tests in chosen.values() for test in tests}))
        if sound:
            print(f"with every rule in place these tests fail:\n{sound}")
            return False
        for rule, wrong in zip(chosen, pool.map(lambda one: _unheld(one, chosen[one], where), chosen), strict=True):
            held += not wrong
            print(
                f"{'NOT HELD' if wrong else 'held'}  {rule}", *(f"    {line}" for line in wrong), sep="\n", flush=True
            )
    print(f"{held} of {len(chosen)} rules are held")
    return held == len(chosen)


def _unheld(rule: str, tests: Sequence[str], where: Mapping[str, str]) -> list[str]:
    """What is wrong with a rule's tests, or nothing."""
    ways = [one for one in REMOVALS if one.rule == rule]
    named = [where[test] for test in tests]
    escaped = [blind(one.changes, named) for one in ways]
    wrong = [
        f"no test fails with {way.changes}" for way, some in zip(ways, escaped, strict=True) if len(some) == len(named)
    ]
    wrong += [
        f"{test} never fails: {[some[test] for some in escaped]}"
        for test in named
        if all(test in one for one in escaped)
    ]
    return wrong


def core(modules: Sequence[str], seed: int, jobs: int, seconds: float) -> bool:
    """Try mutants of the core; print the survivors and the score. Whether the goal was reached."""
    candidates = runner.mutants(modules, seed)
    print(f"seed {seed}: {len(candidates)} mutants", flush=True)
    if [caught for _, caught in runner.run([None], 1, seconds)] != [""]:
        print("the tests fail without any change")
        return False
    began = time.monotonic()
    tried: Counter[str] = Counter()
    hung = 0
    survivors: list[runner.Mutant] = []
    with contextlib.suppress(KeyboardInterrupt):  # what was tried so far counts
        for mutant, caught in runner.run(candidates, jobs, seconds):
            if mutant:
                tried[mutant.module] += 1
                hung += caught == runner.HUNG
            if mutant and not caught:
                survivors.append(mutant)
                print(f"survived  {mutant}", flush=True)
    alive = Counter(one.module for one in survivors)
    total = max(tried.total(), 1)
    for module in modules:
        print(f"{module:12}{tried[module] - alive[module]:5} of {tried[module]:5}")
    score = 100 * (total - len(survivors)) / total
    took = time.monotonic() - began
    print(f"score {score:.1f} %: {total - len(survivors)} of {total} caught ({hung} by hanging), {took:.0f} s")
    print(f"{len(candidates) - total} of {len(candidates)} mutants were not tried")
    return score >= GOAL


def main() -> int:
    """Run, print, and say by the exit status whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="*", choices=WHAT, default=WHAT)
    parser.add_argument("--rule", default="", metavar="WORD", help="of the rules to take out")
    parser.add_argument("--module", action="append", choices=runner.CORE)
    parser.add_argument("--seed", type=int, default=1, help="of the order in which the core's mutants are tried")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1200, help="after which no further mutant is tried")
    told = parser.parse_args()
    well = True
    if "defects" in told.what:
        well = defects(told.jobs)
    if "rules" in told.what:
        well = removed(told.rule, told.jobs) and well
    if "core" in told.what:
        well = core(told.module or runner.CORE, told.seed, told.jobs, told.seconds) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
