"""A plan's figures, and who makes which invocation."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.experiment.core.plan import ORIGINAL, Plan, Span, share


@given(st.integers(1, 300), st.integers(1, 400))
def test_the_workers_shares_make_up_the_plan(invocations: int, concurrency: int) -> None:
    plan = Plan(invocations, concurrency)
    numbers = [number for worker in range(plan.workers) for number in share(plan, worker)]
    assert sorted(numbers) == list(range(invocations))
    assert plan.workers <= concurrency


@pytest.mark.parametrize(("text", "span"), [("5-6", Span(5, 6)), ("0.5", Span(0.5, 0.5)), ("10-600", Span(10, 600))])
def test_a_span_is_read(text: str, span: Span) -> None:
    assert Span.parse(text) == span
    assert span.low <= span.draw(Random(1)) <= span.high


@pytest.mark.parametrize("text", ["", "x", "6-5", "-1", "1-inf", "nan", "1-2-3"])
def test_what_is_no_span_is_refused_with_what_was_read(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        Span.parse(text)


@pytest.mark.parametrize("figures", [(0, 1), (1, 0)])
def test_a_plan_without_invocations_or_workers_is_refused(figures: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Plan(*figures)


def test_the_original_is_600_asynchronous_invocations_at_once() -> None:
    assert (ORIGINAL.invocations, ORIGINAL.workers, ORIGINAL.kind) == (600, 600, "Event")
    assert ORIGINAL.pause == Span(5, 6)
    assert ORIGINAL.sleep_ms == Span(10, 600)
