"""The bytes of a request: its head, and a body that is in memory or in a file."""

import hashlib

from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.stores import PutRequest

BLOCK_BYTES = 65536  # of a file in memory at a time, and sent at once


def put_headers(authority: str, request: "PutRequest") -> dict[str, str]:
    """Return the headers of a PUT that are signed, names in lower case."""
    headers = {"host": authority, "content-type": request.content_type}
    if request.content_encoding:
        headers["content-encoding"] = request.content_encoding
    for name, value in request.metadata.items():
        headers[f"x-amz-meta-{name.lower()}"] = value
    return headers


def head(line: str, headers: dict[str, str]) -> bytes:
    """Return request line and headers, to the blank line; headers without a value are left out.

    Raises `StoreError` of kind CONFIGURATION for what a header cannot carry, line breaks above all.
    """
    parts = [f"{line} HTTP/1.1\r\n"]
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            message = f"the header {name!r} would hold {value!r}: only printable ASCII can be sent"
            raise StoreError(StoreError.CONFIGURATION, 0, "BadHeader", message)
        if value:
            parts.append(f"{name}: {value}\r\n")
    return "".join([*parts, "\r\n"]).encode("ascii")


def measure(body: bytes | str) -> tuple[int, str]:
    """Return the length of a body in bytes, and its SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    size = 0
    for block in blocks(body):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def blocks(body: bytes | str) -> "Iterator[bytes]":
    """Yield the body in pieces; raise `StoreError` (CONFIGURATION) where its file cannot be read."""
    if isinstance(body, bytes):
        yield body
        return
    try:
        with open(body, "rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise StoreError(
            StoreError.CONFIGURATION, 0, type(error).__name__, f"the body cannot be read: {error}"
        ) from error
