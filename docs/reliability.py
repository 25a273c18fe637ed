# ruff: noqa: INP001, T201 - a script: it stands alone, and prints what it finds
"""Writes the rules of docs/reliability.md from the markers beside the tests: `@pytest.mark.holds("section: rule")`.

    python docs/reliability.py          write them
    python docs/reliability.py --check  say whether the page is up to date (exit code 1 if not)

The prose before and after the rules is edited in the page. Markers are read from the syntax tree: no test is imported.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- rules: written by docs/reliability.py -->\n", "<!-- end of rules -->"
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
}


def marked() -> Iterator[tuple[str, str, str]]:
    """Section, rule and test of every marker."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for said in (text for one in function.decorator_list if (text := _said(one)) is not None):
                    section, colon, rule = said.partition(": ")
                    if section not in SECTIONS or not colon or not rule:
                        sys.exit(f"{path.relative_to(ROOT)}: {said!r} is not 'section: rule' ({', '.join(SECTIONS)})")
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


def main() -> int:
    """Write, or with --check compare."""
    old = PAGE.read_text()
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    new = f"{head}{BEGIN}\n{rules()}{END}{tail}"
    if "--check" not in sys.argv:
        PAGE.write_text(new)
        return 0
    if new != old:
        print(f"{PAGE.relative_to(ROOT)} is not what docs/reliability.py writes", file=sys.stderr)
    return int(new != old)


if __name__ == "__main__":
    sys.exit(main())
