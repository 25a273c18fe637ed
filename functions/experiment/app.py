"""The function of the lost-last-line experiment: logs `begin`, sleeps, logs `end`, each with the request's id.

The event may say how long it sleeps, in milliseconds: {"sleepMs": 250}. Otherwise it is 10 to 600, at random.
"""

import json
import random
import time
from typing import Any

SHORTEST_MS, LONGEST_MS = 10, 600


def handler(event: Any, context: Any) -> dict[str, object]:  # noqa: ANN401 - any JSON; Lambda's own class
    """Log twice and answer the id and how long it slept. A wrong figure in the event counts as none."""
    wished = event.get("sleepMs") if isinstance(event, dict) else None
    sleep_ms = random.uniform(SHORTEST_MS, LONGEST_MS)  # noqa: S311 - no secret
    if isinstance(wished, int | float) and wished >= 0:
        sleep_ms = wished
    _log(context.aws_request_id, "begin")
    time.sleep(sleep_ms / 1000)
    _log(context.aws_request_id, "end")
    return {"requestId": context.aws_request_id, "sleptMs": sleep_ms}


def _log(request_id: str, message: str) -> None:
    """One line on stdout, out at once: what is buffered when the environment freezes would be our own loss."""
    print(json.dumps({"requestId": request_id, "message": message}), flush=True)
