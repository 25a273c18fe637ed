"""Random lifecycles; a failing seed is printed and replays with SIMULATION_SEED.

500 of them unless SIMULATION_LIFECYCLES says otherwise; `make check` runs 3,000. What happened in them is printed
(`pytest -s`).
"""

import os
from collections import Counter

import pytest

from tests.unit.extension.simulation.simulated_events import ODD
from tests.unit.extension.simulation.world import Violation, World

LIFECYCLES = int(os.environ.get("SIMULATION_LIFECYCLES", "500"))
REPLAYED = 3000  # fewer lifecycles than this need not have seen everything
RARE = {
    *("filtered", "PassOver"),
    *("Upload", "Abandon", "Forget", "Discard", "Quarantine", "KeyChanged", "Release", "Say", "Exit"),
    *("Rebuilt", "Unreadable", "Poison", "ThresholdLowered", "killed in a replay"),
    *("stored", "exists", "unconditional", "abandoned", "transport", "server", "throttled", "configuration"),
    *("bytes upload", "invokes upload", "age upload", "backlog upload", "first upload", "restore upload"),
    *("gap upload", "beside upload"),
    *("shutdown upload", "careful upload", "shared upload", "upload with a record given up"),
    *("upload again by another process", "killed", "reset", "circuit opened", "echo", "shed", "credentials"),
    *("upload of what was set aside", "held in silence", "behind", "left in a replay"),
    *("stalled for ever", "stalled beyond the patience", "stored after the patience", "abandoned for want of time"),
    *("left to a store that is well", "left with one attempt stalled", "left with refused objects alone"),
    "left after an odd deadline",
    *(f"{event}, deadline {name}" for event in ("INVOKE", "SHUTDOWN") for name in ("as usual", *ODD)),
}


@pytest.mark.holds("accounts: received = shipped + filtered + waiting + lost, at all times")
def test_random_lifecycles_keep_every_invariant() -> None:
    first = int(os.environ.get("SIMULATION_SEED", "1"))
    happened: Counter[str] = Counter()
    for seed in range(first, first + LIFECYCLES):
        world = World(seed)
        try:
            world.run()
        except Violation as violation:
            pytest.fail(f"{violation} (replay: SIMULATION_SEED={seed} SIMULATION_LIFECYCLES=1)")
        happened += world.happened
    print(f"\n{LIFECYCLES} lifecycles from seed {first}, 0 violations:", dict(happened.most_common()))
    if LIFECYCLES >= REPLAYED:
        assert {what for what in RARE if not happened[what]} == set()  # or the worlds prove less than they say
