"""The function's variables: is each read as it was meant. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING, Finding

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts

#: Without these nothing is shipped, or more than should be.
_SERIOUS = ("S3_BUCKET", "REDACT_PATTERN")


def judge(facts: Facts) -> list[Finding]:
    """Return a finding for each variable that the extension does not use as it stands."""
    function = facts.function
    found = []
    for one in function.variables.problems:
        serious = one.name.removeprefix(settings.PREFIX) in _SERIOUS and not one.text.endswith("is used")
        read, _, mend = one.text.rpartition("; ")
        if mend.startswith(("did you mean", "set it")):
            found.append(Finding(ERROR if serious else WARNING, read, mend))
        else:
            found.append(Finding(ERROR if serious else WARNING, one.text, f"correct {one.name}"))
    if function.unresolved:
        names = ", ".join(function.unresolved)
        found.append(Finding(CANNOT_SAY, f"only AWS knows the value of {names}", "doctor --function, when deployed"))
    values = function.variables
    where = values["S3_BUCKET"] and f"to {values['S3_BUCKET']}, MODE={values['MODE']}"
    return found or [Finding(OK, f"read as they were meant: {where}")]
