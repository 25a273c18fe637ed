"""Which lines belong to what is told. Bodies are given newest first, as the bucket does."""

from __future__ import annotations

import itertools
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.lines import line
from notifier.search import Search
from tests.fakes.shipped import Line, done, report, started, text
from tests.unit.functions.notifier.build import (
    BEGIN,
    NOW,
    REQUEST,
    SESSION,
    TRACE,
    body,
    exactly,
    failing,
    logged,
    naming,
    searched,
    succeeding,
)

if TYPE_CHECKING:
    from types import FrameType

OTHER = "11111111-1111-4111-8111-111111111111"


def test_a_trace_leads_to_its_request_that_failed_and_to_all_its_lines() -> None:
    """The lines of Lambda name no trace: they are found by the request."""
    submitted = body(*succeeding(OTHER), begin=BEGIN - timedelta(minutes=1), environment="e2")
    search = searched(naming(TRACE), body(*failing()), submitted)
    found = search.found(naming(TRACE))
    assert search.is_over
    assert found
    assert (found.request, found.trace, len(found.lines)) == (REQUEST, TRACE, 5)
    assert found.error == "ValueError: this subject cannot be saved"


@given(st.integers(1, 4), st.integers(1, 4))
def test_lines_of_one_request_in_several_objects_are_put_together(first: int, second: int) -> None:
    lines = failing()
    cuts = sorted({0, min(first, second), max(first, second), len(lines)})
    bodies = [body(*lines[a:b], first=a + 1) for a, b in itertools.pairwise(cuts)]
    search = searched(naming(TRACE), *reversed(bodies))
    found = search.found(naming(TRACE))
    assert found
    assert [one.sequence for one in found.lines] == [1, 2, 3, 4, 5]
    assert search.is_over


def test_the_search_goes_on_until_the_beginning_is_there() -> None:
    lines = failing()
    search = searched(exactly(REQUEST), body(*lines[2:], first=3))
    assert not search.is_over
    search.add("conference-save", body(*lines[:2]))
    assert search.is_over


def test_of_several_attempts_the_newest_that_failed_is_told() -> None:
    """Lambda tries an event again under the same request id, often in the same environment."""
    lines = [*failing(), *failing()]
    (found,) = [searched(exactly(REQUEST), body(*lines)).found(exactly(REQUEST))]
    assert found
    assert [one.sequence for one in found.lines] == [6, 7, 8, 9, 10]


def test_attempts_of_a_queue_are_requests_of_their_own() -> None:
    again = body(*failing(OTHER), begin=BEGIN + timedelta(minutes=3), environment="e2")
    found = searched(naming(TRACE), again, body(*failing())).found(naming(TRACE))
    assert found
    assert found.request == OTHER


def test_lines_of_other_traces_in_the_same_request_are_not_told() -> None:
    lines = failing()
    lines.insert(2, text({"message": "another", "traceId": OTHER}, request=REQUEST))
    found = searched(naming(TRACE), body(*lines)).found(naming(TRACE))
    assert found
    assert [one.text for one in found.lines if one.trace] == ["saving", "failed"]
    whole = searched(exactly(REQUEST), body(*lines)).found(exactly(REQUEST))
    assert whole
    assert len(whole.lines) == 6


def test_a_value_is_found_as_a_whole_word_only() -> None:
    longer = body(*failing(sessionId=f"{SESSION}-1", traceId="none-at-all"))
    assert searched(naming(SESSION), longer).found(naming(SESSION)) is None
    assert searched(naming(f"{SESSION}-1"), longer).found(naming(f"{SESSION}-1"))


def test_an_id_of_a_request_that_another_one_logs_is_not_that_request() -> None:
    other = body(started(OTHER), logged(f"retries {REQUEST}", request=OTHER), done(OTHER, status="error"))
    assert searched(exactly(REQUEST), other).found(exactly(REQUEST)) is None


def test_a_request_that_lambda_ended_has_its_status_as_the_error() -> None:
    lines = [started(REQUEST), logged("saving"), done(REQUEST, status="timeout"), report(REQUEST, status="timeout")]
    found = searched(exactly(REQUEST), body(*lines)).found(exactly(REQUEST))
    assert found
    assert (found.error, found.ended) == ("timeout", True)


def test_a_request_that_still_runs_has_not_ended() -> None:
    found = searched(exactly(REQUEST), body(started(REQUEST), logged("saving"))).found(exactly(REQUEST))
    assert found
    assert (found.begun, found.ended, found.error) == (True, False, "")


@pytest.mark.parametrize(("minutes", "is_there"), [(0, True), (-20, False), (20, False)])
def test_an_alarm_finds_the_newest_request_that_failed_in_its_window(minutes: int, is_there: bool) -> None:  # noqa: FBT001
    begin = BEGIN + timedelta(minutes=minutes)
    found = searched(naming(), body(*succeeding(OTHER), begin=begin), body(*failing(), begin=begin)).found(naming())
    assert (found is not None) == is_there
    if found:
        assert found.request == REQUEST


def test_only_the_functions_of_a_clue_are_looked_at() -> None:
    clue = exactly(REQUEST, functions=("another",))
    assert searched(clue, body(*failing())).found(clue) is None


def test_one_search_answers_several_questions() -> None:
    clues = [exactly(REQUEST), exactly(OTHER), naming("none-at-all")]
    search = Search(clues)
    search.add("f", body(*failing(), *failing(OTHER)))
    assert [bool(search.found(one)) for one in clues] == [True, True, False]
    assert not search.is_over


def test_damage_and_lines_without_a_request_do_no_harm() -> None:
    damaged = b"\x00{not json\n" + body(Line(f"about {TRACE}")) + body(*failing())[:-20]
    found = searched(naming(TRACE), damaged).found(naming(TRACE))
    assert found
    assert found.last <= NOW


def test_each_line_is_parsed_once_for_all_clues_and_only_if_it_names_something() -> None:
    """Forty objects of a busy function, and clues whose request began in the oldest of them."""
    lines = failing()
    others = [
        one for number in range(50) for one in succeeding(f"{number:08d}-1111-4111-8111-111111111111", traceId=OTHER)
    ]
    bodies = [
        body(*others, *lines[2:], first=3),
        *(body(*others, logged(f"waiting {number}"), first=number) for number in range(38)),
        body(*lines[:2], *others),
    ]
    clues = [naming(TRACE), exactly(REQUEST), naming(SESSION)]
    search, parsed = Search(clues), 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal parsed
        parsed += event == "call" and frame.f_code is line.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for one in bodies:
            search.add("conference-save", one)
    finally:
        sys.setprofile(before)
    naming_it = sum(one.count(b"\n") for one in map(_naming, bodies))
    assert search.found(clues[0])
    assert search.found(clues[1])
    assert 0 < parsed <= naming_it


def _naming(data: bytes) -> bytes:
    return b"".join(one for one in data.splitlines(keepends=True) if REQUEST.encode() in one or TRACE.encode() in one)
