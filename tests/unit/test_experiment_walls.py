"""What insights may import: of the extension the objects' format, of the sandbox nothing; and its pure parts no I/O."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PURE = ("rate", "ledger", "plan", "sights", "evidence", "attempts", "verdicts", "report")
IMPURE = {"time", "os", "pathlib", "socket", "threading", "concurrent", "subprocess", "signal", "boto3", "botocore"}


def imported(path: Path) -> set[str]:
    """Every module a file imports, dotted; what is imported for its type alone does not run and does not count."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        todo.extend(ast.iter_child_nodes(node))
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "insights").rglob("*.py")), ids=lambda path: path.stem)
def test_insights_knows_the_objects_format_and_nothing_else_of_ours(path: Path) -> None:
    ours = {
        name for name in imported(path) if name.partition(".")[0] in {"extension", "sandbox", "benchmarks", "tests"}
    }
    assert ours <= {"extension.records.objects"}


@pytest.mark.parametrize("name", PURE)
def test_the_pure_parts_do_no_io(name: str) -> None:
    names = imported(ROOT / "insights" / "experiment" / f"{name}.py")
    assert {one.partition(".")[0] for one in names} & IMPURE == set()
    ours = {one.split(".")[2] for one in names if one.startswith("adaptive_batching.experiment.")}
    assert ours <= set(PURE)
