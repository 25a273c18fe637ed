"""`make mutants`: are the tests worth their name? Defects are planted, and each must be caught.

python -m tests.mutants defects       the known defects of others, each with the tests that are named for it
python -m tests.mutants core          small changes of the pure core, at random, against its unit tests
python -m tests.mutants core --only circuit --seconds 60 --seed 3
python -m tests.mutants core --sample 300 --seed 3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

from tests.mutants.core import core
from tests.mutants.defects import DEFECTS
from tests.mutants.planting import ROOT, blind, judged, plant

WHAT = ["defects", "core"]


def defects(word: str, jobs: int) -> bool:
    """Plant each known defect with the word in it; print what catches it. Whether all were caught."""
    chosen = [defect for defect in DEFECTS if word in f"{defect.name} {defect.address}"]
    for defect in chosen:  # first of all: has each still a place?
        with tempfile.TemporaryDirectory() as folder:
            copytree(ROOT / "extension", Path(folder) / "extension")
            plant(Path(folder), defect.address, defect.change)
    with ThreadPoolExecutor(jobs) as pool:
        sound = judged(sorted({test for defect in chosen for test in defect.tests}))
        if sound:
            print(f"without any defect these tests fail:\n{sound}")
            return False
        missed = 0
        outcomes = pool.map(lambda one: blind(one.address, one.change, one.tests), chosen)
        for defect, escaped in zip(chosen, outcomes, strict=True):
            missed += bool(escaped)
            print(f"{'NOT CAUGHT' if escaped else 'caught'}  {defect.name}  ({defect.address})", flush=True)
            told = [f"{test} does not fail:\n{said}" for test, said in escaped.items()] or defect.tests
            print(*(f"    {line}" for line in told), sep="\n", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} known defects are caught")
    return not missed


def main() -> int:
    """Run, print, and say by the exit status whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="*", metavar="|".join(WHAT))
    parser.add_argument(
        "--only", default="", metavar="WORD", help="defects, and mutants of the core, with this word in them"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order in which the core's mutants are tried")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--seconds", type=float, default=1200, help="after which no mutant of the core is tried any more"
    )
    parser.add_argument("--sample", type=int, default=0, help="how many mutants of the core are tried; 0: all")
    told = parser.parse_args()
    what = told.what or WHAT  # not the parser's default: with `choices` Python before 3.11.4 refuses that
    if unknown := [one for one in what if one not in WHAT]:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(WHAT)}")
    well = True
    if "defects" in what:
        well = defects(told.only, told.jobs)
    if "core" in what:
        well = core(told.only, told.seed, told.jobs, told.seconds, told.sample) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
