"""The logs that the pages read are those that `tests.documents.conference` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.documents.conference import write
from tools.page import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_sample_is_what_its_script_writes(tmp_path: Path) -> None:
    write(tmp_path / "logs")
    assert files(tmp_path / "logs") == files(ROOT / "examples/logs")
