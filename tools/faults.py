"""The tables of docs/sandbox/faults.md, from the sandbox's own list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.sandbox.faults import FAULTS
from tools.page import DOCS, filled

if TYPE_CHECKING:
    from pathlib import Path


def pages() -> dict[Path, str]:
    """Return what the page has to contain."""
    page = DOCS / "sandbox" / "faults.md"
    return {page: filled(page.read_text(encoding="utf-8"), faults="\n" + tables())}


def tables() -> str:
    """Return one table for each event that gives a fault a chance, in Markdown."""
    text = ""
    for chance in dict.fromkeys(kind.chance for kind in FAULTS.values()):
        text += f"One chance per {chance}:\n\n| fault | effect |\n|---|---|\n"
        text += "".join(f"| `{name}` | {kind.effect} |\n" for name, kind in FAULTS.items() if kind.chance == chance)
        text += "\n"
    return text
