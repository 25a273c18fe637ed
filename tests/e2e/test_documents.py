"""What the documents say is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_settings_table_and_the_schema_are_those_of_the_code() -> None:
    command = [sys.executable, str(ROOT / "docs" / "settings.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_test_that_the_documents_name_exists() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    for document in sorted((ROOT / "docs").glob("*.md")):
        named = set(re.findall(r"`(test_\w+)`", document.read_text()))
        assert named <= defined, f"{document.name} names tests that do not exist: {sorted(named - defined)}"


def test_the_demonstrations_output_in_the_readme_is_of_the_shape_that_it_prints() -> None:
    """Numbers, dates and random ids differ from run to run; words, columns and order do not."""
    command = [str(Path(sys.executable).parent / "adaptive-batching"), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition("$ make demo\n")[2].partition("```")[0]
    assert shape(shown) == shape(done.stdout)


def shape(output: str) -> list[str]:
    """Lines with digits and ids replaced; the rows of the objects' table count once, whatever shipped them."""
    lines: list[str] = []
    for line in output.rstrip().splitlines():
        plain = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", line)
        plain = re.sub(r"demo-\d+-UUID\.log\s+[\d,]+\s+\d+  \w+", "ROW", plain)
        plain = re.sub(r"\d+([.,:]\d+)*", "N", plain)
        plain = " ".join(plain.split())
        plain = "{" if plain.startswith("{") else plain  # a line of an object: which event it is depends on the moment
        if not (lines and lines[-1] == plain == "ROW"):
            lines.append(plain)
    return lines
