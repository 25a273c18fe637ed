"""How figures are written in sentences. Pure."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return `1 line` or `2,000 lines`, for a noun that takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Return a text with its control characters escaped, so that none of them reaches a terminal."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii") for one in text
    )
