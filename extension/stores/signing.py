"""Signature Version 4 for one request to S3, as a pure function: what is signed, by whom and when are arguments.

Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference. The body is always signed by its
SHA-256, never as UNSIGNED-PAYLOAD: every store with an S3 interface knows it, the bytes are then protected on a
plain-HTTP endpoint too, bucket policies may demand it, and a file that changed between signing and sending is refused.
It takes the place of a checksum, and of Content-MD5.
"""

from __future__ import annotations

import hashlib
import hmac
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.stores.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_QUOTED = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))


def quote_path(text: str) -> str:
    """Return a key as it stands in request line and signature: UTF-8, all but unreserved characters and `/` escaped.

    S3 alone among the services neither collapses `//` nor escapes twice. A lone surrogate, which UTF-8 cannot express,
    becomes `?`.
    """
    return "".join([_QUOTED[byte] for byte in text.encode("utf-8", "replace")])


def sign(
    path: str, headers: dict[str, str], payload_hash: str, region: str, credentials: Credentials, moment: float
) -> dict[str, str]:
    """Return the headers to send for `PUT path`: those given, date, payload hash, token, and the signature over all.

    `path` is already quoted; names in `headers` are lower case and `host` is among them; `payload_hash` is the SHA-256
    of the body in hexadecimal; `moment` is in seconds since the epoch.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    signed = dict(headers)
    signed["x-amz-content-sha256"] = payload_hash
    signed["x-amz-date"] = stamp
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    canonical = "\n".join(
        [
            "PUT",
            path,
            "",  # no query
            *[f"{name}:{' '.join(signed[name].split())}" for name in names],
            "",
            ";".join(names),
            payload_hash,
        ]
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(credentials.signing_key(scope), text.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    signed["authorization"] = (
        f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return signed
