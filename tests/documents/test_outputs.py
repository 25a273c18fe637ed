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


def test_no_finding_of_doctor_that_a_page_shows_is_cut() -> None:
    shown = [step for _, block in RUN for step in steps(block.body) if " doctor " in step.command]
    assert shown
    assert [line for step in shown for line in step.output if line.endswith("…")] == []


def test_the_report_of_the_experiment_that_its_page_shows_is_what_the_commands_print(tmp_path: Path) -> None:
    """`make experiment` takes minutes: twelve invocations give a report of the same shape."""
    ((_, block), *_) = (pair for pair in of_language("console") if "$ make experiment" in pair[1].body)
    (step,) = steps(block.body)
    before, *report = step.output
    run = f"adaptive-batching experiment run -n 12 -c 3 --sleep 1-20 --folder {tmp_path}/experiment"
    printed = ran(f"{run} && adaptive-batching experiment analyze {tmp_path}/experiment")
    today = shape(printed.replace(str(tmp_path), "build").splitlines())
    assert before == "…"
    assert " ".join(shape(report)) in " ".join(today)  # where a line is folded depends on the figures
