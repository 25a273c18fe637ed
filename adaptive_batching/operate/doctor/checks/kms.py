"""A customer's KMS key: may the role encrypt with it, by its own policies and by the key's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.known import lacking
from adaptive_batching.operate.doctor.checks.permission import NOT_ASKED, Asked
from adaptive_batching.operate.doctor.facts import ABSENT, ENABLED, SYMMETRIC, Bucket, Unknown
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, ERROR, OK, Finding, cannot_say
from adaptive_batching.operate.doctor.policy import said

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts, Key

#: State of a key -> how it becomes enabled. Source: KMS developer guide, "Key states of AWS KMS keys".
_TO_ENABLE = {
    "PendingDeletion": "cancel its deletion and enable it",
    "PendingReplicaDeletion": "cancel its deletion and enable it",
    "PendingImport": "import its key material",
    "Unavailable": "connect its key store",
    "Creating": "wait until it is made",
    "Updating": "wait until it is updated",
}
_MEND = "allow it: docs/iam.md, A bucket with a customer-managed KMS key"


def judge(facts: Facts) -> list[Finding]:
    """Return what is to be said about the key that encrypts the objects."""
    key, endpoint = facts.key, facts.function.variables.endpoint
    if lacks := lacking(facts, "KMS_KEY_ID", "SSE", bucket=False):
        return [lacks]
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
    if key.state == ABSENT:
        return Finding(ERROR, f"there is no KMS key {key.arn}", f"create it, or correct {_named(facts)}")
    if key.state != ENABLED:
        what = _TO_ENABLE.get(key.state, "enable it")
        return Finding(ERROR, f"{key.arn} is {key.state}: KMS refuses it", f"{what}, or encrypt with another key")
    if key.spec != SYMMETRIC:
        read = f"{key.arn} is a key of {key.spec}, and S3 encrypts with symmetric keys alone"
        return Finding(ERROR, read, f"correct {_named(facts)}")
    if not isinstance(facts.bucket, Unknown) and _is_elsewhere(key, facts.bucket):
        read = f"{key.arn} is in {key.region} and the bucket in {facts.bucket.region}: S3 takes keys of its own region"
        return Finding(ERROR, read, f"correct {_named(facts)}")
    what = f"{asks.ENCRYPT} on {key.arn}"
    request = asks.encrypt(facts.function, key)
    policy = key.policy if isinstance(key.policy, Unknown) else said([key.policy], request, has_principals=True)
    is_own = f":{facts.function.account}:" in key.arn
    role = facts.role_allows.get(asks.ENCRYPT, NOT_ASKED)
    asked = Asked(what, role, policy, "the key's policy", is_own, always=True, mend=_MEND)
    return asked.against() or Finding(OK, f"{what}: allowed")


def _named(facts: Facts) -> str:
    """Return where the key is named."""
    name = settings.variable("KMS_KEY_ID")
    return name if facts.function.variables["KMS_KEY_ID"] else "the default encryption of the bucket"


def _is_elsewhere(key: Key, bucket: Bucket) -> bool:
    return bool(key.region and isinstance(bucket.region, str) and bucket.region and key.region != bucket.region)
