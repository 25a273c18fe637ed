"""The colours of CloudWatch's view of the log, by kind of line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptive_batching.console import Console

#: Pattern of a line -> its style. The first pattern that matches counts.
_STYLES = (
    (re.compile(r"\bStatus: (error|timeout|failure)\b|\bTask timed out after\b|\tState: \w+Error\b"), "red"),
    (re.compile(r"^(START|END|INIT_START|RESTORE_START|EXTENSION|TELEMETRY|LOGS|XRAY)\b"), "dim"),
    (re.compile(r"^(REPORT|INIT_REPORT|RESTORE_REPORT)\b"), "cyan"),
    (re.compile(r'^\{"time":"[^"]*","type":"platform\.'), "dim"),
    (re.compile(r'^\[?(ERROR|CRITICAL)\b|\tERROR\t|"level": ?"(ERROR|CRITICAL|FATAL)"|^Traceback '), "red"),
    (re.compile(r'^\[?WARN|\tWARN\t|"level": ?"WARN'), "yellow"),
)


def log_line(text: str, console: Console) -> str:
    """Return a line of the log in the colour of its kind."""
    return console.paint(text, next((style for pattern, style in _STYLES if pattern.search(text)), ""))
