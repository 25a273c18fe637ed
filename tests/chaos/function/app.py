"""The function of the chaos runs: logs lines that occur once, and misbehaves as its event says, in this order.

lines, bytes  how many lines to log, half of them before what follows, and how long each is, in characters
wipe          empty /tmp, as functions do
sleep         seconds to wait
exit          end the process with this status
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ANN401 - Lambda's own class
    lines, length = event.get("lines", 5), event.get("bytes", 80)
    for number in range(lines):
        if number == lines // 2:
            _misbehave(event)
        print(f"{context.aws_request_id} {number} ".ljust(length, "."))
    if not lines:
        _misbehave(event)
    sys.stdout.flush()
    return {"lines": lines}


def _misbehave(event: dict[str, Any]) -> None:
    if event.get("wipe"):
        for entry in Path(os.environ.get("TMPDIR", "/tmp")).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    time.sleep(event.get("sleep", 0))
    if "exit" in event:
        sys.stdout.flush()
        os._exit(event["exit"])
