"""The parts of template.yaml that other scripts make: its dashboard, and what Athena needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import athena
from tools.page import ROOT
from tools.template import dashboard

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"


def pages() -> dict[Path, str]:
    """Return the text of the template."""
    return {TEMPLATE: athena.written(dashboard.written(TEMPLATE.read_text(encoding="utf-8")))}
