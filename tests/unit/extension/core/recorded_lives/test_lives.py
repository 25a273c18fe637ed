"""Without MODE the objects are, to the byte, those that were made before mode `adaptive` came.

thresholds.txt was printed by the code of the commit before it. Whoever changes on purpose what is shipped, and when,
prints it anew and says so.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from extension.core import batcher
from tests.unit.extension.core.recorded_lives.lives import LIFECYCLES, digest, lifecycle

GOLDEN = (Path(__file__).parent / "thresholds.txt").read_text(encoding="utf-8").splitlines()
REASONS = {batcher.BYTES, batcher.INVOKES, batcher.AGE, batcher.FIRST, batcher.SHUTDOWN}


@pytest.mark.parametrize("part", range(LIFECYCLES // 25))
def test_thresholds_make_the_same_objects_as_before(part: int) -> None:
    seeds = range(25 * part, 25 * part + 25)
    lives = [lifecycle(seed) for seed in seeds]
    assert [digest(puts) for puts in lives] == [GOLDEN[seed] for seed in seeds]
    assert {reason for reason in REASONS if f"('reason', '{reason}')" not in str(lives)} == set()
