"""CloudWatch: are the same lines paid twice, or do metric filters miss them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.permission import NOT_ASKED
from adaptive_batching.operate.doctor.facts import NO_ROLE, Decision, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts


def judge(facts: Facts) -> list[Finding]:
    """Return whether CloudWatch gets the lines, and whether that is needed."""
    role, filters = facts.role_allows.get(asks.LOG, NOT_ASKED), facts.metric_filters
    for one in (role, filters):
        if isinstance(one, Unknown):
            return [cannot_say(one)]
    if isinstance(role, Decision) and role.effect == NO_ROLE:
        return [Finding(CANNOT_SAY, "the function's role does not exist", "see put")]
    named = ", ".join(filters if isinstance(filters, tuple) else ())
    return [_held(facts.function.log_group, named, allowed=isinstance(role, Decision) and role.allows)]


def _held(group: str, filters: str, *, allowed: bool) -> Finding:
    """Hold what the role may against the names of the metric filters, "" if there are none."""
    if allowed and filters:
        return Finding(OK, f"{group} gets the same lines, which metric filters read: {filters}")
    if allowed:
        read = f"{group} gets the same lines, and each GB is paid there too"
        return Finding(WARNING, read, "once objects arrive: `adaptive-batching cloudwatch off`, docs/cost.md")
    if filters:
        read = f"the role may not write to {group}, and metric filters see nothing: {filters}"
        return Finding(WARNING, read, "`adaptive-batching cloudwatch on`, or alarms of another kind")
    return Finding(OK, "denied: lines are paid once")
