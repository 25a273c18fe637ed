"""What is written for people: as it stands, whatever is in it; colours and a bar on a terminal alone."""

from __future__ import annotations

import io
import re

import pytest

from adaptive_batching.console import Console, table

LOG = "[red]a[/red] :smile: 'x' 12 http://x/ \ttab \r" + "wide " * 100
TERM = {"TERM": "xterm"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(text: str) -> str:
    """What a terminal shows of a line in the end: what comes before the last return to its begin is gone."""
    return re.sub(r"\x1b\[\d+m", "", text.rpartition("\r\x1b[K")[2])


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_line_is_written_as_it_stands_and_never_folded(stream: type[io.StringIO]) -> None:
    paper = stream()
    Console(paper, TERM).say(LOG)
    assert paper.getvalue() == LOG + "\n"


def test_in_a_pipe_there_is_neither_a_colour_nor_a_bar() -> None:
    paper = io.StringIO()
    console = Console(paper, TERM)
    console.progress("invoked", 1, 2)
    console.say(console.paint("end", "red"))
    assert paper.getvalue() == "end\n"


@pytest.mark.parametrize("environ", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_where_colours_are_not_wanted_there_is_none(environ: dict[str, str]) -> None:
    assert Console(Terminal(), environ).paint("end", "bold") == "end"


def test_a_style_that_is_not_named_changes_nothing() -> None:
    assert Console(Terminal(), TERM).paint("end", "") == "end"


def test_a_bar_moves_on_a_terminal_and_gives_way_to_a_line() -> None:
    paper = Terminal()
    console = Console(paper, TERM)
    console.progress("invoked", 1, 2000)
    assert shown(paper.getvalue()).startswith("invoked ")
    assert shown(paper.getvalue()).endswith(" 1/2,000")
    console.progress("invoked", 2000, 2000)
    assert shown(paper.getvalue()).endswith(" 2,000/2,000")
    console.say("a line")
    assert shown(paper.getvalue()) == "a line\n"
    assert "\n" not in paper.getvalue()[:-1]


def test_a_bar_is_not_drawn_more_often_than_anybody_can_see() -> None:
    paper = Terminal()
    console = Console(paper, TERM)
    for done in range(1, 10_001):
        console.progress("invoked", done, 10_000)
    assert paper.getvalue().count("invoked") < 200


def test_a_result_takes_the_bar_of_the_other_console_away_first() -> None:
    paper = Terminal()  # stdout and stderr are one terminal
    err = Console(paper, TERM)
    out = Console(paper, TERM, beside=err)
    err.progress("invoked", 1, 2)
    out.say('{"ok": true}')
    assert shown(paper.getvalue()) == '{"ok": true}\n'


def test_a_table_is_as_wide_as_it_needs_whatever_is_in_it() -> None:
    wide = "[bold]" + "k" * 300
    assert table(["key", "n"], [[wide, "1"], ["日本", "10"]])[1:] == [f"{wide}   1", f"{'日本':<{len(wide) - 2}}  10"]


def test_a_table_without_rows_is_its_head() -> None:
    assert table(["key", "bytes"], []) == ["key  bytes"]
