"""What the extension will ask S3 and KMS for, and Lambda CloudWatch: the requests whose permission is checked. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adaptive_batching import settings
from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor.facts import Bucket, Key
from adaptive_batching.operate.doctor.policy import Request
from adaptive_batching.operate.policies import needs

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Function

PUT, TAG, ENCRYPT, LOG = "s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey", "logs:PutLogEvents"
_UNIQUE = "1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log"
_AT = "2026-11-25T12"


def bucket_region(function: Function) -> str:
    """Return the region in which the extension looks for the bucket."""
    return function.variables["S3_REGION"] or function.region


def sample_key(function: Function) -> str:
    """Return a key as S3_PREFIX gives it to an object of this function."""
    at = datetime.fromisoformat(f"{_AT}:00")
    values = {
        "function": function.name,
        "version": "$LATEST",
        "region": function.region,
        "account": function.account,
        "date": f"{at:%Y-%m-%d}",
        "year": f"{at:%Y}",
        "month": f"{at:%m}",
        "day": f"{at:%d}",
        "hour": f"{at:%H}",
    }
    return f"{variables.filled(function.variables['S3_PREFIX'], values)}{function.name}-{_UNIQUE}"


def shown_key(function: Function) -> str:
    """Return the pattern of the keys for a sentence, as in `function=NAME/*`."""
    return needs.keys(function.variables["S3_PREFIX"], function.name, function.account)


def bucket_arn(function: Function) -> str:
    """Return the ARN of the bucket."""
    name = function.variables["S3_BUCKET"]
    return name if name.startswith("arn:") else f"arn:{function.partition}:s3:::{name}"


def phrase(function: Function, action: str, key: object = None) -> str:
    """Return what an action is needed on, for a sentence: the keys of the function, or the KMS key."""
    if isinstance(key, Key) and action == ENCRYPT:
        return f"{action} on {key.arn}"
    return f"{action} on {bucket_arn(function)}/{shown_key(function)}"


def put(function: Function, bucket: Bucket, action: str = PUT, *, conditional: bool = True) -> Request:
    """Return the request that stores an object."""
    values = function.variables
    owner = function.account if bucket.is_own is True else values["S3_BUCKET_OWNER"]
    context: dict[str, str | None] = {
        "aws:securetransport": "true",
        "s3:tlsversion": "1.2",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-HEADER",
        "aws:principalarn": function.role or None,
        "aws:principalaccount": function.account,
        "aws:principaltype": "AssumedRole",
        "aws:viaawsservice": "false",
        "s3:objectcreationoperation": "true",
        "s3:if-none-match": "*" if conditional else None,
        **_known(function, "S3_REGION", {"aws:requestedregion": bucket_region(function)}),
        **_known(function, "SSE", {"s3:x-amz-server-side-encryption": values["SSE"] or None}),
        **_known(
            function, "KMS_KEY_ID", {"s3:x-amz-server-side-encryption-aws-kms-key-id": values["KMS_KEY_ID"] or None}
        ),
        **dict.fromkeys(("s3:x-amz-acl", "s3:x-amz-storage-class", "s3:x-amz-copy-source")),
        **(dict.fromkeys(("s3:resourceaccount", "aws:resourceaccount"), owner) if owner else {}),
    }
    resource = f"{bucket_arn(function)}/{sample_key(function)}"
    return Request(action, resource, function.role, function.account, context)


def _known(function: Function, ending: str, context: dict[str, str | None]) -> dict[str, str | None]:
    """Return the context if the setting is known that it follows from, or nothing."""
    return {} if settings.variable(ending) in function.unresolved else context


def encrypt(function: Function, key: Key) -> Request:
    """Return the request that S3 makes to KMS with the rights of the role."""
    suffix = "amazonaws.com.cn" if function.partition == "aws-cn" else "amazonaws.com"
    context: dict[str, str | None] = {
        **_known(function, "S3_REGION", {"kms:viaservice": f"s3.{bucket_region(function)}.{suffix}"}),
        "kms:calleraccount": function.account,
        "aws:principalarn": function.role or None,
        "aws:principalaccount": function.account,
        "kms:grantisforawsresource": None,
    }
    return Request(ENCRYPT, key.arn, function.role, function.account, context)


def log(function: Function) -> Request:
    """Return the request with which Lambda writes the function's log to CloudWatch."""
    group = f"arn:{function.partition}:logs:{function.region}:{function.account}:log-group:{function.log_group}"
    context: dict[str, str | None] = {"aws:principalarn": function.role or None}
    return Request(LOG, f"{group}:log-stream:2026/11/25/[$LATEST]0123", function.role, function.account, context)


def all_of(function: Function, bucket: object, key: object) -> tuple[Request, ...]:
    """Return the requests of a function and of Lambda for it, as far as it is known what they are about."""
    return (log(function), *shipping(function, bucket, key))


def shipping(function: Function, bucket: object, key: object) -> tuple[Request, ...]:
    """Return the requests of a function's extension, as far as it is known what they are about."""
    found = []
    values = function.variables
    if values["S3_BUCKET"] and not values.endpoint:
        about = bucket if isinstance(bucket, Bucket) else Bucket()
        found += [put(function, about, action) for action in ((PUT, TAG) if values.wants_tags else (PUT,))]
    if isinstance(key, Key) and not key.is_aws_own:
        found.append(encrypt(function, key))
    return tuple(found)
