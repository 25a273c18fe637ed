"""Patterns find what Python's `re` finds, and take steps in proportion to the text, counted here."""

from __future__ import annotations

import gc
import random
import re
import sys
from functools import lru_cache
from itertools import product
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import automaton, pattern_syntax, patterns
from extension.records.pattern_syntax import BOUND, PatternError, beginning, compiled, parsed, trimmed
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


@lru_cache(maxsize=1000)
def re_ending(pattern: str, end: int) -> re.Pattern[str]:
    flags = pattern[: pattern.index(")") + 1] if pattern.startswith("(?") and pattern[3:4] == ")" else ""
    return re.compile(rf"{flags}(?:{pattern.removeprefix(flags)})(?<=\A[\s\S]{{{end}}})")


def re_spans(pattern: str, text: str) -> set[int]:
    """Every character that is part of any match, of whatever length, by trying each pair of places."""
    found: set[int] = set()
    for end in range(len(text) + 1):
        ending = re_ending(pattern, end)
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


GRID = [
    *("a", "ab", "a|b", "ab|b", "a*", "a+b", "a?b", "(ab)*", "(ab|b)+", "a{2}", "a{2,}", "a{1,2}b", "a*?b", "b(a|)"),
    *("", "a|", "[ab]1", "[^a]", ".", "(?s).", "(?s)a.", "(?i)A", "(?i)aB|_", "(?i:A)b", "a(?i:B)", "(?s:.)a", "X"),
    *("^a", "a$", "^$", "^", "$", "(?m)^a", "(?m)a$", "(?m)^$", "(?m)$", r"\Aa", r"a\Z", r"(?m)\A.", r"(?m)b\Z"),
    *(r"\ba", r"a\b", r"\Ba", r"a\B", r"\b", r"\B", r"\b.\b", r"\b\w+\b", r"a\b\W", r"(?a)\bé", r"\bé", r"(?a)é\B"),
    *(r"\w", r"\W+", r"\d", r"\s", r"[^\s]a", r"(?a)\w", r"\n", r"\Ba[ab]*1", r"\ba[ab]*1", r"a[^1]*\b1", r"^a*\b\s"),
    *(
        "[ab]*1",
        "a[ab]*1",
        "a.*1",
        "a(b|a)*$",
        r"b+.*\B",
        r"(?m)a.*$",
        r"a\s*^b",
        r"(?m)a\s*^b",
        "(a|b)*?1",
        "(?:a$|b)1?",
    ),
    *("(?i)a(?-i:B)b*", "(?i)(?-i:A)b+1", "(?i)(?-i:B)1|A", r"(?a:\w)", r"(?a:\b)é", r"(?a:\w)é*\w"),
    *("(?s)(?-s:.)", "(?m)(?-m:^)b", "(?m)a*(?-m:$)", "(?s)a*(?-s:.)1", "(?i)a*(?s-i:.B)1"),
]


@pytest.mark.parametrize("pattern", GRID)
def test_in_every_short_text_is_found_what_re_finds(pattern: str) -> None:
    made = Pattern(pattern)
    for size in range(4):
        for text in map("".join, product("ab1é_ \n", repeat=size)):
            bare = text.rstrip("\n")
            assert made.search(text) == bool(re.search(pattern, bare)), text
            assert {at for begin, end in made.spans(text) for at in range(begin, end)} == re_spans(pattern, bare), text


@pytest.mark.parametrize("text", ["X", "X\n", "\nX\n\n", "\n"])
def test_line_breaks_alone_are_no_part_of_a_text_that_they_end(text: str) -> None:
    assert Pattern("X$").search(text) == ("X" in text)
    assert Pattern("X[^a]*").spans(text) == ([(text.index("X"), text.index("X") + 1)] if "X" in text else [])
    assert Pattern(r"\n+").spans(text) == ([(0, 1)] if text.startswith("\nX") else [])


AGAIN = ", so that its time grows with the text alone"
REFUSED = {
    f"a back-reference is refused{AGAIN}": [r"(a)\1", r"(?P<x>a)(?P=x)", r"(a)?(?(1)b|c)"],
    f"look-around is refused{AGAIN}": [
        *("(?=a)b", "a(?!b)", "(?<=password=)x", "(?<!a)b", "(?!)", "x(|(?=a))", "a(b(?=c))", "(a(?=b))*")
    ],
    f"a repeat of a repeat is refused{AGAIN}": [
        *("(a+)+", "(a*b)*", "(?:x(a{2,3}|b))*", "(a{3}){3}", "((a?b)?c+)*?", "((a+)?)*", "(x|(a+)?)*", "((a|b+)?c)*"),
        *("(a{0,2}){0,2}", "(?:(?:ab*)?){2}"),
    ],
    "it is too large: with its repeats written out it has over 300 parts": [
        *("a" * 300, "a{400}", "a{4294967290}", "a{149}b{151}", "(?:ab){150}", "[ab]{0,150}", "a*" * 150, r"\b" * 300)
    ],
}


