"""`make mutants`: are the tests worth their name? Defects are planted, and each must be caught.

python -m tests.mutants defects       the known defects of others, each with the tests that are named for it
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
from tests.mutants.planting import judged, planted

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        for defect, escape in zip(DEFECTS, pool.map(planted, DEFECTS), strict=True):
            missed += bool(escape)
            print(f"{'NOT CAUGHT' if escape else 'caught'}  {defect.name}", flush=True)
            print(*(f"    {line}" for line in (escape.splitlines() or defect.tests)), sep="\n", flush=True)
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} known defects are caught")
    return not missed


def core(modules: Sequence[str], seed: int, jobs: int, seconds: float) -> bool:
    """Try mutants of the core; print the survivors and the score. Whether the goal was reached."""
    candidates = runner.mutants(modules, seed)
    print(f"seed {seed}: {len(candidates)} mutants", flush=True)
    if [caught for _, caught in runner.run([None], 1, seconds)] != [False]:
        print("the tests fail without any change")
        return False
    began = time.monotonic()
    tried: Counter[str] = Counter()
    survivors: list[runner.Mutant] = []
    with contextlib.suppress(KeyboardInterrupt):  # what was tried so far counts
        for mutant, caught in runner.run(candidates, jobs, seconds):
            if mutant:
                tried[mutant.module] += 1
            if mutant and not caught:
                survivors.append(mutant)
                print(f"survived  {mutant}", flush=True)
    alive = Counter(one.module for one in survivors)
    total = max(tried.total(), 1)
    for module in modules:
        print(f"{module:12}{tried[module] - alive[module]:5} of {tried[module]:5}")
    score = 100 * (total - len(survivors)) / total
    took = time.monotonic() - began
    print(f"score {score:.1f} %: {total - len(survivors)} of {total} caught, of {len(candidates)} in all, {took:.0f} s")
    return score >= GOAL


def main() -> int:
    """Run, print, and say by the exit status whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="*", choices=["defects", "core"], default=["defects", "core"])
    parser.add_argument("--module", action="append", choices=runner.CORE)
    parser.add_argument("--seed", type=int, default=1, help="of the order in which the core's mutants are tried")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1200, help="after which no further mutant is tried")
    told = parser.parse_args()
    well = True
    if "defects" in told.what:
        well = defects(told.jobs)
    if "core" in told.what:
        well = core(told.module or runner.CORE, told.seed, told.jobs, told.seconds) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
