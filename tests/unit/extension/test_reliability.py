"""docs/reliability.md names a test for each rule, and each of them exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "reliability.md").read_text()
RULES = [line for line in DOCUMENT.splitlines() if re.match(r"\| (?!rule |-)", line.replace("|---", "| -"))]
DEFINED = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def test_each_of_the_nine_points_has_rules() -> None:
    points = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:10]
    assert [point[:2] for point in points] == [f"{number}." for number in range(1, 10)]
    assert all(point.count("\n| ") > 1 for point in points)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.split("|")[1].strip())
def test_a_rule_is_held_by_tests_that_exist(rule: str) -> None:
    named = re.findall(r"`(test_\w+)`", rule)
    assert named
    assert set(named) <= DEFINED