@pytest.mark.parametrize(("why", "pattern"), [(why, one) for why, some in REFUSED.items() for one in some])
def test_what_time_could_grow_with_is_refused(why: str, pattern: str) -> None:
    with pytest.raises(PatternError) as told:
        Pattern(pattern)
    assert str(told.value) == why


@pytest.mark.parametrize("pattern", ["(", "a{3,1}", "[a", "(?P<1>a)", "*", "a{99999999999}"])
def test_what_is_no_pattern_is_refused_in_the_words_of_re(pattern: str) -> None:
    with pytest.raises(PatternError) as told:
        Pattern(pattern)
    with pytest.raises((re.error, OverflowError)) as error:
        re.compile(pattern)
    assert str(told.value) == f"that is not a regular expression ({error.value})"


def test_a_pattern_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(PatternError, match=r"^that is not a regular expression \(.*recursion"):
        Pattern("(" * 2000 + ")" * 2000)


@pytest.mark.parametrize("pattern", ["a" * 299, "a{150}b{149}", "[ab]{0,149}", "a*" * 149, "(?:ab){149}c"])
def test_up_to_300_parts_a_pattern_is_taken(pattern: str) -> None:
    Pattern(pattern)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="not regular expressions before")
@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(?>a)", "an atomic group"),
        *[(one, "a possessive repeat") for one in ("a++", "a*+b", "a?+", "a{2}+")],
    ],
)
def test_what_only_a_backtracking_matcher_has_is_refused(pattern: str, what: str) -> None:
    with pytest.raises(PatternError) as told:
        Pattern(pattern)
    assert str(told.value) == f"{what} is refused{AGAIN}"


@pytest.mark.parametrize(
    "pattern",
    [
        "(a?b)*",
        "(a|b)+",
        "(?:a+b)?",
        "(a{0,1}b){3}",
        "(a{2}){0,1}",
        "(a{1}){2}",
        "a+(b*|c)d*",
        "(?i:x)y",
        "[[a]",
        "(?x) a b",
    ],
)
def test_one_repeat_in_what_is_optional_is_none_of_a_repeat(pattern: str, recwarn: pytest.WarningsRecorder) -> None:
    Pattern(pattern)
    assert not recwarn.list


# how many steps: nothing here measures time


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of Python the modules under test run. What they leave to `re` is counted below."""
    count = 0
    files = {one.__file__ for one in (automaton, pattern_syntax, patterns)}

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        if frame.f_code.co_filename not in files:  # type: ignore[attr-defined]
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
@pytest.mark.parametrize("tail", ["", "0123456789= endtimeout!xbcyz"], ids=["none", "some"])
def test_twice_the_text_takes_twice_the_steps_and_few_for_each_character(pattern: str, what: str, tail: str) -> None:
    made = Pattern(pattern)
    piece = SLOW[pattern]
    run: Callable[[str], object] = getattr(made, what)
    few, many = (piece * size + tail for size in (60, 120))
    run(many)  # what is remembered is
    once, twice = (lines_run(lambda text=text: run(text)) for text in (few, many))  # type: ignore[misc]
    assert twice <= 2 * once + 50
    assert twice <= (3 if what == "search" else 26) * len(many) + 50


@pytest.mark.parametrize("pattern", SLOW)
def test_a_text_that_defeats_the_memory_takes_no_more_than_a_pass_over_the_pattern_for_each_character(
    pattern: str,
) -> None:
    made = Pattern(pattern, remembered=0)
    piece = SLOW[pattern]
    made.spans(piece * 10)
    once, twice = (lines_run(lambda size=size: made.spans(piece * size)) for size in (25, 50))  # type: ignore[misc]
    assert twice <= 2 * once + 1000


@pytest.mark.parametrize("pattern", ['"pw":"[^"]{1,100}"', r"\bx.{0,90}\bend", "(?i)secret.{0,80}end"])
def test_characters_that_the_pattern_does_not_tell_apart_cost_one_pass_over_it_together(pattern: str) -> None:
    """A text in Chinese has thousands of them: a pass for each would hold the invocation for seconds."""
    head, size = '"pw":"x secret end"', 500
    text = head + "".join(chr(0x4E00 + number) for number in range(size))
    made = Pattern(pattern)
    assert made.search(head)
    few = lines_run(lambda: made.spans(head + "\u4e00" * size))
    assert lines_run(lambda: made.spans(text)) <= few + size * 30


MANY = {  # what an automaton could remember ever more of: sets of places that never come again, or characters
    "a[ab]{25}c?": ("", "ab", ""),
    "x?[ab]*a[ab]{20}c": ("", "ab", "abababababababababababac"),
    r"a.{1,25}b?\b": ("", "ab", ""),
    "(a|bb){1,9}[ab]{20}a?": ("", "ab", ""),
    "a[ab]*x[ab]{20}b": ("", "abx", ""),
    "b[^a]*b": ("b", "".join(map(chr, range(0x4E00, 0x6000))), "b"),
    "(?i)E[^x]*y": ("e", "".join(map(chr, range(0xC0, 0x600))), "y"),
    r"x\W*\bx": ("x", "".join(map(chr, range(0x2000, 0x2C00))), "x"),
    r"x[^\u4e00\u4e02\u4e04\u4e06]*\bx": ("x", "".join(map(chr, range(0x4E00, 0x4F00))), " x"),
    f"x({'|'.join(map(chr, range(0x4E00, 0x4E00 + 130)))})*y": ("x", "".join(map(chr, range(0x4E00, 0x4F00))), "xy"),
}
REMEMBERED = 100


def held(root: object) -> int:
    """How many objects are held by this one, strings and numbers included."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        one = todo.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
            seen.add(id(one))
            todo += gc.get_referents(one)
    return len(seen)


