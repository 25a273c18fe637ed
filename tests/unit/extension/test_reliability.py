"""docs/reliability.md names a test for each rule; each of them exists, and each rule can be taken out of the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.mutants.defects import DEFECTS
from tests.mutants.rules import PAGE, REMOVALS, ROOT, defined, rules

if TYPE_CHECKING:
    from tests.mutants.rules.removal import Changes

RULES = rules()
WAYS = [one.changes for one in DEFECTS] + [one.changes for one in REMOVALS]


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


@pytest.mark.parametrize("changes", WAYS)
def test_what_is_to_be_changed_is_still_there_once_and_what_it_becomes_is_a_program(changes: Changes) -> None:
    """A change that is no Python fails every test, and proves nothing."""
    sources = {file: (ROOT / "extension" / file).read_text() for file, _, _ in changes}
    for file, old, new in changes:
        assert sources[file].count(old) == 1
        assert old != new
        sources[file] = sources[file].replace(old, new)
    for file, source in sources.items():
        compile(source, file, "exec")
