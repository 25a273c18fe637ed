"""Runs the commands of this project that the pages show with their output, and writes the output as it is today.

    python -m tools.outputs [PAGE …]

A command that is shown without any output is not run; neither is one that takes minutes. Lines are cut at the width of
a terminal. Output differs from run to run in numbers and ids; `shape` leaves those out, for the test.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tools.blocks import Step, blocks, steps
from tools.page import DOCS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = 80
PATIENCE = 120
#: Words of a line that was cut which are compared: numbers before the cut move it.
COMPARED = 4
PROGRAM = "adaptive-batching"
#: What `make` runs for these targets once everything is built.
MADE = {"make demo": f"{PROGRAM} demo"}
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))


def main(words: Sequence[str]) -> int:
    """Write the output of every command into these pages, or into all. Where its shape is as shown, nothing changes."""
    for page in [Path(word).resolve() for word in words] or PAGES:
        text = page.read_text(encoding="utf-8")
        for block in reversed(list(blocks(text))):
            if block.language == "console" and any(map(is_run, steps(block.body))):
                text = text[: block.start] + rewritten(block.body) + text[block.end :]
        page.write_text(text, encoding="utf-8")
    return 0


def is_run(step: Step) -> bool:
    """Return whether a command is run: it is one of this project's, and output is shown for it."""
    command = MADE.get(step.command, step.command)
    return bool(step.output) and command.startswith(f"{PROGRAM} ")


def rewritten(body: str) -> str:
    """Return a console block with the output of its commands replaced."""
    lines: list[str] = []
    for step in steps(body):
        today = shown(ran(step.command)) if is_run(step) else step.output
        lines += [step.typed, *(step.output if same(step.output, today) else today)]
    return "".join(f"{line}\n" for line in lines)


def ran(command: str) -> str:
    """Run a command in the clone and return what a terminal would show. Raises CalledProcessError if it cannot run."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-c", MADE.get(command, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": path, "COLUMNS": str(COLUMNS), "XDG_CACHE_HOME": _caches()},
    )
    if done.returncode > 1:  # 1: the command ran, and found a failure or a loss
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


@cache
def _caches() -> str:
    """Return a folder for caches of this process alone: commands wait for others that fill theirs, and say so."""
    folder = tempfile.mkdtemp(prefix="adaptive-batching-outputs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def shown(output: str) -> list[str]:
    """Return the lines of an output as a page shows them: cut at the width of a terminal."""
    lines = output.rstrip().expandtabs().splitlines()
    return [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines]


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two outputs have the same shape. Processes that write at the same time do so in any order."""
    return sorted(shape(one)) == sorted(shape(other))


def shape(lines: Sequence[str]) -> list[str]:
    """Return the lines without what differs from run to run: numbers, ids, how many objects there are and of which."""
    found: list[str] = []
    for line in lines:
        plain = next(_plain(line))
        if not (found and found[-1] == plain == "OBJECT"):
            found.append(plain)
    return found


def _plain(line: str) -> Iterator[str]:
    if line.startswith("{"):  # a line of an object: which event it is depends on the moment
        yield "{"
    plain = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", line)
    if re.match(r"demo-\S+\s+[\d,]+\s+\d+\s+\w+", plain):
        yield "OBJECT"
    words = re.sub(r"\d+([.,:]\d+)*", "N", plain).split()
    yield " ".join(words[:COMPARED] if line.endswith("…") else words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
