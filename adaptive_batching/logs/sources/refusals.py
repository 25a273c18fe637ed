"""What S3 refuses, as a sentence that says what to do. Pure."""

from __future__ import annotations

from typing import Any

from botocore.credentials import Credentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
UNKNOWN = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId"),
    *("UnrecognizedClientException", "InvalidSignatureException", "AuthFailure"),
}
#: For credentials or a region with a line break, which a file or a shell leaves behind them.
NOT_SENDABLE = (
    "the AWS credentials or the region have a character that cannot be sent, such as a line break: look at "
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_DEFAULT_REGION, or at the profile"
)
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}


def sentence(error: Exception, bucket: str, key: str = "", action: str = "s3:GetObject") -> str:
    """Return what went wrong. With a key, with an action on that object; otherwise with listing the bucket."""
    if isinstance(error, ClientError):
        return _refused(error.response, bucket, key, action)
    return without_credentials(error) or _without_answer(error)


def without_credentials(error: Exception) -> str:
    """Return what is wrong with the credentials, or "" if it is something else."""
    if isinstance(error, ProfileNotFound):
        return f"{error}; `aws configure list-profiles` lists them"
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, (UnauthorizedSSOTokenError, TokenRetrievalError, CredentialRetrievalError)):
        return f"the AWS credentials cannot be had: {error}; log in again, for example with `aws sso login`"
    if isinstance(error, HTTPClientError) and "Invalid header value" in str(error):  # and then a token, or a signature
        return NOT_SENDABLE
    return ""


def unsendable(credentials: Credentials | None) -> str:
    """Return why credentials of variables or files cannot be sent, or "". Others come from a service."""
    if type(credentials) is not Credentials:
        return ""
    texts = (credentials.access_key, credentials.secret_key, credentials.token or "")
    return "" if all(one.isascii() and one.isprintable() for one in texts) else NOT_SENDABLE


def _without_answer(error: Exception) -> str:
    if isinstance(error, EndpointConnectionError):
        return (
            f"{error.kwargs.get('endpoint_url', 'S3')} cannot be reached; is AWS_ENDPOINT_URL_S3 or the region wrong?"
        )
    if isinstance(error, HTTPClientError):
        return f"S3 does not answer: {error}"
    return str(error).rstrip(".") if isinstance(error, (BotoCoreError, ValueError)) else f"S3 does not answer: {error}"


def _refused(answer: Any, bucket: str, key: str, action: str) -> str:  # noqa: ANN401 - botocore's
    about = answer.get("Error", {})
    code, said = str(about.get("Code", "")), str(about.get("Message", "")).rstrip(".")
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or about.get("Region")
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket!r}; is the name or the endpoint wrong?"
    if code in EXPIRED:
        return f"the AWS credentials have expired ({code}); log in again"
    if code in UNKNOWN:
        return f"S3 does not know these AWS credentials ({code})"
    if code in _ELSEWHERE:
        where = f"{region!r}: --region {region}" if region else "another region: --region"
        return f"the bucket {bucket!r} is in {where}"
    if code in ("AccessDenied", "403", "AllAccessDisabled"):
        needed = f"{action} on arn:aws:s3:::{bucket}/{key}" if key else f"s3:ListBucket on arn:aws:s3:::{bucket}"
        return f"S3 refuses: these credentials need {needed} ({said or code})"
    return f"S3 refuses {key or bucket!r}: {code} {said}".rstrip()
