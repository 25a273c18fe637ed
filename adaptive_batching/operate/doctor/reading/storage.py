"""The bucket and the key that encrypts in it, as S3 and KMS describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers, document
from adaptive_batching.operate.doctor import asks
from adaptive_batching.operate.doctor.facts import ABSENT, ENABLED, SYMMETRIC, Bucket, Key, Unknown
from adaptive_batching.operate.doctor.reading.attempt import attempt, unknown

if TYPE_CHECKING:
    from adaptive_batching.operate.aws import Account
    from adaptive_batching.operate.doctor.facts import Function

_UNENCRYPTED = "ServerSideEncryptionConfigurationNotFoundError"
_OWN_KEY = "alias/aws/s3"


def bucket(account: Account, function: Function) -> Bucket | Unknown:
    """Return the bucket, of which some may not be known."""
    name = function.variables["S3_BUCKET"]
    if function.variables.endpoint:
        return Unknown(f"objects go to {function.variables.endpoint}")
    if name.startswith("arn:"):
        return Unknown(f"{name} is an access point, which is not looked into")
    client = account.client("s3", asks.bucket_region(function))
    try:
        with answers():
            region = client.head_bucket(Bucket=name).get("BucketRegion", "")
    except AwsError as error:
        if error.is_absent:
            nothing = absent(name)
            return Bucket(False, nothing, nothing, nothing, nothing)
        denied = unknown(error)
        there = error.headers.get("x-amz-bucket-region", "")
        return Bucket(denied, there or denied, denied, _default_key(client, name), _policy(client, name))
    return Bucket(True, region, _is_own(client, function), _default_key(client, name), _policy(client, name))


def absent(name: str) -> Unknown:
    """Return why nothing is known of a bucket that does not exist."""
    return Unknown(f"there is no bucket {name}", mend="see bucket")


def _is_own(client: Any, function: Function) -> bool | Unknown:  # noqa: ANN401 - boto3's
    """Return whether the bucket is of the function's account: S3 denies the same request if another is expected."""
    try:
        with answers():
            client.head_bucket(Bucket=function.variables["S3_BUCKET"], ExpectedBucketOwner=function.account)
    except AwsError as error:
        return False if error.permission else unknown(error)
    return True


def _default_key(client: Any, name: str) -> str | Unknown:  # noqa: ANN401 - boto3's
    """Return the KMS key of the bucket's default encryption, "" if it has none."""
    try:
        with answers():
            found = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    except AwsError as error:
        return "" if error.code == _UNENCRYPTED else unknown(error)
    for rule in found:
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        if default.get("SSEAlgorithm", "").startswith("aws:kms"):
            return str(default.get("KMSMasterKeyID") or _OWN_KEY)
    return ""


def _policy(client: Any, name: str) -> dict[str, Any] | Unknown | None:  # noqa: ANN401 - boto3's
    try:
        with answers():
            found = document(client.get_bucket_policy(Bucket=name)["Policy"])
    except AwsError as error:
        return None if error.code == "NoSuchBucketPolicy" else unknown(error)
    return found


def key(account: Account, function: Function, found: Bucket | Unknown) -> Key | Unknown | None:
    """Return the key that encrypts the objects: that of the setting, or that of the bucket's default encryption."""
    values = function.variables
    named: str | Unknown = values["KMS_KEY_ID"]
    if not named and values["SSE"] == "AES256":
        return None
    if not named:
        if isinstance(found, Unknown):
            return found
        named = found.key
    if isinstance(named, Unknown):
        return named
    if not named and values["SSE"]:
        named = _OWN_KEY
    if not named:
        return None
    return Key(named, is_aws_own=True) if named.endswith(_OWN_KEY) else _described(account, function, named)


def _described(account: Account, function: Function, named: str) -> Key | Unknown:
    client = account.client("kms", Key(named).region or asks.bucket_region(function))
    try:
        with answers():
            found = client.describe_key(KeyId=named)["KeyMetadata"]
    except AwsError as error:
        return Key(named, ABSENT) if error.is_absent else unknown(error)
    if found.get("KeyManager") == "AWS":
        return Key(found["Arn"], is_aws_own=True)
    policy = attempt(lambda: document(client.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"]))
    return Key(found["Arn"], found.get("KeyState", ENABLED), policy=policy, spec=found.get("KeySpec", SYMMETRIC))
