"""What is not understood gets one sentence that quotes it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adaptive_batching.logs.language import conditions
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.insights import statement
from adaptive_batching.logs.language.pipeline import ELSEWHERE

QUERIES = {
    "": "the query is empty",
    "# nothing but a comment": "the query is empty",
    "filtr a = 1": "the command 'filtr' is not known; did you mean filter?",
    "explode a": "the command 'explode' is not known; commands are fields, display",
    "fields a |": "a command is expected where the end stands",
    "fields a filter b = 1": "`|` and a command are expected where 'filter b = 1' stands",
    "fields a as": "a name is expected behind `as`, where the end stands",
    "filter a": "'a' is not a condition",
    "filter a = ": "a field, a number or a text in quotes is expected where the end stands",
    "filter a like b": "a pattern is expected, /…/ or a text in quotes, where 'b' stands",
    "filter a like /b": "the regular expression that begins at '/b' has no closing /",
    "filter a = 'b": "the text that begins at \"'b\" has no closing '",
    "filter `a = 1": "the name that begins at '`a = 1' has no closing `",
    "filter a not = 1": "behind `not` stands '= 1'; `like` or `in` is expected there",
    "filter a in 1": "behind `in` a list is expected",
    "filter a in [b]": "a number or a text in quotes is expected where 'b]' stands",
    "filter a in [1": "']' is expected where the end stands",
    "filter (a = 1": "')' is expected where the end stands",
    "filter @timstamp > 1": "@timstamp is not a field; did you mean @timestamp?",
    "filter @nothing > 1": "@nothing is not a field; there are @billedDuration",
    "filter ispresnt(a)": "the function 'ispresnt' is not known; did you mean ispresent?",
    "filter count(a) > 1": "'count(a)' is a function of many lines; it stands in stats",
    "filter ispresent(a, b)": "'ispresent(a, b)' has 2 arguments; ispresent takes 1",
    "filter @timestamp > 'soon'": "'soon' is not a time such as 2026-11-20T09:15:02Z",
    "stats sum(max(a))": "'max(a)' is a function of many lines",
    "stats a": "'a' has many values in a group; put it behind `by`",
    "stats n * 2 as m, count(*) as n": "'n' has many values in a group",
    "stats pct(a, b)": "'pct(a, b)' needs a number from 0 to 100",
    "stats pct(a, 101)": "'pct(a, 101)' needs a number from 0 to 100",
    "stats count(*) by bin(5)": "bin(5) is not a period such as bin(5m); units are ms",
    "stats count(*) by bin(0m)": "bin(0m) is not a period",
    "stats count(*) by bin(5 parsecs)": "bin(5parsecs) is not a period",
    "stats count(*), count(*)": "stats has two columns named 'count(*)'; name one of them with `as`",
    "stats count(*) as n by a | filter b = 1": "behind stats there is no 'b'; there are a, n",
    "stats count(*) as n by a | stats latest(a)": "'latest(a)' needs lines",
    "stats count(*) by a | stats max(a) by bin(5m)": "behind stats there is no '@timestamp'",
    "dedup a | sort b": "behind dedup only limit can follow",
    "limit": "limit takes a whole number above 0, not the end",
    "limit 1.5": "limit takes a whole number above 0, not 1.5",
    "limit 0": "limit takes a whole number above 0, not 0",
    "fields a = '\0'": "contains the character NUL",
    "fields 1e999 as a": "inf is not a number that can be calculated with",
    f"filter {'(' * 60}a = 1{')' * 60}": "parentheses are nested more than 50 deep",
}
EXPRESSIONS = {
    "": "the expression is empty",
    "level >= loud": "'loud' is not a level; levels are TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
    "duration_ms > long": "'duration_ms' is a number, and 'long' is not",
    "ispresent(level) = true": "'ispresent(level)' is a condition already; write it alone, or with `not` before it",
    "(level = warn) != yes": "is a condition already; write it alone",
    "ispresent(level) in [true]": "'ispresent(level)' is a condition already",
    "duration_ms > 1_000": "'duration_ms' is a number, and '1_000' is not",
    "ts > soon": "'soon' is not a time",
    "price > 3 price < 4": "`and` or `or` is expected where 'price < 4' stands",
    "price >": "a value is expected where the end stands",
    "price": "'price' is not a condition",
    "price > 3 |": "`and` or `or` is expected where '|' stands",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_is_not_understood(query: str) -> None:
    with pytest.raises(LanguageError) as error:
        statement(query)
    assert QUERIES[query] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_that_only_logs_insights_has_is_named(command: str) -> None:
    with pytest.raises(LanguageError, match=f"the command '{command}' of Logs Insights is not known here"):
        statement(f"fields @message | {command} @message")


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_that_is_not_understood(text: str) -> None:
    with pytest.raises(LanguageError) as error:
        conditions.expression(text)
    assert EXPRESSIONS[text] in str(error.value)


@pytest.mark.parametrize("text", ["", "price", "=3"])
def test_a_field_without_a_name_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(LanguageError, match="is not name=value"):
        conditions.field(text)


SIGNS = (
    "fields filter stats sort limit dedup display by as and or not like in asc desc bin count sum pct max @timestamp "
    "@message a a.b `x` 1 5m 'x' \"y\" /r/ ( ) [ ] , | = != < <= =~ + - * / % ^ # \n \\ ' \" / @"
)
SYNTAX = st.lists(st.sampled_from(SIGNS.split(" ")), max_size=15).map(" ".join)


@given(st.one_of(SYNTAX, st.text()))
@example("a " * 5000)
@example("not " * 5000 + "a = 1")
@example("fields " + "- " * 5000 + "1")
@example("filter a = 1 " + "and a = 1 " * 2000)
@example("fields " + "1 + " * 5000 + "1")
def test_any_text_is_translated_or_refused_with_a_sentence(text: str) -> None:
    for read in (statement, conditions.expression, conditions.field, conditions.grep, conditions.at_least):
        with contextlib.suppress(LanguageError):
            assert read(text)
