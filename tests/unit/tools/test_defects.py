"""The known defects of `make mutants`: each still has its place in the code, and the tests that are named for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.defects import DEFECTS, Defect
from tests.mutants.patches import patched

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.name)
def test_a_known_defect_has_its_place_and_its_tests(defect: Defect) -> None:
    file = ROOT.joinpath(*defect.address.partition(":")[0].split(".")).with_suffix(".py")
    assert patched(file.read_text(), defect.address, defect.change) != file.read_text()
    for test in defect.tests:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text()
