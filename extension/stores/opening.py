"""What a connection begins with: the head of a PUT, signed, and that of a tunnel through a proxy. Pure."""

from __future__ import annotations

from extension.stores import signing
from extension.stores.request import USER_AGENT, head, put_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from extension.stores import PutRequest
    from extension.stores.credentials import Credentials
    from extension.stores.endpoint import Url


class Signer:
    """In whose name, for which region and when: `moment` in seconds since the epoch."""

    __slots__ = ("keys", "moment", "region")

    def __init__(self, keys: Credentials, region: str, moment: float) -> None:
        self.keys = keys
        self.region = region
        self.moment = moment


def put(target: Url, proxy: Url | None, request: PutRequest, measured: tuple[int, str], signer: Signer) -> bytes:
    """Return the head of a PUT; `measured` is the body's length and its SHA-256 in hexadecimal.

    Raises `StoreError` of kind CONFIGURATION for what no header can carry.
    """
    size, digest = measured
    path = signing.quote_path(f"{target.path}/{request.key}")
    headers = put_headers(target.authority, request)
    headers = signing.sign(path, headers, digest, signer.region, signer.keys, signer.moment)
    headers["content-length"] = str(size)
    headers["user-agent"] = USER_AGENT
    if proxy and not target.secure:
        path = f"http://{target.authority}{path}"
        headers["proxy-authorization"] = proxy_authorization(proxy)
    return head(f"PUT {path}", headers)


def tunnel(target: Url, proxy: Url) -> bytes:
    """Return the head that asks `proxy` for a tunnel to `target`."""
    place = f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
    return head(f"CONNECT {place}", {"host": place, "proxy-authorization": proxy_authorization(proxy)})


def proxy_authorization(proxy: Url) -> str:
    """Return the header value that opens the proxy, empty where its address names no user."""
    if not proxy.user:
        return ""
    from binascii import b2a_base64
    from urllib.parse import unquote_to_bytes

    named = proxy.user if ":" in proxy.user else f"{proxy.user}:"  # RFC 7617: a user without a password has the colon
    user = named.encode("utf-8", "surrogateescape")  # the bytes that the variable holds
    return f"Basic {b2a_base64(unquote_to_bytes(user), newline=False).decode()}"
