"""Logs what the event names, as an application would: with the standard library's logging."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

log = logging.getLogger()
log.setLevel(logging.INFO)


def handler(event: dict[str, Any], _context: object) -> str:
    for level, text in event.get("log", []):
        log.log(logging.getLevelName(level), text)
    for line in event.get("print", []):
        print(line if isinstance(line, str) else json.dumps(line))
    if text := event.get("raise"):
        raise ValueError(text)
    time.sleep(event.get("sleep", 0))
    return "done"
