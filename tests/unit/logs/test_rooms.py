"""The rooms of `adaptive_batching/logs`: who may import what, and what is pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.walls import crossings, imported, module, sources, tops

if TYPE_CHECKING:
    from pathlib import Path

#: Room -> what it may import beside its own. "" is the folder itself: the group of commands, options, `Reading`, times.
ROOMS = {
    "verbs": {"report", "trace", "language", "sql", "sources", ""},
    "report": {"trace", "language", "sql", ""},
    "": {"cache", "sources", "sql"},
    "cache": {"sources", "sql"},
    "trace": {"language", "sql"},
    "language": {"sql"},
    "sources": set(),
    "sql": {"sources"},
}
PURE = ("language", "trace")
IMPURE = {"time", "os", "socket", "threading", "concurrent", "pathlib", "boto3", "botocore", "duckdb", "random", "sys"}


def test_no_import_crosses_a_wall() -> None:
    assert crossings("adaptive_batching.logs", ROOMS) == []


@pytest.mark.parametrize(
    "path", [path for room in PURE for path in sources(f"adaptive_batching/logs/{room}")], ids=module
)
def test_languages_and_traces_know_no_clock_no_file_and_no_database(path: Path) -> None:
    assert tops(imported(path)) & IMPURE == set()
