"""Statistics of a loss rate: confidence interval, and the rate that a run without losses excludes. Pure."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(losses: int, runs: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a rate (E. B. Wilson, 1927), as fractions.

    Raises ValueError unless 0 <= losses <= runs and runs > 0.
    """
    if runs <= 0 or not 0 <= losses <= runs:
        raise ValueError(f"{losses} losses in {runs} runs are not a rate")
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    rate = losses / runs
    middle = rate + z * z / (2 * runs)
    half = z * sqrt(rate * (1 - rate) / runs + z * z / (4 * runs * runs))
    scale = 1 + z * z / runs
    low = 0.0 if losses == 0 else max(0.0, (middle - half) / scale)
    high = 1.0 if losses == runs else min(1.0, (middle + half) / scale)
    return low, high


def excluded(runs: int) -> float:
    """Return the smallest rate that `runs` runs without a loss exclude at 95 %, as a fraction.

    If the rate were this high or higher, a series without any loss would have a probability of at most 5 % ("rule of
    three": about 3 / runs). Raises ValueError if `runs` is not positive.
    """
    if runs <= 0:
        raise ValueError("at least one run is needed to exclude a rate")
    return float(1 - (1 - CONFIDENCE) ** (1 / runs))
