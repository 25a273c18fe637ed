"""Format times and durations as the platform does. Pure: the caller reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(epoch: float) -> str:
    """Format a time, in seconds since the epoch, as `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    moment = datetime.fromtimestamp(epoch, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def milliseconds(seconds: float) -> float:
    """Return a duration in milliseconds with at most three decimals, as events contain it."""
    return round(seconds * 1000, 3)
