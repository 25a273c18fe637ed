"""Output for people: results on stdout, everything else on stderr, with colours and a progress bar on a terminal.

Text is written unchanged, because most of it is a log. rich does not interpret markup or emoji codes in it, does not
highlight it, does not wrap its lines and does not expand its tabs. NO_COLOR is honoured. Loading rich takes a while,
so a command that only prints its help does not import this module.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from statistics import median
from typing import TYPE_CHECKING, TextIO

from rich import console as rich
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.progress_bar import ProgressBar
from rich.segment import Segment, Segments
from rich.style import Style

from adaptive_batching.command_line import forget, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

#: The shortest time between two updates of the bar, in seconds.
_SELDOM = 0.1
_BAR = 30  # width, in characters
_COLUMN = 80  # characters up to which no text counts as far longer than the others of its column
#: Moves the cursor to the start of the line and erases the line.
_CLEAR = Segment("\r\x1b[K")


class _Rich(rich.Console):
    """Leaves a closed pipe to the caller. rich itself would end the thread that writes, whichever that is."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError again."""
        raise  # noqa: PLE0704 - rich calls this while it handles the exception


class Console:
    """Writes to one stream, line by line. Thread-safe.

    `beside` is the console whose bar is on the same terminal. Its bar is cleared before a line is written here. If
    nobody reads a `dispensable` console, the command goes on without it; otherwise writing raises OSError. A `quoting`
    console escapes what is not printable: it quotes what others have written, and no log.
    """

    def __init__(
        self,
        stream: TextIO | None,
        environ: Mapping[str, str] | None = None,
        beside: Console | None = None,
        *,
        dispensable: bool = False,
        quoting: bool = False,
    ) -> None:
        environ = os.environ if environ is None else environ
        stream = io.StringIO() if stream is None else stream  # closed by the shell: >&-
        self._stream, self._dispensable, self._quoting = stream, dispensable, quoting
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        self._coloured = terminal and not environ.get("NO_COLOR")
        self._rich = _Rich(
            file=stream,
            force_terminal=terminal,
            color_system="standard" if self._coloured else None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )
        self._beside = beside
        self._has_bar = terminal
        self._bar_is_shown = False
        self._next_bar = 0.0
        self._lock = threading.Lock()

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style. Return it unchanged if `style` is empty or the stream has no colours."""
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if self._coloured and style else text

    def say(self, text: str = "") -> None:
        """Write one line."""
        text = printable(text) if self._quoting else text
        if self._beside:
            self._beside.clear()
        with self._lock:
            self._write([Segment(text), Segment.line()])

    def progress(self, label: str, done: int, total: int) -> None:
        """Show a progress bar if the stream is a terminal."""
        now = time.monotonic()
        if not self._has_bar or (now < self._next_bar and done < total):
            return
        bar = self._rich.render(ProgressBar(total=total, completed=done, width=_BAR))
        with self._lock:
            self._write([Segment(f"{label} "), *_without_newline(bar), Segment(f" {done:,}/{total:,}")])
            self._bar_is_shown = True
            self._next_bar = now + _SELDOM

    def clear(self) -> None:
        """Erase the bar. The next call of `progress` shows it again."""
        with self._lock:
            self._write([])

    def _write(self, segments: list[Segment]) -> None:
        before = [_CLEAR] if self._bar_is_shown else []
        self._bar_is_shown = False
        if not (before or segments):
            return
        try:
            self._rich.print(Segments([*before, *segments]))
        except OSError:
            if not self._dispensable:
                raise
            forget(self._stream)


def consoles(*, quoting: bool = False) -> tuple[Console, Console]:
    """Return the console for results (stdout) and the console for everything else (stderr)."""
    everything_else = Console(sys.stderr, dispensable=True, quoting=quoting)
    on_a_terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(sys.stdout, beside=everything_else if on_a_terminal else None, quoting=quoting), everything_else


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> list[str]:
    """Return the lines of a table, as wide as its content. Pure. Cells are printable: without line breaks and tabs.

    Columns of whole numbers are aligned right, and those whose names are in `right`; others left. A text far longer
    than the others of its column moves the rest of its own line only: else all lines would be filled up to its length.
    """
    columns = list(zip(head, *rows, strict=True))
    aligned = []
    for name, *cells in columns:
        figures = bool(cells) and all(cell.replace(",", "").isdigit() for cell in cells)
        sizes = [_cells(cell) for cell in (name, *cells)]
        most = max(_COLUMN, 2 * median(sizes))
        width = max(size for size in sizes if size <= most)
        aligned.append((figures or name in right, width, sizes))
    return [
        "  ".join(
            " " * (width - sizes[number]) + cell if to_the_right else cell + " " * (width - sizes[number])
            for cell, (to_the_right, width, sizes) in zip(row, aligned, strict=True)
        ).rstrip()
        for number, row in enumerate((head, *rows))
    ]


def _cells(text: str) -> int:
    """Return how many places of a terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _without_newline(segments: Iterable[Segment]) -> list[Segment]:
    return [one for one in segments if one.text != "\n"]
