"""What is written for people: as it stands, whatever is in it; colours and a bar on a terminal alone."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import console as rich
from rich.table import Table

from adaptive_batching.console import Console, table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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


def by_rich(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> list[str]:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(head):
        figures = bool(rows) and all(row[number].replace(",", "").isdigit() for row in rows)
        made.add_column(name, justify="right" if figures or name in right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    paper = io.StringIO()
    rich.Console(file=paper, width=10_000, color_system=None, markup=False, emoji=False, highlight=False).print(made)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


WORDS = st.text("ab1,[/]:日é", max_size=30)


@given(st.integers(1, 4).flatmap(lambda n: st.tuples(*[st.lists(WORDS, min_size=n, max_size=n)] * 3)), st.lists(WORDS))
def test_a_table_is_what_rich_makes_of_it(rows: tuple[list[str], ...], right: list[str]) -> None:
    head, *body = rows
    assert table(head, body, right) == by_rich(head, body, right)


def test_a_text_far_longer_than_the_others_of_its_column_moves_its_own_line() -> None:
    long = "k" * 300
    assert table(["key", "n"], [["a", "1"], [long, "2"], ["b", "3"]]) == ["key  n", "a    1", f"{long}  2", "b    3"]
    keys = ["k" * 150, "l" * 149, "m" * 160]
    assert table(["key", "n"], [[one, "1"] for one in keys])[1:] == [f"{one:<160}  1" for one in keys]


def test_a_table_without_rows_is_its_head() -> None:
    assert table(["key", "bytes"], []) == ["key  bytes"]
