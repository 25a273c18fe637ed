"""S3 swallows every PUT and never answers: the function must not notice.

What can be counted of that, is; durations are measured by `python -m tests.chaos black-hole`, since a test with a clock
in it fails when the machine is busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.chaos.rig import Rig

if TYPE_CHECKING:
    from tests.fakes.s3 import Moto

INVOCATIONS = 150
MAX_HOLD = 500
#: ms: the circuit opens after a second of hold in vain, and the hold in which that second ends may take MAX_HOLD more.
MOST_HELD = 1000 + MAX_HOLD
MOST_GROWTH_KB = 16 * 1024


@dataclass
class Hole:
    """The environment after its end, and by how many kB the extension's memory grew after the first invocation."""

    rig: Rig
    grown: int


@pytest.fixture(scope="module")
def hole(moto: Moto) -> Hole:
    """A whole run in front of a black hole: 24 MB of logs, each invocation with a crossed threshold."""
    rig = Rig(moto, "black-hole", told={"SHIP_RATE_INVOKES": 1, "MAX_HOLD_MILLISECONDS": MAX_HOLD})
    rig.store("s3-black-hole")
    with rig:
        rig.invoke(lines=40, bytes=4000)
        begun = rig.memory_kb()
        for _ in range(INVOCATIONS - 1):
            rig.invoke(lines=40, bytes=4000)
        grown = rig.memory_kb() - begun
    return Hole(rig, grown)


def test_no_invocation_fails(hole: Hole) -> None:
    assert [result.function_error for result in hole.rig.results] == [None] * INVOCATIONS


def test_the_circuit_opens_and_that_is_said_once(hole: Hole) -> None:
    said = [line["message"] for line in hole.rig.said()]
    assert [text for text in said if "circuit opened" in text] == [said[0]]
    assert len(said) == 2, said  # and the last line


def test_nobody_is_held_after_the_circuit_has_opened(hole: Hole) -> None:
    (last,) = [line for line in hole.rig.said() if line["message"] == "environment shutting down"]
    assert 0 < last["heldMs"] <= MOST_HELD


def test_memory_does_not_grow_with_what_waits(hole: Hole) -> None:
    assert sum(len(event) for one in hole.rig.environment.deliveries for event in one.events) > 20_000_000
    assert hole.grown < MOST_GROWTH_KB


def test_what_is_lost_in_the_end_is_said_to_the_record(hole: Hole) -> None:
    verdict = hole.rig.verdict()
    assert verdict.shipped == 0
    assert verdict.lost == verdict.delivered == verdict.reported
