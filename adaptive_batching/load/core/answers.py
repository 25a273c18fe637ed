"""What an answer says of its trace. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

#: The members that name a trace, as the lines of logs have them.
NAMES = ("traceId", "trace_id", "correlation_id", "correlationId")
_ROOT = re.compile(r"Root=([^;\s]+)")


def ids(body: bytes, header: str = "") -> tuple[str, ...]:
    """Return the ids in an answer that may be found in logs: members of its JSON, and the root of X-Ray's header."""
    members = _members(body)
    found = [str(one) for name in NAMES if isinstance(one := members.get(name), (str, int)) and one]
    root = _ROOT.search(header)
    return tuple(dict.fromkeys([*found, *([root[1]] if root else [])]))


def _members(body: bytes) -> dict[str, Any]:
    """Return the members of the object in a body, or in the body of the proxy answer in it."""
    try:
        found = json.loads(body)
        if isinstance(found, dict) and "statusCode" in found and isinstance(found.get("body"), str):
            found = json.loads(found["body"])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
