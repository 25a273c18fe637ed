"""Arrivals follow the rate: in each second as many as its integral says, give or take less than one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.load.core import schedule
from adaptive_batching.load.core.script import Phase

RATES = st.floats(0, 60).map(lambda rate: round(rate, 2))
PHASES = st.one_of(
    st.builds(
        lambda seconds, rate, to: Phase.model_validate({"duration": seconds, "arrivalRate": rate, "rampTo": to}),
        st.integers(1, 40),
        RATES,
        RATES,
    ),
    st.builds(
        lambda seconds, count: Phase.model_validate({"duration": seconds, "arrivalCount": count}),
        st.integers(1, 40),
        st.integers(0, 500),
    ),
    st.builds(lambda seconds: Phase.model_validate({"pause": seconds}), st.integers(1, 40)),
)


def integral(phase: Phase, begin: float, end: float, steps: int = 1000) -> float:
    """The oracle: the rate at the middle of many short pieces, added up."""
    length = phase.duration or 1

    def rate(at: float) -> float:
        if phase.arrival_count is not None:
            return phase.arrival_count / length
        start = phase.arrival_rate or 0
        return start + ((phase.ramp_to if phase.ramp_to is not None else start) - start) * at / length

    width = (end - begin) / steps
    return sum(rate(begin + width * (step + 0.5)) for step in range(steps)) * width


@given(phase=PHASES, seed=st.integers(0, 2**32))
def test_the_arrivals_of_each_second_differ_from_the_integral_by_less_than_one(phase: Phase, seed: int) -> None:
    found = schedule.arrivals([phase], Random(seed))
    for second in range(int(phase.length)):
        count = sum(second <= one.due < second + 1 for one in found)
        assert abs(count - integral(phase, second, second + 1)) < 1 + 1e-4


@given(phases=st.lists(PHASES, min_size=1, max_size=4), seed=st.integers(0, 2**32))
def test_phases_follow_one_another_and_arrivals_are_in_order(phases: list[Phase], seed: int) -> None:
    found = schedule.arrivals(phases, Random(seed))
    assert found == schedule.arrivals(phases, Random(seed))
    assert [one.number for one in found] == list(range(len(found)))
    assert [one.due for one in found] == sorted(one.due for one in found)
    begins = [sum(one.length for one in phases[:number]) for number in range(len(phases) + 1)]
    assert all(begins[one.phase] <= one.due <= begins[one.phase + 1] for one in found)


@pytest.mark.parametrize(
    ("phase", "count"),
    [
        ({"duration": 120, "arrivalRate": 1, "rampTo": 10}, 660),
        ({"duration": 10, "arrivalRate": 0.3}, 3),
        ({"duration": 60, "arrivalRate": 50}, 3000),
        ({"duration": 7, "arrivalCount": 100}, 100),
        ({"duration": 10, "arrivalRate": 10, "rampTo": 0}, 50),
        ({"duration": 10, "arrivalRate": 0}, 0),
        ({"duration": 10, "arrivalCount": 0}, 0),
        ({"pause": 5}, 0),
    ],
)
def test_a_whole_integral_is_met_whatever_the_seed(phase: dict[str, float], count: int) -> None:
    made = Phase.model_validate(phase)
    assert {len(schedule.arrivals([made], Random(seed))) for seed in range(50)} == {count}


def test_more_than_memory_takes_is_refused() -> None:
    phase = Phase.model_validate({"duration": 86_400, "arrivalRate": 100})
    with pytest.raises(schedule.ScheduleError, match="8,640,000 arrivals; 5,000,000 are possible"):
        schedule.arrivals([phase], Random(0))
