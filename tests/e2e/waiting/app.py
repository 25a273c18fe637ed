"""A function whose invocation lasts until the test has seen what it wanted to see.

lines, bytes  how many lines to log at once, and how long each is (none)
until         a file in /tmp that ends the invocation ("": it ends at once)
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

PATIENCE = 15.0  # s; then it ends all the same


def handler(event: dict[str, Any], _context: object) -> None:
    for number in range(event.get("lines", 0)):
        print(f"line {number} ".ljust(event.get("bytes", 0), "."))
    end = time.monotonic() + PATIENCE
    mark = Path(os.environ.get("TMPDIR", "/tmp")) / event.get("until", "")
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.01)
