"""The bill of materials in the layer: what is in there, of which version, on which terms."""

from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One thing that others made."""

    name: str
    version: str
    licence: str


def write(rows: list[Row], path: Path) -> None:
    """Write the table, sorted by name."""
    lines = ["\t".join(row) for row in [Row("name", "version", "licence"), *sorted(rows)]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
