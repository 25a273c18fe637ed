"""What `event/next` answered, read with defaults: whatever Lambda's API says, the shipping goes on. Pure.

Source: Extensions API 2020-01-01; the casing of the reason varies.
"""

from __future__ import annotations

import json
import math

from extension.events import SHUTDOWN_BUDGET, Invoke, Shutdown

SOONEST, FURTHEST = 0.1, 10.0  # s from its arrival on, within which the deadline of a SHUTDOWN is believed
LONGEST_TIMEOUT = 900  # s (Lambda quotas)
AHEAD = 0.1  # s that the clock here may be behind the one that made the deadline


def read(body: bytes, arrived: float) -> tuple[Invoke | Shutdown | None, str]:
    """Return the event, and what is odd about it as a sentence, empty if nothing is.

    `arrived` is in seconds since the epoch. None: from this event nothing follows but the next call.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None, "an event is not JSON: it is released at once"
    if not isinstance(event, dict):
        return None, "an event is not a JSON object: it is released at once"
    kind, deadline = event.get("eventType"), _seconds(event.get("deadlineMs"))
    if kind == "SHUTDOWN":
        problem = ""
        if not arrived + SOONEST <= deadline <= arrived + FURTHEST:
            problem = f"SHUTDOWN has no deadline that can be: {SHUTDOWN_BUDGET} s are used, which there always are"
            deadline = arrived + SHUTDOWN_BUDGET
        return Shutdown(_text(event.get("shutdownReason")).lower(), deadline), problem
    if kind != "INVOKE":
        return None, "an event is neither INVOKE nor SHUTDOWN: it is released at once"
    request_id = _text(event.get("requestId"))
    if not request_id:
        return None, "an INVOKE names no request: it is released at once"
    problem = "" if deadline else "an INVOKE has no deadline: it is not held"
    return Invoke(request_id, deadline, _text(event.get("invokedFunctionArn")), _timeout(deadline - arrived)), problem


def _timeout(left: float) -> int:
    """Return the function's timeout in seconds, whole as Lambda's are; 0: not known. `left`: of it, in seconds.

    An INVOKE arrives late rather than early, by less than a second unless the environment had no CPU.
    """
    timeout = math.ceil(left - AHEAD)
    return timeout if 1 <= timeout <= LONGEST_TIMEOUT else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(milliseconds: object) -> float:
    """Return a moment in seconds since the epoch; 0: what was told is not one."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return 0.0
    try:
        seconds = milliseconds / 1000
    except OverflowError:
        return 0.0
    return seconds if 0.0 < seconds < float("inf") else 0.0
