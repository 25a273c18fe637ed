"""Each rule of docs/reliability.md taken out of the code, one by one: the tests that the page names must notice."""

from __future__ import annotations

import re
from pathlib import Path

from tests.mutants.rules import journal, lifecycle, store, variants

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reliability.md"
REMOVALS = (*journal.REMOVALS, *store.REMOVALS, *lifecycle.REMOVALS, *variants.REMOVALS)


def rules() -> dict[str, list[str]]:
    """Each rule of the page, and the names of the tests that hold it."""
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {row[1].strip(): re.findall(r"`(test_\w+)`", row[2]) for row in rows if row[1].strip() != "rule"}


def defined() -> dict[str, str]:
    """Where each test is defined: its name, and the identifier that pytest takes."""
    return {
        name: f"{path.relative_to(ROOT)}::{name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
