"""Patterns find what Python's `re` finds, and take steps in proportion to the text, counted here."""

from __future__ import annotations

import random
import re
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import patterns
from extension.records.pattern_syntax import BOUND, PatternError, beginning, compiled, parsed
from extension.records.patterns import Pattern
from tests.unit.extension.records.strategies import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SINGLE = st.sampled_from(["a", "b", "ab", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", "A", "é", r"\n", "[ж-я]", "[^中]"])
LOOKS = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
REPEAT = st.sampled_from(["*", "+", "?", "*?", "+?", "{0,2}", "{2}", "{1,3}?", "{2,}"])
PART = st.one_of(
    SINGLE,
    LOOKS,
    st.tuples(SINGLE.filter(lambda one: one != "ab"), REPEAT).map("".join),
    st.tuples(SINGLE, SINGLE, REPEAT).map(lambda three: f"({three[0]}|{three[1]}){three[2]}"),
    st.tuples(SINGLE, SINGLE).map(lambda two: f"(?:{'|'.join(two)})"),
    st.tuples(SINGLE, REPEAT).map(lambda two: f"(?:{two[0]}c{two[1]})?"),
)
SEQUENCE = st.lists(PART, max_size=5).map("".join)
PATTERNS = st.tuples(
    st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?a)"]), st.lists(SEQUENCE, min_size=1, max_size=3)
).map(lambda two: two[0] + "|".join(two[1]))
TEXTS = st.text("abcABé1_ \nжß中\u0301\u2028\U0001f600", max_size=12)
#: What makes a backtracking matcher slow: as a search, over the text beside it.
SLOW = {
    "a*a*a*b": "a",
    "x*x*x*x*y|a*a*b": "a",
    "(a|a)*b": "a",
    "(a|ab|b)*c": "ab",
    "(a?b?)*c": "ab",
    "ERROR.*timeout": "ERROR",
    'a[^"]*x': "a",
    "(?i)start.*.*end": "start",
    ".*.*=.*!": "=",
    "[a-z]{1,100}[0-9]": "a",
    "(x+|a)b": "a",
    r"\ba.*\bz": "a ",
    "a+$": "ab",
    r"\s+$": " x",
}


def re_spans(pattern: str, text: str) -> set[int]:
    """Every character that is part of any match, of whatever length, by trying each pair of places."""
    found: set[int] = set()
    for end in range(len(text) + 1):
        flags = pattern[: pattern.index(")") + 1] if pattern.startswith("(?") and pattern[3:4] == ")" else ""
        ending = re.compile(rf"{flags}(?:{pattern.removeprefix(flags)})(?<=\A[\s\S]{{{end}}})")
        for start in range(end):
            if ending.match(text, start):
                found.update(range(start, end))
    return found


@pytest.mark.holds("filters: a pattern matches what Python's `re` matches")
@PATIENT
@given(PATTERNS, TEXTS)
def test_a_pattern_is_found_where_re_finds_it(pattern: str, text: str) -> None:
    bare = text.rstrip("\n")
    assert Pattern(pattern).search(text) == bool(re.search(pattern, bare))


@PATIENT
@given(PATTERNS, TEXTS)
def test_spans_are_all_that_is_part_of_any_match_in_order_and_apart(pattern: str, text: str) -> None:
    spans = Pattern(pattern).spans(text)
    assert {at for begin, end in spans for at in range(begin, end)} == re_spans(pattern, text.rstrip("\n"))
    places = [place for span in spans for place in span]
    assert places == sorted(set(places))


@PATIENT
@given(PATTERNS, st.lists(TEXTS, max_size=4))
def test_what_was_searched_before_changes_nothing(pattern: str, texts: list[str]) -> None:
    used = Pattern(pattern)
    for text in texts:
        assert used.search(text) == Pattern(pattern).search(text)
        assert used.spans(text) == Pattern(pattern, remembered=1).spans(text)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", "a back-reference is refused"),
        (r"(?P<x>a)(?P=x)", "a back-reference is refused"),
        (r"(a)?(?(1)b|c)", "a back-reference is refused"),
        ("(?=a)b", "look-around is refused"),
        ("a(?!b)", "look-around is refused"),
        ("(?<=password=)x", "look-around is refused"),
        ("(?<!a)b", "look-around is refused"),
        ("(?!)", "look-around is refused"),
        ("x(|(?=a))", "look-around is refused"),
        ("(a+)+", "a repeat of a repeat is refused"),
        ("(a*b)*", "a repeat of a repeat is refused"),
        ("(?:x(a{2,3}|b))*", "a repeat of a repeat is refused"),
        ("(a{3}){3}", "a repeat of a repeat is refused"),
        ("((a?b)?c+)*?", "a repeat of a repeat is refused"),
        ("(", "that is not a regular expression"),
        ("a{3,1}", "that is not a regular expression"),
        ("[a", "that is not a regular expression"),
        ("(?P<1>a)", "that is not a regular expression"),
        ("*", "that is not a regular expression"),
        ("a" * 301, "it is too large"),
        ("a{400}", "it is too large"),
        ("a{4294967290}", "it is too large"),
        ("(" * 2000 + ")" * 2000, "that is not a regular expression"),
    ],
)
def test_what_time_could_grow_with_is_refused_and_so_is_what_is_no_pattern(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=why) as told:
        Pattern(pattern)
    assert "\n" not in str(told.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="not regular expressions before")
