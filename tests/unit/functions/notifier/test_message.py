"""What a message looks like, and that nothing in it can call anybody, format, or end its quotation."""

from __future__ import annotations

import html
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from notifier import message
from notifier.notices import Clue, Notice
from notifier.search import Attempt, Search
from tests.fakes.shipped import Line
from tests.unit.functions.notifier.build import NOW, REQUEST, TRACE, body, failing, letter, naming, searched

NASTY = st.text(
    st.one_of(st.sampled_from("`<>&@*_~:|!\n\t\r\u202e\u2028\x1b\ud800"), st.characters(codec=None)), max_size=300
)
#: Characters a few of which make a text much longer than it was.
LONG = st.builds(
    lambda one, count: one * count, st.text(st.sampled_from("`<&a\n"), min_size=1, max_size=9), st.integers(0, 9000)
)


def attempt(*records: Any) -> Attempt:  # noqa: ANN401
    search = searched(
        naming(TRACE), body(*[Line(one, request=REQUEST) for one in records], Line(TRACE, request=REQUEST))
    )
    found = search.found(naming(TRACE))
    assert found
    return found


def is_quiet(text: str) -> bool:
    """Whether a text inside a quotation is text for Slack, Mattermost and Discord alike."""
    entities = re.sub(r"&(amp|lt|gt);", "", text)
    return not re.search(
        r"[`<>&]|@(?!\u200b)|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", entities
    )


def parts(text: str) -> tuple[list[str], str]:
    """What stands in quotations, and what stands outside them."""
    quotation = re.compile(r"```\n(?P<block>.*?)\n```|`(?P<code>[^`\n]+)`", re.DOTALL)
    return [one["block"] or one["code"] or "" for one in quotation.finditer(text)], quotation.sub("", text)


def test_a_dead_letter_reads_as_it_should() -> None:
    found = searched(naming(TRACE), body(*failing())).found(naming(TRACE))
    assert message.text(letter(), found, source="s3://logs", now=NOW).split("\n") == [
        ":warning: dead letter in `conference-dead`, received 3 times, 17:42:06 UTC",
        "```",
        f"conference-save  request {REQUEST}  trace {TRACE}  ValueError: this subject cannot be saved",
        "17:41:51.000  SAVE_REQUEST_RECEIVED  saving",
        "17:41:52.000  ERROR  failed  ValueError: this subject cannot be saved",
        "17:41:54.000  report  error, 1 ms",
        "```",
        f"`adaptive-batching logs trace {TRACE} s3://logs`",
    ]


def test_without_lines_there_is_what_the_message_says_itself_and_the_notes() -> None:
    notice = letter(tries="", said="this subject\ncannot be saved", at=NOW - 86_400_000, clue=None)
    assert message.text(notice, None, notes=("It names no request.",), now=NOW).split("\n") == [
        ":warning: dead letter in `conference-dead`, 2026-11-19 17:42:06 UTC",
        "```",
        "this subject cannot be saved",
        "```",
        "It names no request.",
    ]


@given(NASTY, st.integers(150, 800))
@example("<!channel> <@U1> `x` ``` &amp; @here", 150)
def test_a_quotation_is_quiet_and_short_enough_and_says_what_it_was_given(words: str, most: int) -> None:
    found = message.quoted(words, most)
    assert len(found) <= most
    assert is_quiet(found)
    if "characters left out" not in found:
        plain = html.unescape(found).replace("\u200b", "").replace("\u02cb", "`")
        assert len(plain) == len(words.replace("\u200b", ""))
        assert [
            a
            for a, b in zip(words.replace("\u200b", "\ufffd"), plain, strict=False)
            if a.isascii() and a.isprintable() and a != b
        ] == []


@given(LONG, st.integers(150, 4000))
def test_what_is_cut_keeps_its_beginning_and_more_of_its_end_and_says_how_much_is_missing(
    words: str, most: int
) -> None:
    found = message.quoted(words, most)
    assert len(found) <= most
    assert is_quiet(found)
    cut = re.search(r"\n… ([\d,]+) characters left out …\n", found)
    if cut:
        head, tail = (html.unescape(one).replace("\u02cb", "`") for one in (found[: cut.start()], found[cut.end() :]))
        assert words.startswith(head)
        assert words.endswith(tail)
        assert len(head) + len(tail) + int(cut[1].replace(",", "")) == len(words)
        assert len(html.escape(tail, quote=False)) >= len(html.escape(head, quote=False))
        assert len(found) > most - 15  # nothing more would have fitted
    else:
        assert html.unescape(found).replace("\u02cb", "`") == words


@given(
    NASTY,
    NASTY,
    NASTY,
    st.lists(
        st.one_of(
            NASTY,
            st.dictionaries(
                st.sampled_from(
                    ["message", "level", "exception", "milestone", "span", "errorMessage", "stackTrace", "traceId"]
                ),
                st.one_of(NASTY, LONG, st.lists(NASTY, max_size=3)),
            ),
        ),
        max_size=5,
    ),
    st.integers(-(10**15), 10**14),
)
def test_whatever_is_told_the_message_is_short_and_quiet(
    where: str, said: str, tries: str, records: list[Any], at: int
) -> None:
    del tries
    notice = Notice("m-1", "alarm", where, max(-1, at), said=said, clue=naming(TRACE))
    for found in (attempt(*records), None):
        text = message.text(notice, found, notes=("A note.",), source="s3://logs", now=NOW)
        assert len(text) <= message.MOST
        quotations, outside = parts(text)
        assert all(map(is_quiet, quotations))
        assert re.fullmatch(r":warning: alarm ?(, [\d: -]+ UTC)?\n*A note\.\n", outside), outside


@given(st.text(max_size=140))
@example("--help me")
@example("$(touch /tmp/x)")
def test_the_command_has_nothing_that_a_shell_reads(value: str) -> None:
    found = attempt({"message": "", "traceId": value})
    text = message.text(letter(clue=Clue((REQUEST,), exact=True)), found, source="s3://logs", now=NOW)
    (command,) = re.findall(r"`(adaptive-batching [^`]*)`", text)
    assert re.fullmatch(r"adaptive-batching logs trace [A-Za-z0-9][A-Za-z0-9._:/=+-]* s3://logs", command)


def test_nothing_was_found_by_a_search_that_was_given_nothing() -> None:
    assert Search([naming(TRACE)]).found(naming(TRACE)) is None
