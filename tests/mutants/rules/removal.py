"""What it takes to take a rule out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: Each a file of the extension, the text there, and what stands instead.
Changes: TypeAlias = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Removal:
    """One way to take a rule out."""

    rule: str  # as docs/reliability.md has it
    changes: Changes


def removal(rule: str, file: str, old: str, new: str, *more: tuple[str, str, str]) -> Removal:
    """A removal; most need one change."""
    return Removal(rule, ((file, old, new), *more))
