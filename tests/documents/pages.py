"""The pages for readers, and how GitHub makes anchors of their headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.blocks import Block, blocks
from tools.page import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
PAGES = (
    *(README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", ROOT / "layer" / "README.md"),
    *sorted(DOCS.rglob("*.md")),
)
#: Gathered facts, with captured bodies and cut samples: its blocks are not all meant to be whole.
FACTS = DOCS / "lambda-protocol.md"
LINK = re.compile(r"\]\(([^()\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its fenced blocks and its code spans."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda found: found[0].replace("](", "] ("), text)


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def of_language(language: str) -> list[tuple[Path, Block]]:
    pages = [page for page in PAGES if page != FACTS]
    return [
        (page, block)
        for page in pages
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language == language
    ]


def label(pair: tuple[Path, Block]) -> str:
    page, block = pair
    line = page.read_text(encoding="utf-8")[: block.start].count("\n")
    return f"{name(page)}:{line}"
