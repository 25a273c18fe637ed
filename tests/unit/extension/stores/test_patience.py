"""How long one attempt waits: it grows while a store does not answer in time, and falls when it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extension.stores.patience import LEAST, MOST, Patience


def test_it_doubles_with_each_time_out_up_to_a_bound_and_falls_with_a_quick_answer() -> None:
    patience = Patience()
    seen = [patience.seconds]
    for _ in range(5):
        patience.timed_out()
        seen.append(patience.seconds)
    patience.answered(0.05)
    assert [*seen, patience.seconds] == [2.0, 4.0, 8.0, 16.0, 16.0, 16.0, 2.0]


def test_a_store_that_answers_after_two_and_a_half_seconds_is_waited_for_from_the_second_attempt_on() -> None:
    patience, outcomes = Patience(), []
    for _ in range(6):
        outcomes.append(patience.seconds > 2.5)
        if outcomes[-1]:
            patience.answered(2.5)
        else:
            patience.timed_out()
    assert outcomes == [False, True, True, True, True, True]


@given(st.lists(st.none() | st.floats(0, 100)))
def test_whatever_happens_it_stays_within_its_bounds(events: list[float | None]) -> None:
    patience = Patience()
    for seconds in events:
        if seconds is None:
            patience.timed_out()
        else:
            patience.answered(seconds)
        assert LEAST <= patience.seconds <= MOST
