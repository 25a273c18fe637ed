"""Regular expressions of filter patterns: they find what `re` finds, and no text keeps them busy for long."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adaptive_batching.logs.regex import MOST_PLACES, Regex, RegexError

ATOMS = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", r"\s", r"\x61", r"\.", "[a-c|]", "^", "$", "|", "1", " "]
SIGNS = ["", "", "", "*", "+", "?", "{2}", "{0}", "{0,0}", "{1,}", "{,2}", "{1,3}", "{0,}", "{,0}", "{2,1}"]
PATTERNS = st.lists(st.tuples(st.sampled_from(ATOMS), st.sampled_from(SIGNS)).map("".join), min_size=1, max_size=7)


@given(PATTERNS.map("".join), st.text("ab1. \n|ä", max_size=8))
@example("$^", "")
@example("$^", "\n")
@example("^$|b", "\n\n")
@example("a$[^a]", " a\n")
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    try:
        expected = re.search(pattern, text, re.ASCII) is not None
    except re.error:
        with pytest.raises(RegexError):
            Regex(pattern)
        return
    assert Regex(pattern).found_in(text) == expected


@pytest.mark.parametrize(
    "pattern", ["a*a*a*a*a*b", ".*.*.*.*=.*;", "a?" * 200 + "a{200}b", "a+a+a+a+$", r"[a-z]*\w*[a-c]*\d", "a{1,900}b"]
)
def test_a_text_that_backtracking_does_not_end_on_is_read_once(pattern: str) -> None:
    regex = Regex(pattern)
    assert not regex.found_in("a" * 50_000 + "!")
    assert regex.found_in("!" + "a" * 200 + "b=1;" + "a" * 200) or pattern == "a+a+a+a+$"


@pytest.mark.parametrize("pattern", ["a{9999999999999999999999}", "a{2001}", "a{1000}b{1001}", "a{0,3000}", "a{3000,}"])
def test_repeats_have_a_limit(pattern: str) -> None:
    with pytest.raises(RegexError, match=f"over {MOST_PLACES:,} parts"):
        Regex(pattern)
