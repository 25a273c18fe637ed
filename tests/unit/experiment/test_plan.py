"""A plan's figures, and who makes which invocation."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.experiment.core.plan import ORIGINAL, Plan, Range, share


@given(st.integers(1, 300), st.integers(1, 400))
def test_the_workers_shares_make_up_the_plan(invocations: int, concurrency: int) -> None:
    plan = Plan(invocations, concurrency)
    numbers = [number for worker in range(plan.workers) for number in share(plan, worker)]
    assert sorted(numbers) == list(range(invocations))
    assert plan.workers <= concurrency


@pytest.mark.parametrize(("text", "span"), [("5-6", Range(5, 6)), ("0.5", Range(0.5, 0.5)), ("10-600", Range(10, 600))])
def test_a_span_is_read(text: str, span: Range) -> None:
    assert Range.parse(text) == span
    assert span.low <= span.draw(Random(1)) <= span.high


@pytest.mark.parametrize("text", ["", "x", "6-5", "-1", "1-inf", "nan", "1-2-3"])
def test_what_is_no_span_is_refused_with_what_was_read(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        Range.parse(text)


@pytest.mark.parametrize("figures", [(0, 1), (1, 0)])
def test_a_plan_without_invocations_or_workers_is_refused(figures: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Plan(*figures)


def test_the_original_is_600_asynchronous_invocations_at_once() -> None:
    assert (ORIGINAL.invocations, ORIGINAL.workers, ORIGINAL.kind) == (600, 600, "Event")
    assert ORIGINAL.pause == Range(5, 6)
    assert ORIGINAL.sleep_ms == Range(10, 600)