@pytest.mark.parametrize("pattern", MANY)
@pytest.mark.parametrize("what", ["search", "spans"])
def test_what_never_comes_again_costs_little_time_and_memory(pattern: str, what: str) -> None:
    chance = random.Random(7)
    head, alphabet, tail = MANY[pattern]
    texts = [head + "".join(chance.choices(alphabet, k=chance.randint(50, 150))) + tail for _ in range(12)]
    made = Pattern(pattern, REMEMBERED)
    run: Callable[[str], object] = getattr(made, what)
    fresh = held(made)
    for text in texts:
        run(text)
        assert held(made) <= fresh + 25 * REMEMBERED
    assert lines_run(lambda: Pattern(pattern).spans(texts[0])) < len(texts[0]) * 500


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
    begins, _ = beginning(parsed(pattern)[0], bound)
    steps = [0]
    for _ in backtracked(begins, piece * 30, 0, steps):
        pass  # as if what follows never matched
    assert steps[0] <= 4 * bound + 4


#: The bound from which on `re` looks for the whole of a pattern: ways through it, times the steps of all its parts.
COSTS = {
    "a": 1,
    "ab": 2,
    "[ab].": 2,
    r"\bab": 3,
    "(ab)c": 3,
    "ab|cd": 2 * 5,
    "ab|cd|efg": 3 * 8,
    "x(ab|cd)y": 2 * 7,
    "a?": 2 * 2,
    "a?b": 2 * 3,
    "a{3}": 4,
    "a{2,4}": 3 * 5,
    "(ab){2}": 5,
    "(ab){0,2}": 3 * 5,
    "a??b??": 4 * 4,
    "(ab|cd)?": 2**2 * 6,
    "(ab|cd){2}": 2**3 * 11,
    "(a?b)": 2 * 3,
    "a{0,1000}": 1001 * 1001,
    "a{1000}": 1001,
    "(ab|cd){0,20}": 1001 * 101,
    "((ab|cd){9}(ab|cd){9})": 1001 * 92,
    "(ab|cd){9}(ab|cd){9}": 1001**2 * 92,
    "((a?b?)(c?d?))": 16 * 8,
    "x((ab|cd)?|e)": 5 * 9,
}


@pytest.mark.parametrize("pattern", COSTS)
def test_what_a_pattern_costs_is_what_re_may_take_for_all_of_it(pattern: str) -> None:
    items, _ = parsed(pattern)
    assert beginning(items, COSTS[pattern])[1]
    assert not beginning(items, COSTS[pattern] - 1)[1]


@pytest.mark.parametrize("pattern", ["a*", "a+", "xa*", "a{0,1001}", "(b|a*)", "(?:ab|c+)?", "(x(y(a*)))"])
def test_what_has_no_bound_is_never_left_to_re_as_a_whole(pattern: str) -> None:
    assert not beginning(parsed(pattern)[0], 1 << 40)[1]


