"""docs/reliability.md has the rules that the markers beside the tests name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_page_is_what_the_script_prints() -> None:
    command = [sys.executable, str(DOCS / "reliability.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_each_of_the_ten_sections_has_rules() -> None:
    sections = re.split(r"^## (?=\d)", (DOCS / "reliability.md").read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition(".")[0] for section in sections] == [str(number) for number in range(1, 11)]
    assert all(section.count("\n| ") > 1 for section in sections)
