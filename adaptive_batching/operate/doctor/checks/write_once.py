"""A bucket that takes only conditional PUTs (If-None-Match), and a function that makes others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.known import lacking
from adaptive_batching.operate.doctor.facts import DENY, Bucket, Unknown
from adaptive_batching.operate.doctor.finding import ERROR, OK, Finding, cannot_say
from adaptive_batching.operate.doctor.policy import said

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts


def judge(facts: Facts) -> list[Finding]:
    """Return whether the bucket's policy denies what CONDITIONAL_WRITE=off sends."""
    function, bucket = facts.function, facts.bucket
    if lacks := lacking(facts, "CONDITIONAL_WRITE"):
        return [lacks]
    policy = bucket if isinstance(bucket, Unknown) else bucket.policy
    is_absent = isinstance(bucket, Bucket) and bucket.exists is False
    if isinstance(policy, Unknown) and (is_absent or function.variables["CONDITIONAL_WRITE"] == "off"):
        return [cannot_say(policy)]
    if function.variables["CONDITIONAL_WRITE"] == "on":
        return [Finding(OK, "every PUT has If-None-Match: nothing is overwritten")]
    documents = [policy] if policy and not isinstance(policy, Unknown) else []
    about = bucket if isinstance(bucket, Bucket) else Bucket()
    answers = [
        said(documents, asks.put(function, about, conditional=conditional), has_principals=True)
        for conditional in (True, False)
    ]
    if [one.effect == DENY for one in answers] == [False, True]:
        name = settings.variable("CONDITIONAL_WRITE")
        statement = answers[1].statement
        why = f"{name} is off, and the bucket's policy denies PUTs without If-None-Match: statement {statement}"
        return [Finding(ERROR, why, f"remove {name}")]
    return [Finding(OK, "CONDITIONAL_WRITE is off, and the bucket's policy does not mind")]
