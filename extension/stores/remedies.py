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
    "InvalidTag": f"Set {_SETTING}TAGS to tags that the store takes, or unset it",
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
    """Where objects go, and what stands beside each of them. `prefix` is what every key begins with.

    `owner` is the account that must own the bucket; `sse`, `kms_key` and `tags` are as in `PutRequest`; "" for none.
    """

    __slots__ = ("bucket", "kms_key", "owner", "prefix", "region", "sse", "tags")

    def __init__(
        self,
        bucket: str = "",
        prefix: str = "",
        region: str = "",
        owner: str = "",
        *,
        sse: str = "",
        kms_key: str = "",
        tags: str = "",
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.region = region
        self.owner = owner
        self.sse = sse
        self.kms_key = kms_key
        self.tags = tags

    @property
    def arn(self) -> str:
        """What a policy names as the resource of `s3:PutObject`."""
        if self.bucket.startswith("arn:"):
            return f"{self.bucket}/object/{self.prefix}*"
        partition = next((name for begin, name in _PARTITIONS if self.region.startswith(begin)), "aws")
        return f"arn:{partition}:s3:::{self.bucket}/{self.prefix}*"


def constant(prefix: str, known: dict[str, str]) -> str:
    """Return what every key under a prefix template begins with: all before the first placeholder not `known`."""
    for name, value in known.items():
        prefix = prefix.replace("{" + name + "}", value)
    return prefix.partition("{")[0]


def explained(error: StoreError, place: Place) -> str:
    """Return what happened, in the store's words, and what to do about it where that is known."""
    words, remedy = str(error), _remedy(error, place)
    if not remedy:
        return words
    return f"{words} {remedy}" if words.endswith(".") else f"{words}. {remedy}"


def _remedy(error: StoreError, place: Place) -> str:
    code, words = error.code, error.message.lower()
    if code.startswith("KMS.") or (code in _DENIED and "kms" in words):
        return f"{_key(place)}, the key's policy must allow that, and the key must be enabled"
    if code in _DENIED:
        return _permission(words, place)
    if error.kind == error.UNCONDITIONAL and (place.sse or place.tags):
        return f"If the store knows no tags or no such encryption, unset {_SETTING}TAGS, SSE and KMS_KEY_ID"
    if f"{_SETTING}S3_REGION" in error.message:
        return ""  # S3 has named the bucket's region
    return _REMEDIES.get(code, "").format(bucket=repr(place.bucket), region=repr(place.region))


def _key(place: Place) -> str:
    if place.kms_key:
        return (
            f"The function's role needs kms:GenerateDataKey on the key {place.kms_key!r} ({_SETTING}KMS_KEY_ID), "
            "which must be a symmetric key in the bucket's region"
        )
    return f"Bucket {place.bucket!r} encrypts with a KMS key: the function's role needs kms:GenerateDataKey on it"


def _permission(words: str, place: Place) -> str:
    """Return what would allow a PUT that was denied with these words, in small letters."""
    if "putobjecttagging" in words:
        return f"The function's role needs s3:PutObjectTagging on {place.arn}, for {_SETTING}TAGS"
    if "explicit deny" in words:
        sent = f"{place.sse} is sent" if place.sse else "none is sent"
        return (
            f"A policy denies s3:PutObject on {place.arn}: where it demands a header for encryption ({sent}), "
            f"set {_SETTING}SSE or KMS_KEY_ID to what it demands, "
            "or give the bucket a default encryption and take that demand away"
        )
    owner = f", and account {place.owner} must own the bucket ({_SETTING}S3_BUCKET_OWNER)" if place.owner else ""
    more = f" and s3:PutObjectTagging (for {_SETTING}TAGS)" if place.tags else ""
    key = f", kms:GenerateDataKey on {place.kms_key} (for {_SETTING}KMS_KEY_ID)" if place.kms_key else ""
    return (
        f"The function's role needs s3:PutObject{more} on {place.arn}{key}, "
        f"the bucket's policy must not deny it (for want of a header for encryption, say){owner}"
    )