@pytest.mark.parametrize("pattern", ["(?>a)", "a++", "a*+b", "a?+"])
def test_what_only_a_backtracking_matcher_has_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="is refused"):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a?b)*", "(a|b)+", "(?:a+b)?", "a+(b*|c)d*", "(?i:x)y", "[[a]", "(?x) a b"])
def test_one_repeat_in_what_is_optional_is_none_of_a_repeat(pattern: str, recwarn: pytest.WarningsRecorder) -> None:
    Pattern(pattern)
    assert not recwarn.list


# how many steps: nothing here measures time


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of Python the module under test runs. What it leaves to `re` is counted below."""
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        if frame.f_code.co_filename != patterns.__file__:  # type: ignore[attr-defined]
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.holds("filters: a search takes steps in proportion to the text, whatever pattern and text are")
@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("what", ["search", "spans"])
def test_twice_the_text_takes_twice_the_steps(pattern: str, what: str) -> None:
    made = Pattern(pattern)
    piece = SLOW[pattern]
    run: Callable[[str], object] = getattr(made, what)
    run(piece * 64)  # what is remembered is
    once, twice = (lines_run(lambda size=size: run(piece * size)) for size in (2000, 4000))  # type: ignore[misc]
    assert twice <= 2 * once + 50


@pytest.mark.parametrize("pattern", SLOW)
def test_a_text_that_defeats_the_memory_takes_no_more_than_a_pass_over_the_pattern_for_each_character(
    pattern: str,
) -> None:
    made = Pattern(pattern, remembered=0)
    piece = SLOW[pattern]
    made.spans(piece * 10)
    once, twice = (lines_run(lambda size=size: made.spans(piece * size)) for size in (500, 1000))  # type: ignore[misc]
    assert twice <= 2 * once + 1000


@pytest.mark.parametrize("pattern", ['"pw":"[^"]{1,100}"', r"\bx.{0,90}\bend", "(?i)secret.{0,80}end"])
def test_characters_that_the_pattern_does_not_tell_apart_cost_one_pass_over_it_together(pattern: str) -> None:
    """A text in Chinese has thousands of them: a pass for each would hold the invocation for seconds."""
    text = '"pw":"x secret end"' + "".join(chr(0x4E00 + number) for number in range(2000))
    made = Pattern(pattern)
    assert made.search('"pw":"x secret end"')
    few = lines_run(lambda: made.spans(text[:19] + "\u4e00" * 2000))
    assert lines_run(lambda: made.spans(text)) <= few + 2000 * 30


@pytest.mark.parametrize("pattern", ["a[ab]{140}c?", "[ab]{140}a", r"a.{1,99}b?\b", "(a|bb){1,30}[ab]{70}a?"])
def test_sets_of_places_that_never_come_again_cost_little_time_and_memory(pattern: str) -> None:
    """Each character of such a text has another set of places behind it."""
    text = "".join(random.Random(7).choices("ab", k=20_000))
    made = Pattern(pattern)
    tracemalloc.start()
    try:
        assert made.spans(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20
    assert lines_run(lambda: made.spans(text[:5000])) < 5000 * 200


def backtracked(items: Iterable[tuple[object, object]], text: str, at: int, steps: list[int]) -> Iterator[int]:
    """Where a match of the parser's items that begins at `at` may end, tried one after the other as `re` does."""
    items = list(items)
    if not items:
        yield at
        return
    (code, value), rest = items[0], items[1:]
    for end in _one(code.name, code, value, text, at, steps):  # type: ignore[attr-defined]
        yield from backtracked(rest, text, end, steps)


def _one(name: str, code: object, value: object, text: str, at: int, steps: list[int]) -> Iterator[int]:
    steps[0] += 1
    if name == "BRANCH":
        for branch in value[1]:  # type: ignore[index]
            yield from backtracked(branch, text, at, steps)
    elif name == "SUBPATTERN":
        yield from backtracked(value[3], text, at, steps)  # type: ignore[index]
    elif name.endswith("REPEAT"):
        bounds: tuple[int, int, list[tuple[object, object]]] = value  # type: ignore[assignment]
        least, most, repeated = bounds
        if most:
            for end in backtracked(repeated, text, at, steps):
                yield from _one(name, code, (max(least - 1, 0), most - 1, repeated), text, end, steps)
        if not least:
            yield at
    else:
        flags = int(re.UNICODE | re.DOTALL)
        made = compiled([(code, value)], flags)
        if found := made.match(text, at):
            yield found.end()


@PATIENT
@given(PATTERNS, st.integers(1, 200), st.sampled_from(["a", "ab", "aB", "a1 "]))
def test_what_is_left_to_re_takes_a_bounded_number_of_steps_at_any_place(pattern: str, bound: int, piece: str) -> None:
    begins, _ = beginning(*parsed(pattern), bound)
    steps = [0]
    for _ in backtracked(begins, piece * 30, 0, steps):
        pass  # as if what follows never matched
    assert steps[0] <= 4 * bound + 4


def test_the_bound_is_what_the_documents_say() -> None:
    assert BOUND == 1000
