"""The log stream of one environment as CloudWatch shows it: a file, and the log tail in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.telemetry import cloudwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.sandbox.telemetry.events import Event

#: The size of Lambda's log tail, in bytes.
TAIL = 4096


class LogStream:
    """Appends lines to the file of a log stream. Thread-safe.

    `name` is the name of the stream on CloudWatch. `echo` is called with each text that is added.
    """

    def __init__(
        self, path: Path, *, json_format: bool, name: str = "", echo: Callable[[str], None] | None = None
    ) -> None:
        self.path = path
        self.name = name
        self._echo = echo
        self._render = cloudwatch.as_json if json_format else cloudwatch.text
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", errors="surrogateescape")
        self._tail = ""

    def write(self, event: Event) -> None:
        """Add one event in the format of the stream."""
        text = event.record if isinstance(event.record, str) else self._render(event)
        if text:
            self.add(text)

    def add(self, text: str) -> None:
        """Add a text unchanged, with a newline if it has none."""
        text = text if text.endswith("\n") else text + "\n"
        with self._lock:
            if self._file.closed:
                return
            self._file.write(text)
            self._file.flush()
            self._tail += text
            if self._echo:
                try:
                    self._echo(text)
                except OSError:
                    self._echo = None  # whoever read along is gone; the log goes on

    def mark(self) -> None:
        """Begin the log tail of a new invocation."""
        with self._lock:
            self._tail = ""

    def tail(self) -> str:
        """Return the last 4 KB of the log since `mark`."""
        with self._lock:
            data = self._tail.encode("utf-8", "replace")
        return data[-TAIL:].decode("utf-8", "ignore")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
