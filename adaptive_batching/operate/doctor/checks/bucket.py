"""The bucket: does it exist, in the region where it is looked for, in which account. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.checks.known import lacking
from adaptive_batching.operate.doctor.facts import Unknown
from adaptive_batching.operate.doctor.finding import ERROR, OK, WARNING, Finding, cannot_say

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts


def judge(facts: Facts) -> list[Finding]:
    """Return what is to be said about the bucket."""
    function, bucket = facts.function, facts.bucket
    name = function.variables["S3_BUCKET"]
    if lacks := lacking(facts, "S3_REGION", "S3_BUCKET_OWNER"):
        return [lacks]
    if isinstance(bucket, Unknown):
        return [cannot_say(bucket)]
    if bucket.exists is False:
        return [Finding(ERROR, f"there is no bucket {name}", f"create it, or correct {settings.bucket_variable()}")]
    found = []
    looked_for = asks.bucket_region(function)
    if isinstance(bucket.exists, Unknown):
        found.append(cannot_say(bucket.exists))
    if isinstance(bucket.region, str) and bucket.region not in ("", looked_for) and not name.startswith("arn:"):
        read = f"{name} is in {bucket.region}, and is looked for in {looked_for}"
        found.append(Finding(ERROR, read, f"set {settings.variable('S3_REGION')}={bucket.region}"))
    if bucket.is_own is False:
        owner = function.variables["S3_BUCKET_OWNER"]
        if owner == function.account:
            read = f"{name} belongs to another account, and S3_BUCKET_OWNER says {owner}: S3 refuses every object"
            mend = f"correct {settings.variable('S3_BUCKET_OWNER')}, or the name of the bucket"
            found.append(Finding(ERROR, read, mend))
        else:
            read = f"{name} belongs to another account: the role's policy and the bucket's have to allow s3:PutObject"
            found.append(Finding(WARNING, read, "docs/iam.md, A bucket in another account"))
    if bucket.in_template:
        return [Finding(OK, f"{name} is made by the template")]
    return found or [Finding(OK, f"{name} exists{f' in {bucket.region}' if bucket.region else ''}")]
