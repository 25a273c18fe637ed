"""Wilson's interval against figures from the literature and against its own definition, the score test."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.experiment.core.rate import excluded, wilson

Z = 1.959963984540054  # the 97.5th percentile of the normal distribution, from tables


@pytest.mark.parametrize(
    ("losses", "runs", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (7, 1200, 0.0028, 0.0120),  # the public experiment of 2019
    ],
)
def test_published_intervals(losses: int, runs: int, low: float, high: float) -> None:
    assert list(wilson(losses, runs)) == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 100_000).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))))
def test_its_bounds_are_the_rates_that_the_score_test_just_does_not_reject(pair: tuple[int, int]) -> None:
    losses, runs = pair
    low, high = wilson(losses, runs)
    assert 0.0 <= low <= losses / runs <= high <= 1.0
    for bound in (low, high):
        if 0.0 < bound < 1.0:
            score = abs(losses / runs - bound) / sqrt(bound * (1 - bound) / runs)
            assert score == pytest.approx(Z, rel=1e-6)


@pytest.mark.parametrize(("losses", "runs"), [(0, 0), (1, 0), (3, 2), (-1, 5)])
def test_what_is_no_rate_is_refused(losses: int, runs: int) -> None:
    with pytest.raises(ValueError, match="are not a rate"):
        wilson(losses, runs)


def test_516_clean_runs_exclude_the_rate_of_2019_and_3000_exclude_one_in_a_thousand() -> None:
    assert excluded(516) == pytest.approx(0.0058, abs=5e-5)
    assert excluded(3000) < 0.001 < excluded(2900)


@given(st.integers(1, 1_000_000))
def test_with_the_excluded_rate_a_clean_series_has_a_chance_of_five_percent(runs: int) -> None:
    assert (1 - excluded(runs)) ** runs == pytest.approx(0.05, rel=1e-6)


def test_no_runs_exclude_nothing() -> None:
    with pytest.raises(ValueError, match="at least one run is needed"):
        excluded(0)
