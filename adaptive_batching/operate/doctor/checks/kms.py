"""A customer's KMS key: may the role encrypt with it, by its own policies and by the key's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.permission import NOT_ASKED, Asked
from adaptive_batching.operate.doctor.facts import Bucket, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, Finding, cannot_say
from adaptive_batching.operate.doctor.policy import said

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Key

_MEND = "allow it: docs/iam.md, A bucket with a customer-managed KMS key"


def judge(facts: Facts) -> list[Finding]:
    """Return what is to be said about the key that encrypts the objects."""
    key, endpoint = facts.key, facts.function.variables.endpoint
    if endpoint:
        return [Finding(CANNOT_SAY, f"objects go to {endpoint}, whose keys are its own")]
    if isinstance(key, Unknown):
        return [cannot_say(key)]
    if key is None:
        return [Finding(OK, "S3 encrypts with its own keys")]
    return [_own(facts) if key.is_aws_own else _customers(facts, key)]


def _own(facts: Facts) -> Finding:
    if isinstance(facts.bucket, Bucket) and facts.bucket.is_own is False:
        read = "the bucket belongs to another account and encrypts with aws/s3, which accounts cannot share"
        return Finding(ERROR, read, "a customer-managed key: docs/iam.md, A bucket in another account")
    return Finding(OK, "aws/s3 encrypts: no permission is needed")


def _customers(facts: Facts, key: Key) -> Finding:
    if key.state != "Enabled":
        return Finding(ERROR, f"{key.arn} is {key.state}", "enable it, or encrypt with another key")
    what = f"{asks.ENCRYPT} on {key.arn}"
    request = asks.encrypt(facts.function, key)
    policy = key.policy if isinstance(key.policy, Unknown) else said([key.policy], request, has_principals=True)
    is_own = f":{facts.function.account}:" in key.arn
    role = facts.role_allows.get(asks.ENCRYPT, NOT_ASKED)
    asked = Asked(what, role, policy, "the key's policy", is_own, always=True, mend=_MEND)
    return asked.against() or Finding(OK, f"{what}: allowed")
