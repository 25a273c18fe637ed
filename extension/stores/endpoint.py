"""Where a PUT goes: host, port, path, and the proxy on the way. Pure: reads a mapping, resolves no name.

Rules as in every AWS tool: AWS_ENDPOINT_URL_S3 before AWS_ENDPOINT_URL; <scheme>_proxy and no_proxy, lower case first.
"""

from __future__ import annotations

from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}
_VIRTUAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_HOST = _VIRTUAL | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ._:%")


class Url:
    """`scheme://user@host:port/path?query` taken apart; the host without brackets.

    `path` is what a key follows: without its last slash, and without a query. `target` is what a request for this very
    address names: path and query as they stand, "/" where there is none.
    """

    __slots__ = ("host", "path", "port", "scheme", "target", "user")

    def __init__(self, text: str) -> None:
        scheme, separator, rest = text.strip().partition("://")
        if not separator:
            scheme, rest = "http", scheme
        ends = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        authority, tail = rest[:ends], rest[ends:].partition("#")[0]
        self.user, _, place = authority.rpartition("@")
        host, colon, port = place.rpartition(":")
        if not colon or place.endswith("]"):
            host, port = place, ""
        self.scheme = scheme.lower()
        self.host = host.strip("[]")
        self.target = tail if tail.startswith("/") else f"/{tail}"
        self.path = self.target.partition("?")[0].rstrip("/")
        if self.scheme not in _PORTS or not set(self.host) <= _HOST or self.host[:1] in ("", "."):
            raise ValueError(text)
        self.port = int(port) if port else _PORTS[self.scheme]
        if not 0 <= self.port < 65536:  # noqa: PLR2004 - 16 bits
            raise ValueError(text)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the Host header says: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def configured(environ: Mapping[str, str]) -> str:
    """Return the endpoint that the environment asks for; empty: AWS itself."""
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    return (environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or "").strip()


def without_user(address: str) -> str:
    """Return an address as a message may show it: without user and password, which stand before the last `@`."""
    shown = address
    if "@" in address:
        scheme, separator, _ = address.partition("://")
        shown = f"{scheme + separator if separator and '@' not in scheme else ''}...@{address.rpartition('@')[2]}"
    return shown if len(shown) <= 80 else f"{shown[:77]}..."  # noqa: PLR2004 - a line of log stays a line


def asked(environ: Mapping[str, str]) -> Url | None:
    """Return the endpoint that the environment asks for; raise `StoreError` (CONFIGURATION) if it is not an address."""
    given = configured(environ)
    return _address(given) if given else None


def no_region() -> StoreError:
    """Return the error for a bucket whose region is unknown."""
    message = "no region is known: set ADAPTIVE_BATCHING_EXTENSION_S3_REGION to the bucket's region"
    return StoreError(StoreError.CONFIGURATION, 0, "NoRegion", message)


def resolve(bucket: str, region: str, environ: Mapping[str, str]) -> Url:
    """Return the address of `bucket`, its path being what comes before `/<key>`; raise `StoreError` (CONFIGURATION)."""
    if not region:
        raise no_region()
    given = configured(environ)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    virtual = not given and bucket and set(bucket) <= _VIRTUAL  # the certificate's `*` stands for no dot
    address = given or f"https://{bucket + '.' if virtual else ''}s3.{region}.{domain}"
    url = _address(address)
    if not virtual:
        url.path += f"/{bucket}"
    return url


def _address(text: str) -> Url:
    try:
        return Url(text)
    except ValueError:
        shown = without_user(text)
        message = f"{shown!r} is no address: an endpoint is written https://host or http://host:port"
        raise StoreError(StoreError.CONFIGURATION, 0, "BadEndpoint", message) from None


def proxy_for(target: Url, environ: Mapping[str, str]) -> Url | None:
    """Return the proxy on the way to `target`, if any; raise `StoreError` (CONFIGURATION) for one that is not a URL."""
    name = f"{target.scheme}_proxy"
    given = _variable(environ, name).strip()
    if not given or _bypassed(target, _variable(environ, "no_proxy")):
        return None
    try:
        return Url(given)
    except ValueError:
        message = f"{name.upper()} is not a URL: write it as http://host:port"  # not shown: it may hold a password
        raise StoreError(StoreError.CONFIGURATION, 0, "BadProxy", message) from None


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return a proxy variable: in lower case if it is set, empty too, else in whatever case it is written.

    As urllib.request.getproxies_environment, which botocore uses.
    """
    if name in environ:
        return environ[name]
    return next((value for one, value in environ.items() if one.lower() == name and value), "")


def _bypassed(target: Url, exceptions: str) -> bool:
    """Tell whether NO_PROXY names the target: `*`, a host, a domain (leading dot or not), with or without a port."""
    host = target.host.lower()
    for part in exceptions.lower().split(","):
        name = part.strip().lstrip(".")
        if not name:
            continue
        if name == "*":
            return True
        for candidate in (host, f"{host}:{target.port}"):
            if candidate == name or candidate.endswith(f".{name}"):
                return True
    return False
