"""How figures are written in sentences. Pure."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return `1 line` or `2,000 lines`, for a noun that takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
