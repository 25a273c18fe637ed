"""What a refusal of S3 means here, and what to do about it: bucket, keys, the role's action. Pure.

Codes: "Error responses" of the S3 API reference. What S3 says of a denial differs with the policy that denies.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.errors import StoreError

_SETTING = "ADAPTIVE_BATCHING_EXTENSION_"
_ELSEWHERE = f"Bucket {{bucket}} is not in region {{region}}: set {_SETTING}S3_REGION to its own region"
_EXPIRED = "The credentials have expired: they are read again before the next attempt"
_OTHER_KEYS = "The store does not accept these keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"
_REMEDIES = {
    "NoSuchBucket": f"There is no bucket {{bucket}}: create it, or set {_SETTING}S3_BUCKET to one that exists",
    "InvalidBucketName": f"The store has no buckets with such a name: set {_SETTING}S3_BUCKET to one that exists",
    "KeyTooLongError": f"Set {_SETTING}S3_PREFIX to a shorter one",
    "PermanentRedirect": _ELSEWHERE,
    "TemporaryRedirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidAccessKeyId": _OTHER_KEYS,
    "InvalidClientTokenId": _OTHER_KEYS,
    "InvalidToken": _OTHER_KEYS,
    "SignatureDoesNotMatch": _OTHER_KEYS,
    "RequestTimeTooSkewed": "The clocks of this environment and of the store differ by more than 15 minutes",
}
_DENIED = ("AccessDenied", "AllAccessDisabled", "HTTP403")
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


class Place:
    """Where objects go. `prefix` is what every key begins with; `owner` the account that must own the bucket, or ""."""

    __slots__ = ("bucket", "owner", "prefix", "region")

    def __init__(self, bucket: str = "", prefix: str = "", region: str = "", owner: str = "") -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.region = region
        self.owner = owner

    @property
    def arn(self) -> str:
        """What a policy names as the resource of `s3:PutObject`."""
        if self.bucket.startswith("arn:"):
            return f"{self.bucket}/object/{self.prefix}*"
        partition = next((name for begin, name in _PARTITIONS if self.region.startswith(begin)), "aws")
        return f"arn:{partition}:s3:::{self.bucket}/{self.prefix}*"


def constant(prefix: str, function: str) -> str:
    """Return what every key under a prefix template begins with: all before the first date or hour."""
    return prefix.replace("{function}", function).partition("{")[0] if "{" in prefix else prefix


def explained(error: StoreError, place: Place) -> str:
    """Return what happened, in the store's words, and what to do about it where that is known."""
    words, remedy = str(error), _remedy(error, place)
    if not remedy:
        return words
    return f"{words} {remedy}" if words.endswith(".") else f"{words}. {remedy}"


def _remedy(error: StoreError, place: Place) -> str:
    code, words = error.code, error.message.lower()
    if code.startswith("KMS.") or (code in _DENIED and "kms" in words):
        return (
            f"Bucket {place.bucket!r} encrypts with a KMS key: the function's role needs kms:GenerateDataKey on it, "
            "the key's policy must allow that, and the key must be enabled"
        )
    if code in _DENIED and "explicit deny" in words:
        return (
            f"A policy denies s3:PutObject on {place.arn}: where it demands a header for encryption, "
            "which is not sent, give the bucket a default encryption and take that demand away"
        )
    if code in _DENIED:
        owner = f", and account {place.owner} must own the bucket ({_SETTING}S3_BUCKET_OWNER)" if place.owner else ""
        return (
            f"The function's role needs s3:PutObject on {place.arn}, "
            f"the bucket's policy must not deny it (for want of a header for encryption, say){owner}"
        )
    if f"{_SETTING}S3_REGION" in error.message:
        return ""  # S3 has named the bucket's region
    return _REMEDIES.get(code, "").format(bucket=repr(place.bucket), region=repr(place.region))
