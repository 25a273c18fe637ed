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
_LABEL = 63  # characters between two dots of a host's name
_HOST = _VIRTUAL | frozenset("._:%")


class Url:
    """`scheme://user@host:port/path?query` taken apart; the host without brackets.

    `path` is what a key follows: without its last slash, and without a query. `target` is what a request for this very
    address names: path and query as they stand, "/" where there is none.
    """

    __slots__ = ("host", "path", "port", "scheme", "target", "user")

    def __init__(self, text: str) -> None:
        scheme, separator, rest = text.strip().partition("://")
        if not separator:
            scheme, rest = "http", scheme.removeprefix("//")
        ends = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        authority, tail = rest[:ends], rest[ends:].partition("#")[0]
        self.user, _, place = authority.rpartition("@")
        host, colon, port = place.rpartition(":")
        if not colon or place.endswith("]"):
            host, port = place, ""
        self.scheme = scheme.lower()
        self.host = host.strip("[]").lower()
        tail = tail if tail.startswith("/") else f"/{tail}"
        self.path = tail.partition("?")[0].rstrip("/")
        self.target = "".join(map(_sent, tail))
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
        host = f"[{self.host}]" if ":" in self.host else self.host.removesuffix(".")
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _sent(character: str) -> str:
    """Return a character as it can stand in a request line."""
    if "!" <= character <= "~":
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


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


def resolve(bucket: str, region: str, environ: Mapping[str, str], style: str = "auto") -> Url:
    """Return the address of `bucket`, its path being what comes before `/<key>`; raise `StoreError` (CONFIGURATION).

    `style`: `path`, `virtual` (the bucket in the host, where a name can stand there), or `auto`: `path` at an endpoint.
    """
    if not region:
        raise no_region()
    given = configured(environ)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = _address(given or f"https://s3.{region}.{domain}")
    if (style == "virtual" or (style == "auto" and not given)) and _can_name(url, bucket):
        url.host = f"{bucket}.{url.host}"
    else:
        url.path += f"/{bucket}"
    return url


def _can_name(url: Url, bucket: str) -> bool:
    """Tell whether a bucket can stand before this host: as in botocore's rules for endpoints."""
    labels = [bucket] if url.secure else bucket.split(".")  # the certificate's `*` stands for no dot
    if len(bucket) < 3 or _is_ip(bucket) or ":" in url.host or _is_ip(url.host):  # noqa: PLR2004 - S3's shortest name
        return False
    return all(0 < len(one) <= _LABEL and set(one) <= _VIRTUAL and "-" not in (one[0], one[-1]) for one in labels)


def _is_ip(host: str) -> bool:
    """Tell whether this is written like an IPv4 address."""
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() for part in parts)  # noqa: PLR2004


def _address(text: str) -> Url:
    try:
        url = Url(text)
    except ValueError:
        url = None
    if url is None or "?" in url.target:  # a key cannot follow a query
        shown = without_user(text)
        message = f"{shown!r} is no address: an endpoint is written https://host or http://host:port"
        raise StoreError(StoreError.CONFIGURATION, 0, "BadEndpoint", message)
    return url


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
    """Return a proxy variable: in lower case if it is set, empty too, else the last one in any other case.

    As urllib.request.getproxies_environment, which botocore uses.
    """
    if name in environ:
        return environ[name]
    return ([""] + [value for one, value in environ.items() if one.lower() == name and value])[-1]


def _bypassed(target: Url, exceptions: str) -> bool:
    """Tell whether NO_PROXY names the target: a host, a domain (leading dot or not), with or without a port; or is `*`.

    As urllib.request.proxy_bypass_environment, to which a `*` among others is no wildcard.
    """
    if exceptions == "*":
        return True
    host = f"[{target.host}]" if ":" in target.host else target.host
    for part in exceptions.lower().split(","):
        name = part.strip().lstrip(".")
        if not name:
            continue
        for candidate in (host, f"{host}:{target.port}"):
            if candidate == name or candidate.endswith(f".{name}"):
                return True
    return False
