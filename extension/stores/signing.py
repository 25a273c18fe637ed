"""Signature Version 4 for one request to S3, as a pure function: what is signed, by whom and when are arguments.

Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference. The body is always signed by its
SHA-256, never as UNSIGNED-PAYLOAD: every store with an S3 interface knows it, the bytes are then protected on a
plain-HTTP endpoint too, bucket policies may demand it, and a file that changed between signing and sending is refused.
It takes the place of a checksum, and of Content-MD5.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.stores.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SECONDS_PER_DAY = 86400
BLOCK_BYTES = 64  # of SHA-256, which an HMAC key fills up

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_QUOTED = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))
_PLAIN = re.compile("[A-Za-z0-9._~/=-]*")  # the prefix of a key has `date=`
# Copied, never fed: a copy is made without looking the algorithm up, which costs more than hashing a request.
_NOTHING = hashlib.sha256()


class Day:
    """What all signatures of one day have in common: the date, the scope, and the key, ready to sign with."""

    __slots__ = ("_inner", "_outer", "date", "number", "region", "scope")

    def __init__(self, secret_key: str, region: str, number: int) -> None:
        """Derive the key; `number` counts the days since the epoch."""
        self.number = number
        self.region = region
        self.date = time.strftime("%Y%m%d", time.gmtime(number * SECONDS_PER_DAY))
        self.scope = f"{self.date}/{region}/s3/aws4_request"
        key = ("AWS4" + secret_key).encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        key = key.ljust(BLOCK_BYTES, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(one ^ pad for one in key)) for pad in (0x36, 0x5C))

    def sign(self, text: bytes) -> str:
        """Return the HMAC-SHA256 of `text` in hexadecimal (RFC 2104)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    digest = _NOTHING.copy()
    digest.update(data)
    return digest.hexdigest()


def quote_path(text: str) -> str:
    """Return a key as it stands in request line and signature: UTF-8, all but unreserved characters and `/` escaped.

    S3 alone among the services neither collapses `//` nor escapes twice. A lone surrogate, which UTF-8 cannot express,
    becomes `?`.
    """
    if _PLAIN.fullmatch(text):
        return text.replace("=", "%3D")
    return "".join([_QUOTED[byte] for byte in text.encode("utf-8", "replace")])


def sign(
    path: str, headers: dict[str, str], payload_hash: str, region: str, credentials: Credentials, moment: float
) -> dict[str, str]:
    """Return the headers to send for `PUT path`: those given, date, payload hash, token, and the signature over all.

    `path` is already quoted; names in `headers` are lower case and `host` is among them; `payload_hash` is the SHA-256
    of the body in hexadecimal; `moment` is in seconds since the epoch.
    """
    day = credentials.on(moment, region)
    minutes, seconds = divmod(int(moment) % SECONDS_PER_DAY, 60)
    stamp = f"{day.date}T{minutes // 60:02d}{minutes % 60:02d}{seconds:02d}Z"
    signed = dict(headers)
    signed["x-amz-content-sha256"] = payload_hash
    signed["x-amz-date"] = stamp
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    listed = ";".join(names)
    values = "".join([f"{name}:{signed[name]}\n" for name in names])
    if "  " in values or ": " in values or " \n" in values:  # perhaps blanks that are not signed
        values = "".join([f"{name}:{' '.join(signed[name].split())}\n" for name in names])
    canonical = f"PUT\n{path}\n\n{values}\n{listed}\n{payload_hash}"  # no query
    signature = day.sign(f"{ALGORITHM}\n{stamp}\n{day.scope}\n{sha256(canonical.encode())}".encode())
    credential = f"{credentials.access_key}/{day.scope}"
    signed["authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={listed}, Signature={signature}"
    return signed
