"""What `event/next` answers in the simulated world, with odd deadlines among it; read as the extension reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extension.shell.next_event import read

if TYPE_CHECKING:
    import random

    from extension.events import Invoke, Shutdown

HOUR = 3600.0
#: Deadlines that cannot be, in milliseconds since the epoch, by name; `missing` has none.
ODD = ("missing", "zero", "negative", "hours ago", "far ahead", "null", "text", "another type", "no number")


class Told:
    """A deadline as Lambda says it: which kind it is, and the seconds from now until then; None: it says none."""

    def __init__(self, chance: random.Random, wall: float, seconds: float, *, odd_rate: float) -> None:
        self._wall = wall
        self.name = chance.choice(ODD) if chance.random() < odd_rate else "as usual"
        self.value: object = {
            "as usual": (wall + seconds) * 1000,
            "zero": 0,
            "negative": -chance.choice([1, 1500, wall * 1000]),
            "hours ago": (wall - chance.choice([1, 7]) * HOUR) * 1000,
            "far ahead": (wall + chance.choice([1, 9000]) * HOUR) * 1000,
            "text": str(int((wall + seconds) * 1000)),
            "another type": chance.choice([True, [], {}]),
            "no number": chance.choice([float("nan"), float("inf"), 10**400]),
        }.get(self.name)
        self.seconds = {"as usual": seconds, "hours ago": -HOUR, "far ahead": HOUR}.get(self.name)

    def invoke(self, request_id: str, arn: str) -> Invoke | Shutdown | None:
        """INVOKE with this deadline."""
        return self._read({"eventType": "INVOKE", "requestId": request_id, "invokedFunctionArn": arn})

    def shutdown(self, reason: str) -> Invoke | Shutdown | None:
        """SHUTDOWN with this deadline."""
        return self._read({"eventType": "SHUTDOWN", "shutdownReason": reason})

    def _read(self, event: dict[str, object]) -> Invoke | Shutdown | None:
        if self.name != "missing":
            event["deadlineMs"] = self.value
        return read(json.dumps(event).encode(), self._wall)[0]
