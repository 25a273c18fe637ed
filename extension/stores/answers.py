"""What an answer of the store means: taken apart, and every refusal mapped once to a kind of `StoreError`. Pure.

Codes: "Error responses" of the S3 API reference.
"""

from __future__ import annotations

from extension.errors import StoreError

OUTDATED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "RequestExpired"}
)
OTHER_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})  # those of the container may have changed
OK, MULTIPLE_CHOICES, SERVER_ERROR = 200, 300, 500  # what 2xx, 3xx and 5xx begin with
PRECONDITION_FAILED, NOT_IMPLEMENTED = 412, 501
BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
PASSING = frozenset(  # refusals by status 4xx that another attempt may well not meet
    {
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "XAmzContentSHA256Mismatch",
    }
)


class Response:
    """A status, its headers (names in lower case) and its body, as far as it was read."""

    __slots__ = ("body", "chunked", "headers", "length", "resent", "status")

    def __init__(self, head: bytes) -> None:
        """Raise `ValueError` where `head` is not the head of an HTTP answer."""
        first, _, rest = head.partition(b"\r\n")
        version, _, words = first.decode("latin-1").partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(first[:40])
        self.status = int(words[:3])
        self.headers: dict[str, str] = {}
        for line in rest.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        if version == "HTTP/1.0":
            self.headers.setdefault("connection", "close")
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.length = self._announced()  # bytes of body; -1: until the end of the connection, or in chunks
        self.body = b""
        self.resent = False  # to a request that was sent before, over a connection that broke without an answer

    @property
    def stored(self) -> bool:
        """Whether the status says yes."""
        return OK <= self.status < MULTIPLE_CHOICES

    def _announced(self) -> int:
        if self.status in (204, 304):
            return 0
        text = self.headers.get("content-length", "")
        return int(text) if text.isdigit() and not self.chunked else -1

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may be kept after this answer."""
        return self.length >= 0 and self.headers.get("connection", "").lower() != "close"


def dechunk(data: bytes) -> bytes:
    """Return the body inside the chunks, as far as they go: a torn end is left out, nothing raises."""
    parts: list[bytes] = []
    while True:
        size, separator, rest = data.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            length = 0
        if not separator or length <= 0:
            return b"".join(parts)
        parts.append(rest[:length])
        data = rest[length + 2 :]


def element(document: bytes, name: str) -> str:
    """Return the text of the first element of that name in a small XML document, empty where there is none."""
    _, found, rest = document.partition(f"<{name}>".encode())
    text, closed, _ = rest.partition(f"</{name}>".encode())
    return text.decode("utf-8", "replace").strip() if found and closed else ""


def refusal(status: int, code: str, message: str, region: str) -> StoreError:
    """Return the error for an answer of `status` with S3's `code`; `region` is the bucket's, where S3 named it."""
    message = message or "no message"
    if code in OUTDATED:
        kind = StoreError.CREDENTIALS
    elif status == PRECONDITION_FAILED:
        kind = StoreError.EXISTS
    elif status == NOT_IMPLEMENTED or code == "NotImplemented":
        # Beside plain PutObject: If-None-Match always, tags and encryption where a setting asks for them.
        about_others = any(word in message.lower() for word in ("tagging", "encryption"))
        kind = StoreError.CONFIGURATION if about_others else StoreError.UNCONDITIONAL
    elif code in BUSY or status in (429, 503):
        kind = StoreError.THROTTLED
    elif status >= SERVER_ERROR or status == 408 or code in PASSING:  # noqa: PLR2004 - Request Timeout
        kind = StoreError.SERVER
    else:
        kind = StoreError.CONFIGURATION
        if region and status not in (403, 404):
            message += f" The bucket is in region {region}: set ADAPTIVE_BATCHING_EXTENSION_S3_REGION to it"
    return StoreError(kind, status, code or f"HTTP{status}", message)


def not_s3(status: int) -> StoreError:
    """Return the error for a yes without an ETag: any web server may send it, and the chunk would be lost."""
    message = "the answer has no ETag, so it does not come from an S3: look at the endpoint's address"
    return StoreError(StoreError.CONFIGURATION, status, "NotS3", message)


def raise_for_error(answer: Response) -> None:
    """Return if the object was stored; raise `StoreError` if it was not."""
    if answer.stored:
        if "etag" not in answer.headers:
            raise not_s3(answer.status)
        return
    if answer.status == PRECONDITION_FAILED and answer.resent:
        return  # the key is taken by what was sent before
    region = answer.headers.get("x-amz-bucket-region") or element(answer.body, "Region")
    raise refusal(answer.status, element(answer.body, "Code"), element(answer.body, "Message"), region)
