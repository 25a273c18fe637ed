"""PutObject on the key that S3_PREFIX gives: do the role's and the bucket's policies allow it, or who denies. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.known import lacking
from adaptive_batching.operate.doctor.checks.permission import NOT_ASKED, Asked
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, OK, Finding
from adaptive_batching.operate.doctor.policy import Said, said

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Bucket, Facts

_MEND = "allow it: docs/iam.md has the statement"


def judge(facts: Facts) -> list[Finding]:
    """Return a finding for each action that is denied or unknown, or one that all are allowed."""
    values = facts.function.variables
    if lacks := lacking(facts, "S3_PREFIX", "TAGS"):
        return [lacks]
    if values.endpoint:
        return [Finding(CANNOT_SAY, f"objects go to {values.endpoint}, whose permissions are its own")]
    actions = (asks.PUT, asks.TAG) if values.wants_tags else (asks.PUT,)
    found = [finding for action in actions if (finding := _asked(facts, action).against()) is not None]
    allowed = f"{' and '.join(actions)} on {values['S3_BUCKET']}/{asks.shown_key(facts.function)}: allowed"
    return found or [Finding(OK, allowed)]


def _asked(facts: Facts, action: str) -> Asked:
    function, bucket = facts.function, facts.bucket
    role = facts.role_allows.get(action, NOT_ASKED)
    policy = bucket if isinstance(bucket, Unknown) else _bucket_says(facts, bucket, action)
    is_own = True if isinstance(bucket, Unknown) else bucket.is_own
    return Asked(asks.phrase(function, action), role, policy, "the bucket's policy", is_own, always=False, mend=_MEND)


def _bucket_says(facts: Facts, bucket: Bucket, action: str) -> Said | Unknown:
    if isinstance(bucket.policy, Unknown):
        return bucket.policy
    documents = [bucket.policy] if bucket.policy else []
    return said(documents, asks.put(facts.function, bucket, action), has_principals=True)
