"""What tests of the journal need again and again."""

import os
import subprocess
import sys
from pathlib import Path

from extension.journal import Journal
from extension.records.chunk import ReaderState, Seal

ENVIRONMENT = "0123456789ab"
FOLDER = "adaptive-batching-extension"
WALL = 1_795_608_000.123
ROOT = Path(__file__).parents[4]


class Said:
    """What a journal said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def __call__(self, level: str, message: str, fields: dict[str, object]) -> None:
        self.lines.append((level, message, fields))

    @property
    def messages(self) -> list[str]:
        return [message.partition(":")[0] for _, message, _ in self.lines]


class Clock:
    """A clock that each look moves on by `step` seconds."""

    def __init__(self) -> None:
        self.now, self.step = 1000.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def seal_of(first: int | None, last: int | None, key: str = "", *, sequence: int = 0) -> Seal:
    """A seal over these entries; `sequence` is the reader's behind the last of them, if it is not their serial."""
    before = ReaderState("r-0", ("r-0",), (first or 1) - 1)
    return Seal(key or f"key-{first}-{last}", first, last, before, after(sequence or last or 0), "bytes")


def after(last: int) -> ReaderState:
    return ReaderState(f"r-{last}", ("r-0", f"r-{last}"), last)


def bodies(journal: Journal, first: int = 1, last: int = 2**62) -> list[bytes]:
    return [body for _, _, body in journal.entries(first, last)]


def segments(parent: Path) -> list[Path]:
    return sorted((parent / FOLDER).glob("segment-*"))


def python(*arguments: str, before: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """A Python process in the root of the project; its output is read line by line."""
    return subprocess.Popen(
        [*before, sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
