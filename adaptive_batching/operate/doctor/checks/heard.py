"""What the extension and the platform said in the function's log group. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import OK, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts


def judge(facts: Facts) -> list[Finding]:
    """Return what the lines mean."""
    if isinstance(facts.lines, Unknown):
        return [cannot_say(facts.lines, "doctor --function NAME, once it is deployed")]
    return [Finding(OK, "no line of the extension about an error in the last hour")]
