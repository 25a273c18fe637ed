"""Plants a known defect into a copy of the project, and runs there the tests that are named for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.patches import patched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutants.patches import Change

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("extension", "adaptive_batching", "tests", "functions", "examples", "docs", "tools", "layer", "requirements")
FILES = ("pyproject.toml", "README.md", "LICENSE", "Makefile")
#: Seconds for the tests of one defect.
PATIENCE = 120
#: pytest's exit status when tests ran and some failed.
SOME_FAILED = 1


def plant(root: Path, address: str, change: Change) -> None:
    """Make the change in the module's file below `root`."""
    file = root.joinpath(*address.partition(":")[0].split(".")).with_suffix(".py")
    file.write_text(patched(file.read_text(), address, change))


def judged(tests: Sequence[str]) -> str:
    """The end of pytest's output if one of these tests fails without any defect, else nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(Path(folder))
        code, said = _run(copy, tests)
    return said if code else ""


def blind(address: str, change: Change, tests: Sequence[str]) -> dict[str, str]:
    """Those of the tests that do not fail with the change, each with the end of its output."""
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(Path(folder))
        plant(copy, address, change)
        outcomes = {test: _run(copy, [test]) for test in tests}
    return {test: said for test, (code, said) in outcomes.items() if code != SOME_FAILED}


def _copy(folder: Path) -> Path:
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "build").mkdir()
    for entry in (ROOT / "build").iterdir():
        if entry.name != "layer":
            (folder / "build" / entry.name).symlink_to(entry)
    return folder


def _build(copy: Path) -> None:
    """The layer of the copy: what was planted has to be in it."""
    command = [sys.executable, "-m", "layer.build", "--into", "build/layer", "--zip", "build/layer.zip"]
    subprocess.run(command, cwd=copy, env=_variables(copy), capture_output=True, check=True)


def _variables(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


def _run(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit status and the end of pytest's output. A run that does not end in time has failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *tests]
    if any(test.startswith("tests/e2e/") for test in tests) and not (copy / "build" / "layer").exists():
        _build(copy)
    try:
        done = subprocess.run(
            command, cwd=copy, env=_variables(copy), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return SOME_FAILED, "it did not end"
    return done.returncode, (done.stdout + done.stderr)[-1500:]
