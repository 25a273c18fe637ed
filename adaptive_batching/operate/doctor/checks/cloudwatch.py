"""CloudWatch: are the same lines paid twice, or do metric filters miss them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.permission import NOT_ASKED
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts


def judge(facts: Facts) -> list[Finding]:
    """Return whether CloudWatch gets the lines, and whether that is needed."""
    role, filters, group = facts.role_allows.get(asks.LOG, NOT_ASKED), facts.metric_filters, facts.function.log_group
    if isinstance(role, Unknown):
        return [cannot_say(role)]
    if role.allows:
        if filters and not isinstance(filters, Unknown):
            return [Finding(OK, f"{group} gets the same lines, which metric filters read: {', '.join(filters)}")]
        read = f"{group} gets the same lines, and each GB is paid there too"
        return [Finding(WARNING, read, "once objects arrive: `adaptive-batching cloudwatch off`, docs/cost.md")]
    if isinstance(filters, Unknown):
        return [cannot_say(filters)]
    if filters:
        read = f"the role may not write to {group}, and metric filters see nothing: {', '.join(filters)}"
        return [Finding(WARNING, read, "`adaptive-batching cloudwatch on`, or alarms of another kind")]
    return [Finding(OK, "denied: lines are paid once")]
