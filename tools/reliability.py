"""The rules of docs/reliability.md, from the markers beside the tests: `@pytest.mark.holds("section: rule")`.

The prose before and after the rules is edited in the page. Markers are read from the syntax tree: no test is imported.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tools.page import DOCS, ROOT, PageError, filled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What stands before the colon of a marker, and the title that it becomes; in the order of the page.
SECTIONS = {
    "journal": "Journal",
    "memory": "Memory",
    "circuit": "Retry and circuit",
    "twice": "Twice",
    "shutdown": "SHUTDOWN",
    "input": "Broken input",
    "accounts": "Accounting",
    "ids": "Request ids",
    "faults": "Fail open",
    "variants": "Variants",
    "filters": "Filters and redaction",
}


def pages() -> dict[Path, str]:
    """Return what the page has to contain."""
    page = DOCS / "reliability.md"
    return {page: filled(page.read_text(encoding="utf-8"), rules=f"\n{rules()}")}


def marked() -> Iterator[tuple[str, str, str]]:
    """Yield section, rule and test of every marker. Raises PageError for a marker of another form."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for said in (text for one in function.decorator_list if (text := _said(one)) is not None):
                    section, colon, rule = said.partition(": ")
                    if section not in SECTIONS or not colon or not rule:
                        what = f"is not 'section: rule' ({', '.join(SECTIONS)})"
                        raise PageError(f"{path.relative_to(ROOT)}: {said!r} {what}")
                    yield section, rule, function.name


def _said(decorator: ast.expr) -> str | None:
    match decorator:
        case ast.Call(func=ast.Attribute(attr="holds"), args=[ast.Constant(value=str(said))]):
            return said
    return None


def rules() -> str:
    """Return the sections in Markdown. Rules and tests by the alphabet, so that a test that moves changes nothing."""
    found: dict[str, dict[str, set[str]]] = {section: {} for section in SECTIONS}
    for section, rule, test in marked():
        found[section].setdefault(rule, set()).add(test)
    text = ""
    for number, (section, title) in enumerate(SECTIONS.items(), 1):
        text += f"## {number}. {title}\n\n| rule | held by |\n|---|---|\n"
        for rule, tests in sorted(found[section].items(), key=lambda row: row[0].lower().lstrip('"`')):
            text += f"| {rule} | {', '.join(f'`{test}`' for test in sorted(tests))} |\n"
        text += "\n"
    return text
