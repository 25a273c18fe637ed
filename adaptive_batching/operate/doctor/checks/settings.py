"""The function's variables: is each read as it was meant. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor.finding import ERROR, OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts

#: Without these nothing is shipped, or more than should be.
_SERIOUS = ("S3_BUCKET", "REDACT_PATTERN")


def judge(facts: Facts) -> list[Finding]:
    """Return a finding for each variable that the extension does not use as it stands."""
    function = facts.function
    found = []
    for one in function.variables.problems:
        ending = one.name.removeprefix(settings.PREFIX)
        serious = ending in _SERIOUS and not function.variables[ending]
        mend = one.mend or f"correct {one.name}"
        found.append(Finding(ERROR if serious else WARNING, one.read if one.mend else one.text, mend))
    found += map(cannot_say, dict.fromkeys(function.unresolved.values()))
    values = function.variables
    where = values["S3_BUCKET"] and f"to {values['S3_BUCKET']}, MODE={values['MODE']}"
    return found or [Finding(OK, f"read as they were meant: {where}")]
