"""The demonstration function: writes some log lines, in the ways that functions do, and answers what it wrote.

The event may ask for more than the default: {"lines": 20, "bytes": 200, "sleep": 0.5}
    lines  how many lines to log (5)
    bytes  how long each message is, in characters (80)
    sleep  seconds to wait between the first half of the lines and the second (0)
"""

import json
import logging
import time
from typing import Any

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: Any, context: Any) -> dict[str, object]:  # noqa: ANN401 - any JSON; Lambda's own class
    """Log and answer. A wrong or missing figure in the event counts as its default."""
    wishes = event if isinstance(event, dict) else {}
    lines = int(_figure(wishes, "lines", 5))
    length = int(_figure(wishes, "bytes", 80))
    sleep = _figure(wishes, "sleep", 0)
    for number in range(lines):
        if number == lines // 2:
            time.sleep(sleep)
        text = f"line {number + 1} of {lines} of request {context.aws_request_id} "
        (_plain, _logged, _json)[number % 3](number, text.ljust(length, "."))
    return {"requestId": context.aws_request_id, "lines": lines, "bytes": length}


def _plain(_number: int, message: str) -> None:
    print(message)


def _logged(_number: int, message: str) -> None:
    logger.info(message)


def _json(number: int, message: str) -> None:
    print(json.dumps({"level": "INFO", "number": number, "message": message}))


def _figure(wishes: dict[str, object], name: str, default: float) -> float:
    value = wishes.get(name)
    return value if isinstance(value, int | float) and value >= 0 else default
