"""Logs the trace that the event names, a milestone and a span, and raises if it is told to."""

from __future__ import annotations

import json
import time
from typing import Any


def handler(event: dict[str, Any], _context: object) -> str:
    print(json.dumps({"traceId": event["trace"], "milestone": event["milestone"], "message": "begun"}))
    time.sleep(0.02)
    print(json.dumps({"traceId": event["trace"], "span": "sleep", "durationMs": 20}))
    if event.get("fails"):
        raise ValueError("this subject cannot be saved")
    return "done"
