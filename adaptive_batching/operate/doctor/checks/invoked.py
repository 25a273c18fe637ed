"""One invocation: did its request id arrive on S3. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Invocation

_WARM = "the environment was warm: what it logs may wait for its thresholds; invoke again, or wait and read `flowing`"


def judge(facts: Facts, invocation: Invocation | Unknown) -> list[Finding]:
    """Return whether the invocation arrived, and whether it failed; or why it was not made.

    The first invocation of an environment is held open until its logs are stored, so they are there when it ends.
    """
    if isinstance(invocation, Unknown):
        return [cannot_say(invocation, "mend that, and invoke it again")]
    read = f"request {invocation.request_id}"
    found = []
    if invocation.error:
        found.append(Finding(WARNING, f"{read}: the function failed ({invocation.error})", "see its log"))
    if isinstance(invocation.key, Unknown):
        return [*found, cannot_say(invocation.key)]
    if invocation.key:
        return [*found, Finding(OK, f"{read} is in s3://{facts.function.variables['S3_BUCKET']}/{invocation.key}")]
    waited = f"{read} is in no object after {invocation.waited:.0f} s"
    if not invocation.is_cold:
        return [*found, Finding(CANNOT_SAY, waited, _WARM)]
    return [*found, Finding(ERROR, f"{waited}, although it was the first of its environment", "see the other checks")]
