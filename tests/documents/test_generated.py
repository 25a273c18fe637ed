"""What follows from the code is in the documents as `make docs` writes it."""

from __future__ import annotations

import re
import subprocess
import sys

from extension.core.counters import Counters, Freshness, Removed
from tools import messages
from tools.page import DOCS, ROOT, part


def test_the_documents_are_what_make_docs_writes() -> None:
    command = [sys.executable, "-m", "tools", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_test_that_the_documents_name_exists() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    for document in sorted(DOCS.rglob("*.md")):
        named = set(re.findall(r"`(test_\w+)`", document.read_text()))
        assert named <= defined, f"{document.name} names tests that do not exist: {sorted(named - defined)}"


def test_every_place_of_the_extension_that_can_write_a_message_is_in_the_reference() -> None:
    """The walk through the source is held against a second, coarser one: every text beside a level."""
    page = part((DOCS / "troubleshooting.md").read_text(encoding="utf-8"), "messages")
    found = [one.text for one in messages.messages()]
    assert len(found) > 40
    assert [text for text in found if f"| `{text}` |" not in page] == []


def test_every_count_of_the_closing_line_is_explained() -> None:
    counters = Counters()
    counters.end("timeout", "8b133862")
    counters.freshness = Freshness(60.0)
    counters.removed = Removed()
    page = (
        (DOCS / "troubleshooting.md")
        .read_text(encoding="utf-8")
        .partition("## The closing line")[2]
        .partition("\n## ")[0]
    )
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*?\|", page, re.MULTILINE))))
    assert set(counters.as_dict(0)) | {"version", "perhapsStored", "refused", "why"} == explained