@pytest.mark.parametrize(
    ("pattern", "bound", "begins"),
    [
        *[("abcd", 3, "abc"), ("(abc)d", 2, "ab"), ("x(abc)", 3, "xa"), ("x(abc)d", 4, "xabc")],
        *[("(ab|cd)e", 8, "ab|cd"), ("(ab|cd)e", 10, "ab|cd"), ("(ab|cd)", 4, "ab|cd"), ("(ab|cd)", 3, "a|c")],
        *[("(ab|cd)", 1, ""), ("b(abc|a*)x", 99, "b"), ("(abc|a+)x", 4, "ab|a"), ("(abc|a+)x", 5, "ab|a")],
        *[("(abc|ad+)x", 6, "a(b|d)"), ("x(ab|cd)", 8, "x(ab|cd)"), ("x(ab|cd)", 7, "x(a|c)"), ("x(a|c*)b", 99, "x")],
        *[("a+b", 5, "a"), ("a{3,}", 9, "a"), ("ba*c", 9, "b"), ("x?a+", 6, "x?a"), ("x?a+", 5, "x?"), ("a*b", 9, "")],
        *[
            ("(ab)+c", 2, "ab"),
            ("(ab)+c", 1, "a"),
            ("d(ab)+c", 4, "dab"),
            ("d(ab)+c", 3, "da"),
            ("(a|(bc)+)d", 4, "a|bc"),
        ],
        *[
            ("(?i)(ab)+", 2, "(?i)ab"),
            ("(?i:ab)+", 2, "(?i:ab)"),
            ("(?i:ab)c", 1, "(?i:a)"),
            ("(?i:a(?-i:b)*)", 9, "(?i:a)"),
        ],
        *[
            ("((a)b)c", 2, "ab"),
            ("((a)|bc)d", 9, "a|bc"),
            ("(a)(b)?c", 6, "a(b)?"),
            ("(a)(b)?c", 5, "a"),
            ("((a)?b)c", 6, "a?b"),
            ("(?s)(.)a", 1, "(?s)."),
        ],
    ],
)
def test_as_much_of_a_pattern_is_left_to_re_as_the_bound_allows(pattern: str, bound: int, begins: str) -> None:
    items, flags = parsed(pattern)
    kept, is_whole = beginning(items, bound)
    assert not is_whole
    made, expected = compiled(kept, flags), re.compile(begins)
    for size in range(5):
        for text in map("".join, product("abcdxA\n" if size < 4 else "abcx", repeat=size)):
            assert str(made.match(text)) == str(expected.match(text))


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        *[
            ("a*b+c*", "b"),
            ("a*", ""),
            ("a*b*", ""),
            ("a+", "a"),
            ("a{2,5}", "a{2}"),
            ("x?ab??", "a"),
            ("a*bc+d*", "bc"),
        ],
        *[
            ("a+b+", "ab"),
            ("a{2,}?b{3,4}", "a{2}b{3}"),
            ("ba*c", "ba*c"),
            ("(a+)b", "(a+)b"),
            ("^a*", "^"),
            ("a*$", "$"),
        ],
    ],
)
def test_what_may_repeat_at_the_ends_of_a_pattern_is_searched_as_seldom_as_it_may(pattern: str, left: str) -> None:
    items, flags = parsed(pattern)
    made, expected = compiled(trimmed(items), flags), re.compile(left)
    for size in range(6):
        for text in map("".join, product("abc" if size < 5 else "ab", repeat=size)):
            assert str(made.search(text)) == str(expected.search(text))


@pytest.mark.parametrize("count", [1, 5, 20])
@pytest.mark.parametrize(("ys", "weight"), [(1, 1), (11, 1), (12, 2), (27, 2), (28, 3)])
def test_as_many_steps_are_remembered_as_it_is_told(count: int, ys: int, weight: int) -> None:
    """A step for each of two sets of places and each character that leads on from one; more, where a set is large."""
    text = "x" + "abcdefghijklmnopqrst"[:count]
    pattern = "x[^y]*" + "y" * ys
    enough = 2 * weight + 1 + count
    again = {}
    for remembered in (enough - 1, enough, 1000):
        made = Pattern(pattern, remembered)
        made.search(text)
        again[remembered] = lines_run(lambda made=made: made.search(text))  # type: ignore[misc]
    assert again[enough - 1] > again[enough] == again[1000]


def test_the_bound_is_what_the_documents_say() -> None:
    assert BOUND == 1000
