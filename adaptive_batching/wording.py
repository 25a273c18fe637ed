"""How figures are written in sentences. Pure."""

from __future__ import annotations

from decimal import Decimal


def counted(number: int, noun: str) -> str:
    """Return `1 line` or `2,000 lines`, for a noun that takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def written(number: float) -> str:
    """Return a number that is finite with all of its digits and without an exponent: `1234567`, `0.00001`."""
    return f"{Decimal(repr(float(number))):f}".removesuffix(".0")
