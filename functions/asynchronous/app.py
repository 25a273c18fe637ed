"""The function of the scenarios of asynchronous invocation: logs `begin`, sleeps or not, logs `end`, raises or not.

Its variables say which:
    MODE           none, raise or sleep (none)
    SLEEP_SECONDS  how long it sleeps in mode sleep (90)
The event may say another mode for one invocation: {"mode": "none"}
"""

import json
import os
import time
from typing import Any


def handler(event: Any, context: Any) -> dict[str, object]:  # noqa: ANN401 - any JSON; Lambda's own class
    """Do what the mode says. Both lines have the request's id, which is the same in every attempt of an event."""
    wished = event.get("mode") if isinstance(event, dict) else None
    mode = wished if isinstance(wished, str) else os.environ.get("MODE", "none")
    _log(context.aws_request_id, "begin")
    if mode == "sleep":
        time.sleep(float(os.environ.get("SLEEP_SECONDS", "90")))
    _log(context.aws_request_id, "end")
    if mode == "raise":
        raise RuntimeError("Lambda function throwing exception")
    return {"requestId": context.aws_request_id, "mode": mode}


def _log(request_id: str, message: str) -> None:
    """One line on stdout, out at once."""
    print(json.dumps({"requestId": request_id, "message": message}), flush=True)
