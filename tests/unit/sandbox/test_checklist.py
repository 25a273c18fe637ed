"""The conformance checklist of the protocol reference, section 11: each line has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

#: The lines, shortened. `test_07_…` in tests/edge/sandbox holds line 7.
CHECKLIST = {
    1: "extensions are found by base name, ten at most, LaunchError/PermissionDenied",
    2: "the environment without the ten variables",
    3: "registration closes at the runtime's first next",
    4: "403 bodies, states, order of identifier checks",
    5: "next blocks; INVOKE to subscribers; fresh Event-Identifier; SHUTDOWN with either casing",
    6: "subscriptions: validation, answers, 202 mode, closed mode, one API",
    7: "batching, pause while frozen, redelivery; drop, split, duplicate, out-of-order mode",
    8: "events with switches for schema, log format and shapes",
    9: "the report is held back until all extensions called next",
    10: "reset: timeout, runtime exit, extension exit; /tmp kept; suppressed init; re-subscription",
    11: "shutdown budgets; SIGKILL of whole groups",
    12: "Managed Instances and SnapStart",
}
EDGE = Path(__file__).resolve().parents[2] / "edge" / "sandbox"


@pytest.mark.parametrize(("number", "line"), CHECKLIST.items())
def test_a_line_of_the_checklist_has_a_test(number: int, line: str) -> None:
    found = [
        name
        for file in EDGE.glob("test_*.py")
        for name in re.findall(rf"def (test_{number:02d}_\w+)", file.read_text())
    ]
    assert found, line
