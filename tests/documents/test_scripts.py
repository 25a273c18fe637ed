"""The scripts of tools/ themselves: what they read, and what they notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.blocks import blocks, steps
from tools.messages import messages
from tools.outputs import is_run, same, shown
from tools.page import PageError, filled, part

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
ADVICE = "do this"
def outer(say, why):
    text = f"a thing of {why}: {ADVICE}"
    say("error" if why else "info", text, {})
    def inner():
        say("warning", "one" if why else "two")
    self._health.tell("kind", f"{'closed' if why else 'open'} again", {})
    events.Say("info", "left " + "right", {})
    say(f"{why}: to the store")
def hands_on(say, message):
    say("error", message)
"""


def test_every_way_of_writing_a_message_is_read(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "outbox.py").write_text(SOURCE)
    assert sorted((one.text, one.level) for one in messages(tmp_path)) == [
        ("a thing of …: do this", "error or info"),
        ("closed again", "warning"),
        ("left right", "info"),
        ("one", "warning"),
        ("open again", "warning"),
        ("two", "warning"),
        ("…: to the store", "warning"),
    ]


@pytest.mark.parametrize("call", ['say("info", look_up())', 'say("info", self.text)', "say(level(), 'text')"])
def test_a_message_that_is_not_in_the_source_is_an_error_that_names_the_line(call: str, tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text(f"\n{call}\n")
    with pytest.raises(PageError, match=r"extension/new\.py, line 2"):
        list(messages(tmp_path))


def test_outputs_are_the_same_whatever_the_numbers_ids_and_order() -> None:
    one = ["took 1.5 ms", "id 8b133862-5331-4ded-ac5d-1ad5da5aee81", '{"type": "a"}']
    assert same(one, ['{"type": "b"}', "took 22 ms", "id 00000000-5331-4ded-ac5d-1ad5da5aee81"])


@pytest.mark.parametrize("other", [["took 1.5 s"], ["took 1.5 ms", "more"], [], ["lost 1.5 ms"]])
def test_outputs_differ_by_a_word_or_a_line(other: list[str]) -> None:
    assert not same(["took 1.5 ms"], other)


def test_a_line_is_cut_at_the_width_of_a_terminal() -> None:
    assert shown("x" * 80 + "\n" + "y" * 81 + "\n") == ["x" * 80, "y" * 79 + "…"]


def test_a_command_goes_on_after_a_backslash_and_its_output_follows() -> None:
    page = "text\n```console\n$ adaptive-batching demo \\\n    --x\nout\nmore\n$ make test\n```\n"
    (block,) = blocks(page)
    first, second = steps(block.body)
    assert (first.command, first.output, is_run(first)) == ("adaptive-batching demo --x", ("out", "more"), True)
    assert (second.command, second.output, is_run(second)) == ("make test", (), False)
    assert page[block.start : block.end] == block.body


def test_a_part_of_a_page_is_replaced_and_the_rest_stays() -> None:
    page = "a\n<!-- x: written by `make docs` -->\nold\n<!-- end of x -->\nb"
    assert part(filled(page, x="new\n"), "x") == "new\n"
    assert filled(page, x="old\n") == page
    with pytest.raises(PageError, match="no part called 'y'"):
        filled(page, y="")
