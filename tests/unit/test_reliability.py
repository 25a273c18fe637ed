"""docs/reliability.md has the rules that the markers beside the tests name."""

from __future__ import annotations

import re

from tools import reliability
from tools.page import DOCS


def test_each_of_the_eleven_sections_has_rules() -> None:
    sections = re.split(r"^## (?=\d)", (DOCS / "reliability.md").read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition(".")[0] for section in sections] == [str(number) for number in range(1, 12)]
    assert all(section.count("\n| ") > 1 for section in sections)


def test_every_marker_names_a_section() -> None:
    assert {section for section, _, _ in reliability.marked()} == set(reliability.SECTIONS)
