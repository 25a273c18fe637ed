"""The output that the pages show for a command is of the shape that the command prints."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.documents.pages import label, of_language
from tools.blocks import steps
from tools.outputs import is_run, ran, same, shape, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tools.blocks import Block

RUN = [pair for pair in of_language("console") if any(map(is_run, steps(pair[1].body)))]


@pytest.mark.parametrize("pair", RUN, ids=label)
def test_the_output_that_a_page_shows_is_what_the_command_prints(pair: tuple[Path, Block]) -> None:
    """Numbers and ids differ from run to run; so does the order of lines that different processes write."""
    if "examples/hello" in pair[1].body and not shutil.which("curl"):
        pytest.skip("hello.sh needs curl")
    for step in filter(is_run, steps(pair[1].body)):
        today = shown(ran(step.command))
        assert same(step.output, today), (shape(step.output), shape(today))
