"""How figures are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.load.core.checks import checks, outcome
from adaptive_batching.load.core.script import Ensure
from adaptive_batching.wording import written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_with_all_its_digits_and_without_an_exponent(number: float) -> None:
    assert float(written(number)) == number
    assert not set(written(number)) & set("eE+")


@given(st.floats(min_value=0.001, max_value=1e12))
def test_a_bound_of_a_check_is_the_one_of_the_script(bound: float) -> None:
    (one,) = checks(Ensure(p99=bound))
    assert one.text == f"http.response_time.p99 < {written(bound)}"
    assert [outcome(one, {"http.response_time.p99": bound * share}).ok for share in (1 - 1e-9, 1)] == [True, False]
