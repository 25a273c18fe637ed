"""JSON as other programs read it. Pure."""

from __future__ import annotations

from typing import NoReturn


def no_json(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python takes for JSON: the `parse_constant` of json.loads. Raises ValueError."""
    raise ValueError(f"JSON has no {constant}")
