"""The bytes of a request: its head, and a body that is in memory or in a file."""

from __future__ import annotations

import hashlib

from extension.errors import StoreError
from extension.stores import signing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from extension.stores import PutRequest

USER_AGENT = "adaptive-batching-extension"  # filters before a store refuse requests that name none
SSE, KMS_KEY = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
TAGGING = "x-amz-tagging"
BLOCK_BYTES = 65536  # of a file in memory at a time, and sent at once


def put_headers(authority: str, request: PutRequest) -> dict[str, str]:
    """Return the headers of a PUT that are signed, names in lower case."""
    headers = {"host": authority, "content-type": request.content_type}
    if request.content_encoding:
        headers["content-encoding"] = request.content_encoding
    if request.only_if_absent:
        headers["if-none-match"] = "*"
    if request.owner:
        headers["x-amz-expected-bucket-owner"] = request.owner
    if request.sse:
        headers[SSE] = request.sse
    if request.kms_key:
        headers[KMS_KEY] = request.kms_key
    if request.tags:
        headers[TAGGING] = request.tags
    for name, value in request.metadata.items():
        headers[f"x-amz-meta-{name.lower()}"] = value
    return headers


def head(line: str, headers: dict[str, str]) -> bytes:
    """Return request line and headers, to the blank line; headers without a value are left out.

    Raises `StoreError` of kind CONFIGURATION for what a header cannot carry, line breaks above all. It names the header
    and shows no value, for that may be a token or a password.
    """
    if not (line.isascii() and line.isprintable() and line.count(" ") == 1):
        message = "the path of an address holds what cannot be sent: only printable ASCII without spaces can"
        raise StoreError(StoreError.CONFIGURATION, 0, "BadAddress", message)
    if not _is_sendable("".join([*headers, *headers.values()])):
        name = next(name for name, value in headers.items() if not _is_sendable(name + value))
        message = f"the header {name!r} would hold what cannot be sent: only printable ASCII can (not shown)"
        raise StoreError(StoreError.CONFIGURATION, 0, "BadHeader", message)
    fields = [f"{name}: {value}\r\n" for name, value in headers.items() if value]
    return f"{line} HTTP/1.1\r\n{''.join(fields)}\r\n".encode("ascii")


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def measure(body: bytes | str) -> tuple[int, str]:
    """Return the length of a body in bytes, and its SHA-256 in hexadecimal."""
    if isinstance(body, bytes):
        return len(body), signing.sha256(body)
    digest = hashlib.sha256()
    size = 0
    with _file(body) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def blocks(body: bytes | str, size: int, opening: bytes) -> Iterator[bytes]:
    """Yield `opening` and `size` bytes of the body, a small one in one piece (one packet, one TLS record)."""
    if isinstance(body, bytes):
        if size < BLOCK_BYTES:
            yield opening + body
        else:
            yield opening
            yield body
        return
    yield opening
    with _file(body) as file:
        while size > 0:
            block = file.read(min(size, BLOCK_BYTES))
            if not block:
                message = f"{body} became shorter while it was sent"
                raise StoreError(StoreError.TRANSPORT, 0, "BodyChanged", message)
            size -= len(block)
            yield block


def _file(path: str) -> FileIO:
    """Open the body's file; raise `StoreError` (CONFIGURATION) where it cannot be read."""
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        message = f"the body cannot be read: {error}"
        raise StoreError(StoreError.CONFIGURATION, 0, type(error).__name__, message) from error
