"""The rooms of `adaptive_batching/logs`: what is pure. (Who may import what: tests/unit/test_walls.py.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.walls import imported, module, sources, tops

if TYPE_CHECKING:
    from pathlib import Path

PURE = ("language", "trace")
IMPURE = {"time", "os", "socket", "threading", "concurrent", "pathlib", "boto3", "botocore", "duckdb", "random", "sys"}


@pytest.mark.parametrize(
    "path", [path for room in PURE for path in sources(f"adaptive_batching/logs/{room}")], ids=module
)
def test_languages_and_traces_know_no_clock_no_file_and_no_database(path: Path) -> None:
    assert tops(imported(path)) & IMPURE == set()
