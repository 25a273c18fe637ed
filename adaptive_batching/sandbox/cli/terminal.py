"""Talking to people: colours where they are wanted, progress on stderr, tables. NO_COLOR is honoured."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Voice:
    """Writes to one stream, in colour when it is a terminal."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._stream = stream
        self.is_terminal = stream.isatty()
        self.coloured = self.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._line_open = False
        self._lock = threading.Lock()

    def paint(self, text: str, style: str) -> str:
        """Return text in a style, or as it is."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.coloured else text

    def say(self, text: str = "") -> None:
        """Write one line. Thread-safe."""
        with self._lock:
            if self._line_open:
                self._stream.write("\r\x1b[K")
                self._line_open = False
            self._stream.write(text + "\n")
            self._stream.flush()

    def progress(self, label: str, done: int, total: int) -> None:
        """Show how far something is: a bar that moves on a terminal, nothing elsewhere."""
        if not self.is_terminal:
            return
        filled = 30 * done // max(1, total)
        with self._lock:
            self._stream.write(f"\r\x1b[K{label} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}")
            self._stream.flush()
            self._line_open = True


#: How a line of a log stream begins, or what is in it -> its style; the first that fits.
_LOG_STYLES = (
    (re.compile(r"\bStatus: (error|timeout|failure)\b|\bTask timed out after\b|\tState: \w+Error\b"), "red"),
    (re.compile(r"^(START|END|INIT_START|RESTORE_START|EXTENSION|TELEMETRY|LOGS|XRAY)\b"), "dim"),
    (re.compile(r"^(REPORT|INIT_REPORT|RESTORE_REPORT)\b"), "cyan"),
    (re.compile(r'^\{"time":"[^"]*","type":"platform\.'), "dim"),
    (re.compile(r'^\[?(ERROR|CRITICAL)\b|\tERROR\t|"level": ?"(ERROR|CRITICAL|FATAL)"|^Traceback '), "red"),
    (re.compile(r'^\[?WARN|\tWARN\t|"level": ?"WARN'), "yellow"),
)


def log_line(text: str, voice: Voice) -> str:
    """Return a line of CloudWatch's view in the colour of its kind."""
    style = next((style for pattern, style in _LOG_STYLES if pattern.search(text)), "")
    return voice.paint(text, style) if style else text


def voices() -> tuple[Voice, Voice]:
    """Return the voices for results (stdout) and for talk (stderr)."""
    return Voice(sys.stdout), Voice(sys.stderr)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: figures to the right, the rest to the left. Pure."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    right = [bool(rows) and all(row[column].replace(",", "").isdigit() for row in rows) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        return "  ".join(cells).rstrip()

    return [line(head), *(line(row) for row in rows)]
