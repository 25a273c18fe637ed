"""CloudWatch's view of one environment: a log stream, kept as a file and in memory for the log tail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.telemetry import cloudwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adaptive_batching.sandbox.telemetry.events import Event

#: Lambda's log tail is the last 4 KB.
TAIL = 4096


class LogStream:
    """Appends what CloudWatch would show to a file. `name` is the stream's on CloudWatch. Thread-safe."""

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
        """Add one event in the stream's format."""
        text = event.record if isinstance(event.record, str) else self._render(event)
        if text:
            self.add(text)

    def add(self, text: str) -> None:
        """Add text as it is, with a newline if it has none."""
        text = text if text.endswith("\n") else text + "\n"
        with self._lock:
            if self._file.closed:
                return
            self._file.write(text)
            self._file.flush()
            self._tail += text
            if self._echo:
                self._echo(text)

    def mark(self) -> None:
        """Begin a new invocation: the tail starts here."""
        with self._lock:
            self._tail = ""

    def tail(self) -> str:
        """Return the last 4 KB of the current invocation's log."""
        with self._lock:
            data = self._tail.encode("utf-8", "replace")
        return data[-TAIL:].decode("utf-8", "ignore")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
