"""The drawing of scenarios: well-formed, and nothing of what happened is left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from adaptive_batching.cli import main
from adaptive_batching.sandbox.asynchronous.picture import Scene, svg
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Run, Throttled
from adaptive_batching.sandbox.asynchronous.scenarios import SCENARIOS, START, play

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str) -> Counter[str]:
    """How many shapes of each kind have a title, which says what they are."""
    shapes = [one for one in ET.fromstring(text) if one.find(f"{SVG}title") is not None]  # noqa: S314 - our own
    return Counter(one.tag.removeprefix(SVG) for one in shapes)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_run_throttle_and_drop_is_drawn(name: str) -> None:
    history = play(SCENARIOS[name])
    kinds = Counter(type(one.decision) for one in history.moments)
    found = drawn(svg([Scene("a < b & c", history, START)]))
    assert found == Counter({"rect": kinds[Run], "circle": kinds[Throttled], "path": kinds[Dropped]})


def test_scenarios_stand_below_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "all.svg"
    assert main(["async", "scenario", "all", "--svg", str(file)]) == 0
    text = file.read_text()
    assert all(f"{name}: {one.title}" in text for name, one in SCENARIOS.items())
    assert sum(drawn(text).values()) == 3 + 1 + 2 + 7 + 1 + 6 + 1 + 1
    assert "diagnosis" in capsys.readouterr().out
