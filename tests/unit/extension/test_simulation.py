"""Random lifecycles; a failing seed is printed and replays with SIMULATION_SEED."""

import os

import pytest

from tests.unit.extension.simulation import Violation, World

LIFECYCLES = int(os.environ.get("SIMULATION_LIFECYCLES", "5000"))


def test_random_lifecycles_keep_every_invariant() -> None:
    first = int(os.environ.get("SIMULATION_SEED", "1"))
    for seed in range(first, first + LIFECYCLES):
        world = World(seed)
        try:
            world.run()
        except Violation as violation:
            pytest.fail(f"{violation} (replay: SIMULATION_SEED={seed} SIMULATION_LIFECYCLES=1)")
