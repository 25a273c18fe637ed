"""docs/reliability.md names a test for each rule; each of them exists, and each rule can be taken out of the code."""

import re

import pytest

from tests.mutants.defects import DEFECTS
from tests.mutants.rules import PAGE, REMOVALS, ROOT, defined, rules

RULES = rules()
CHANGES = [change for one in DEFECTS for change in one.changes] + [change for one in REMOVALS for change in one.changes]


def test_each_of_the_nine_points_has_rules() -> None:
    points = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:10]
    assert [point[:2] for point in points] == [f"{number}." for number in range(1, 10)]
    assert all(point.count("\n| ") > 1 for point in points)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_held_by_tests_that_exist(rule: str) -> None:
    assert RULES[rule]
    assert set(RULES[rule]) <= set(defined())


def test_each_rule_is_taken_out_by_make_mutants() -> None:
    assert {one.rule for one in REMOVALS} == set(RULES)


@pytest.mark.parametrize(("file", "old", "new"), CHANGES)
def test_what_is_to_be_changed_is_still_there_once(file: str, old: str, new: str) -> None:
    assert (ROOT / "extension" / file).read_text().count(old) == 1
    assert old != new
