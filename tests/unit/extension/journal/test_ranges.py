"""Ranges against a plain set of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extension.journal.ranges import Ranges

NUMBERS = st.integers(1, 30)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8)


def numbers(pairs: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in pairs for number in range(first, last + 1)}


@given(PAIRS, NUMBERS, NUMBERS)
def test_ranges_are_a_set_of_numbers(pairs: list[tuple[int, int]], first: int, last: int) -> None:
    ranges = Ranges(pairs)
    assert numbers(list(ranges)) == numbers(pairs)
    assert ranges.cover(first, last) == (set(range(first, last + 1)) <= numbers(pairs))


@given(PAIRS)
def test_ranges_stay_in_order_and_never_touch(pairs: list[tuple[int, int]]) -> None:
    found = list(Ranges(pairs))
    assert all(first <= last for first, last in found)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


@given(PAIRS, PAIRS)
def test_ranges_without_others_are_the_difference(pairs: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    assert numbers(list(Ranges(pairs).without(others))) == numbers(pairs) - numbers(others)
