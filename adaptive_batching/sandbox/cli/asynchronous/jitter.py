"""Waits that vary, as Lambda's do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: How far a wait of Lambda's is from the table's, as a part of it: AWS's graph shows ages of 15,883 and 30,086 ms.
JITTER = 0.12


def jittered(seed: int) -> Callable[[float], float]:
    """Return a function that changes a wait by at most JITTER. The same seed makes the same waits."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    return lambda wait: wait * chance.uniform(1 - JITTER, 1 + JITTER)


def exact(wait: float) -> float:
    """Return the wait of Lambda's table."""
    return wait
