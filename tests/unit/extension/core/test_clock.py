"""When a wake-up is so late that the environment was frozen in between."""

from __future__ import annotations

import pytest

from extension.core.clock import Clock
from tests.unit.extension.build import at


@pytest.mark.parametrize(("planned", "now", "frozen"), [(2.0, 3.0, False), (2.0, 3.25, True), (0.0, 1.5, False)])
def test_a_wake_up_more_than_a_second_late_is_a_thaw(planned: float, now: float, *, frozen: bool) -> None:
    clock = Clock()
    clock.advance(at(0.0))
    clock.advance(at(0.5))
    clock.plan(planned)
    assert clock.advance(at(now)) is frozen


def test_without_a_plan_nothing_is_late() -> None:
    clock = Clock()
    assert [clock.advance(at(moment)) for moment in (0.0, 100.0)] == [False, False]
    assert (clock.time, clock.wake_at()) == (100.0, None)
