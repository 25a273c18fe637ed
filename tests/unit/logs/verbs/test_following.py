"""What `tail` shows of the lines that come: order, gaps, age."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.verbs.following import Following, Shown, age, mark
from adaptive_batching.logs.verbs.lines import Entry

BEGIN = datetime(2026, 11, 20, 9, 15)  # noqa: DTZ001 - the views are in UTC, without a zone


def entry(environment: str, sequence: int, second: float | None = None, object_: str = "one") -> Entry:
    ts = BEGIN + timedelta(seconds=sequence if second is None else second)
    message = f"{environment}{sequence}"
    return Entry(ts, "f", "function", None, environment, sequence, None, message, None, message, object_, sequence)


def taken(following: Following, entries: list[Entry]) -> list[Shown]:
    """Take these entries, with what the query says about them."""
    numbers: dict[str, list[int]] = {}
    for one in entries:
        if one.environment is not None and one.sequence is not None:
            numbers.setdefault(one.environment, []).append(one.sequence)
    before = [
        max((n for n in numbers.get(one.environment or "", []) if n < (one.sequence or 0)), default=None)
        for one in entries
    ]
    return following.take(
        ["one"], list(zip(entries, before, strict=True)), {name: max(found) for name, found in numbers.items()}
    )


def test_lines_come_by_time_and_a_gap_is_marked_once_before_the_line_behind_it() -> None:
    following = Following()
    shown = taken(following, [entry("b", 1, 2), entry("a", 5, 1), entry("a", 9, 3), entry("b", 3, 4)])
    assert [one.entry.message for one in shown] == ["a5", "b1", "a9", "b3"]
    assert [mark(one) for one in shown] == [
        None,
        None,
        "--- lines 6 to 8 of a (f) missing, or not here yet ---",
        "--- line 2 of b (f) missing, or not here yet ---",
    ]
    later = taken(following, [entry("a", 7, 2), entry("a", 10, 5)])
    assert [(one.entry.message, one.gap) for one in later] == [("a7", None), ("a10", None)]
    assert [one.gap for one in taken(following, [entry("a", 8, 2), entry("a", 12, 5)])] == [None, (11, 11)]


def test_an_object_is_new_once() -> None:
    following = Following()
    assert following.unseen(["one", "two"]) == ["one", "two"]
    following.take(["one"], [], {})
    assert following.unseen(["one", "two"]) == ["two"]


def test_a_line_without_a_time_or_a_number_is_shown() -> None:
    broken = Entry(None, "f", "insights.unreadable", None, None, None, None, "{", None, "{", "one", 1)
    assert [one.entry for one in taken(Following(), [entry("a", 1), broken])] == [broken, entry("a", 1)]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 s"), (119.4, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (-5, "0 s")),
        (86_400 * 3, "72 h"),
    ],
)
def test_the_age_of_the_newest_line(seconds: float, said: str) -> None:
    assert age(BEGIN, BEGIN + timedelta(seconds=seconds)) == f"the newest line is {said} old"
    assert age(None, BEGIN) == "no line yet"


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(1, 30), min_size=1), min_size=1),
    st.lists(st.integers(1, 30), max_size=4),
)
def test_every_number_is_shown_or_within_a_gap_that_was_marked(there: dict[str, set[int]], cuts: list[int]) -> None:
    following, shown = Following(), []
    bounds = [0, *sorted(cuts), 30]
    for low, high in pairwise(bounds):
        entries = [entry(name, number) for name, numbers in there.items() for number in numbers if low < number <= high]
        shown += taken(following, entries)
    for name, numbers in there.items():
        mine = [one for one in shown if one.entry.environment == name]
        assert {one.entry.sequence for one in mine} == numbers
        missing = {number for one in mine if one.gap for number in range(one.gap[0], one.gap[1] + 1)}
        assert missing == set(range(min(numbers), max(numbers))) - numbers
