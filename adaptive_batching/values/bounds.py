"""Numbers within bounds, for options and for what files say. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """The numbers from `low` to `high`, both included. With `above`, `low` itself is excluded."""

    low: float
    high: float = math.inf
    above: bool = False

    def __contains__(self, number: float) -> bool:
        """Return whether the number is within the bounds. nan and inf never are."""
        return self.low <= number <= self.high and number != math.inf and not (self.above and number == self.low)

    def __str__(self) -> str:
        """Describe the bounds for a message."""
        if math.isinf(self.high):
            return f"{self.low:,} or more"
        return f"above {self.low:,} and at most {self.high:,}" if self.above else f"{self.low:,} to {self.high:,}"
