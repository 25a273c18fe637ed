"""A function that logs one line for each invocation and answers {"ok": true}."""

from typing import Any


def handler(event: Any, _context: Any) -> dict[str, bool]:  # noqa: ANN401 - any JSON; Lambda's own class
    """Log the event and answer."""
    print("working on", event)
    return {"ok": True}
