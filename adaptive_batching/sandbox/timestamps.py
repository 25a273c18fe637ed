"""Moments as the platform prints them. Pure; the caller reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(epoch: float) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.mmmZ` for seconds since the epoch."""
    moment = datetime.fromtimestamp(epoch, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def milliseconds(seconds: float) -> float:
    """Return a duration as events carry it: milliseconds with at most three decimals."""
    return round(seconds * 1000, 3)
