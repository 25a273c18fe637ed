"""Talking to people: data on stdout, talk on stderr, colour only where it is wanted. NO_COLOR is honoured."""

from __future__ import annotations

import os
import time
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
#: Seconds between two lines of progress where the stream is no terminal.
SELDOM = 10.0


class Voice:
    """Writes to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._open_line = False
        self._spoke = time.monotonic()

    def paint(self, text: str, style: str) -> str:
        """Return text in a style; as it is without one, or where colours are not wanted."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self._coloured and style else text

    def say(self, text: str) -> None:
        """Write one line."""
        self._stream.write(("\r\x1b[K" if self._open_line else "") + text + "\n")
        self._stream.flush()
        self._open_line = False

    def progress(self, label: str, done: int, total: int) -> None:
        """Show how far something is: a line that changes on a terminal, elsewhere one every ten seconds."""
        text = f"{label} {done:,} of {total:,}"
        if self._terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
            self._open_line = True
        elif time.monotonic() - self._spoke >= SELDOM:
            self._spoke = time.monotonic()
            self.say(text)
