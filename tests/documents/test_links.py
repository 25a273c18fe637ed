"""Every page is reachable from the README, and no link or anchor leads nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.documents.pages import LINK, PAGES, README, anchors, name, prose
from tools.page import DOCS

if TYPE_CHECKING:
    from pathlib import Path

#: A reader takes it in at one sitting.
LONGEST_README = 160


def local(page: Path) -> list[tuple[Path, str]]:
    """Target and anchor of each link of a page to a file of this project."""
    found = []
    for address in LINK.findall(prose(page)):
        if not address.startswith(("https://", "mailto:")):
            target, _, anchor = address.partition("#")
            found.append(((page.parent / target).resolve() if target else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    for target, anchor in local(page):
        assert target.exists(), f"{name(page)} links to {target}, which does not exist"
        assert not anchor or anchor in anchors(target), f"{name(page)} links to #{anchor}, which {target} has not"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_not_a_link_to_a_file_is_a_link_by_https(page: Path) -> None:
    assert [address for address in LINK.findall(prose(page)) if address.startswith("http:")] == []


def test_every_page_of_docs_is_reachable_from_the_readme() -> None:
    seen, todo = {README}, [README]
    while todo:
        for target, _ in local(todo.pop()):
            if target.suffix == ".md" and target not in seen:
                seen.add(target)
                todo.append(target)
    assert sorted(map(name, set(DOCS.rglob("*.md")) - seen)) == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README
