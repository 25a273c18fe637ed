"""In what the extension differs from boto3 on purpose: the rows of the table in docs/decisions.md, as rules.

Most say that the extension reads an environment as boto3 reads another one: boto3 is asked about that other one, and
the two must then agree in everything. The rest excuse one field.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.edge.extension.stores.grid.cells import (
    BUCKET,
    CONTAINER,
    FULL_URI,
    FUNCTION_REGION,
    KEY,
    REGION,
    RELATIVE_URI,
    STYLE,
    TOKEN,
    TOKEN_FILE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edge.extension.stores.grid.outcome import Outcome

Environ = dict[str, str]
DOCUMENT = Path(__file__).parents[5] / "docs/decisions.md"
HEAD = "| set | boto3 | the extension | because |"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
ADDRESSES = (*ENDPOINTS, FULL_URI)
BLANK = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE", RELATIVE_URI, FULL_URI, *ENDPOINTS)
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PROXIES = ("http_proxy", "https_proxy")
PORTS = {"http": "80", "https": "443"}
GATE, PAST, SCORE = "https://gate/s3/v1/", "2020-01-01T00:00:00Z", "http://under_score:9000"
PROXIED: dict[str, str | None] = {"AWS_ENDPOINT_URL": "http://minio:9000", "HTTP_PROXY": "http://p:3128"}
SIX: dict[str, str | None] = {"AWS_ENDPOINT_URL": "https://[fd00::1]", "HTTPS_PROXY": "http://p:3128"}
LINE: dict[str, str | None] = {**CONTAINER, TOKEN_FILE: "t\n"}
OWN_PORT: dict[str, str | None] = {"NO_PROXY": "amazonaws.com:443", "HTTPS_PROXY": "http://p:3128"}
AT_80: dict[str, str | None] = {**PROXIED, "AWS_ENDPOINT_URL": "http://h:80"}
USER: dict[str, str | None] = {"AWS_ENDPOINT_URL": "https://me:pw@h", STYLE: "virtual"}
HALF: dict[str, str | None] = {"AWS_SECRET_ACCESS_KEY": None, FULL_URI: CONTAINER[FULL_URI]}
BOTH, LIGHT = ("light", "boto3"), ("light",)


@dataclass(frozen=True)
class Difference:
    """`row`: the first cell of its row; `example`: what is set where it can be seen; `stores`: which of ours have it.

    `reads` returns the environment as boto3 would have to be given it; `excuses` tells whether a field may differ.
    """

    row: str
    example: dict[str, str | None]
    stores: tuple[str, ...] = BOTH
    reads: Callable[[Environ], Environ] | None = None
    excuses: Callable[[Environ, str, Outcome, Outcome], bool] | None = field(default=None)


def without(environ: Environ, *names: str) -> Environ:
    return {name: value for name, value in environ.items() if name not in names}


def written(address: str) -> str:
    """An endpoint as boto3 wants it written."""
    address = address.strip().removeprefix("//")
    return address if "://" in address else f"http://{address}"


def endpoint(environ: Environ) -> str:
    """The endpoint that counts, as boto3 wants it written; AWS itself where none does."""
    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    named = [] if ignored else [environ[name] for name in ENDPOINTS if environ.get(name, "").strip()]
    return written(named[0]) if named else "https://s3.amazonaws.com"


def _blank(environ: Environ) -> Environ:
    return without(environ, *(name for name in BLANK if not environ.get(name, "-").strip()))


def _region(environ: Environ) -> Environ:
    region = environ.get(REGION, "")
    return environ if re.fullmatch(r"(?!\d+$)(?!-)[A-Za-z0-9-]{0,63}(?<!-)", region) else without(environ, REGION)


def _small_region(environ: Environ) -> Environ:
    return {**environ, REGION: environ[REGION].lower()} if REGION in environ else environ


def _function_region(environ: Environ) -> Environ:
    return {**environ, "AWS_DEFAULT_REGION": environ["AWS_REGION"]} if environ.get("AWS_REGION") else environ


def _addresses(environ: Environ) -> Environ:
    return {**environ, **{name: written(environ[name]) for name in ADDRESSES if environ.get(name)}}


def _keys(environ: Environ) -> Environ:
    return {**environ, **{name: environ[name].strip() for name in CREDENTIALS if name in environ}}


def _half_keys(environ: Environ) -> Environ:
    whole = all(environ.get(name) for name in CREDENTIALS)
    return environ if whole else without(environ, *CREDENTIALS)


def _bucket(environ: Environ) -> Environ:
    return {**environ, BUCKET: environ[BUCKET].removeprefix("arn:aws:s3:::")}


def _regional(environ: Environ) -> Environ:
    return {**environ, "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"}


def _never_expire(environ: Environ) -> Environ:
    return without(environ, "AWS_CREDENTIAL_EXPIRATION")


def _own_port(environ: Environ) -> Environ:
    def left_out(address: str) -> str:
        port = PORTS.get(address.partition(":")[0].lower())
        return re.sub(rf"^(\w+://[^/?#]*):{port}(?![^/?#])", r"\1", address)

    return {**environ, **{name: left_out(environ[name]) for name in ENDPOINTS if name in environ}}


def _own_port_excepted(environ: Environ) -> Environ:
    """Without the port in NO_PROXY that the endpoint leaves out."""
    address = endpoint(_own_port(environ))
    port = PORTS.get(address.partition(":")[0].lower())
    if re.search(r":\d*$", address.split("/")[2]):
        return environ
    names = [name for name in environ if name.lower() == "no_proxy"]
    return {**environ, **{name: re.sub(rf":{port}(?=\s*(,|$))", "", environ[name]) for name in names}}


def _no_user(environ: Environ) -> Environ:
    return {**environ, **{one: re.sub("//[^/?#]*@", "//", environ[one]) for one in ENDPOINTS if one in environ}}


def _no_cgi(environ: Environ) -> Environ:
    return without(environ, "REQUEST_METHOD")


def _no_password(_: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    user, _colon, password = base64.b64decode(ours.proxy_authorization.removeprefix("Basic ")).partition(b":")
    return name == "proxy_authorization" and bool(user) != bool(password) and not theirs.proxy_authorization


def _dots(_: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    return (
        name == "target" and "/../" in ours.target and ours.target.startswith("http:") and "/../" not in theirs.target
    )


def _brackets(_: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    return name == "host" and bool(ours.tunnel) and theirs.host == f"[{ours.host}]"


def _line_break(environ: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    file = environ.get(f"{TOKEN}_FILE")
    broken = bool(file) and Path(file or "").read_text().endswith("\n")
    return name == "refused" and theirs.refused == "ValueError" and broken and bool(ours.asked)


def _openssl(environ: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    return name == "bundle" and (ours.bundle, theirs.bundle) == (environ.get("SSL_CERT_FILE"), "public")


def _bad_bucket(_: Environ, name: str, ours: Outcome, __: Outcome) -> bool:
    return name == "refused" and ours.refused == "bucket"


def _underscore(environ: Environ, name: str, _: Outcome, theirs: Outcome) -> bool:
    return name == "refused" and theirs.refused == "ValueError" and "_" in endpoint(environ).split("/")[2]


def _no_region(environ: Environ, name: str, ours: Outcome, __: Outcome) -> bool:
    known = _region(environ).get(REGION) or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return name == "refused" and ours.refused == "NoRegion" and not known


def _bad_proxy(environ: Environ, name: str, ours: Outcome, theirs: Outcome) -> bool:
    schemes = {environ[one].partition("://")[0] for one in environ if one.lower() in PROXIES and "://" in environ[one]}
    return name == "refused" and ours.refused == "BadProxy" and not schemes <= {*PORTS} and not theirs.refused


DESIGN = (
    Difference("an empty bundle, profile or address", {"AWS_CA_BUNDLE": ""}, reads=_blank),
    Difference("a name that S3 gives to no bucket", {BUCKET: "a_b"}, excuses=_bad_bucket),
    Difference("`arn:aws:s3:::name` as the bucket", {BUCKET: "arn:aws:s3:::logs"}, reads=_bucket),
    Difference("`us-east-1`", {FUNCTION_REGION: "us-east-1"}, LIGHT, reads=_regional),
    Difference("a region in capitals", {REGION: "EU-WEST-1"}, reads=_small_region),
    Difference("an `S3_REGION` that is no region", {REGION: "eu_west_1"}, reads=_region),
    Difference("no region at all", {FUNCTION_REGION: None}, excuses=_no_region),
    Difference("`AWS_REGION` beside `AWS_DEFAULT_REGION`", {"AWS_REGION": "us-west-2"}, reads=_function_region),
    Difference("an address without a scheme", {"AWS_ENDPOINT_URL": "minio:9000"}, LIGHT, reads=_addresses),
    Difference("an endpoint with a user", USER, LIGHT, reads=_no_user),
    Difference("an endpoint with `_` in its name", {"AWS_ENDPOINT_URL": SCORE}, LIGHT, excuses=_underscore),
    Difference("a proxy's user or password alone", {"HTTPS_PROXY": "http://me@p:3128"}, LIGHT, excuses=_no_password),
    Difference("a proxy of another kind (`socks5://`)", {"HTTPS_PROXY": "socks5://p"}, LIGHT, excuses=_bad_proxy),
    Difference(
        "the scheme's own port, at an endpoint", {**PROXIED, "AWS_ENDPOINT_URL": "http://h:80"}, LIGHT, reads=_own_port
    ),
    Difference("the scheme's own port, in `NO_PROXY`", OWN_PORT, LIGHT, reads=_own_port_excepted),
    Difference("`REQUEST_METHOD` beside `HTTP_PROXY`", {**PROXIED, "REQUEST_METHOD": "PUT"}, LIGHT, reads=_no_cgi),
    Difference("a key with `..`, through an HTTP proxy", {KEY: "a/../b", **PROXIED}, LIGHT, excuses=_dots),
    Difference("an IPv6 endpoint with TLS, through a proxy", SIX, LIGHT, excuses=_brackets),
    Difference("`SSL_CERT_FILE`", {"AWS_ENDPOINT_URL": GATE, "SSL_CERT_FILE": "/three.pem"}, LIGHT, excuses=_openssl),
    Difference("blanks around a key", {"AWS_ACCESS_KEY_ID": " AKIAEXAMPLE "}, LIGHT, reads=_keys),
    Difference("half a key pair, and a container endpoint", HALF, LIGHT, reads=_half_keys),
    Difference("a line break behind the token in its file", LINE, LIGHT, excuses=_line_break),
    Difference("`AWS_CREDENTIAL_EXPIRATION`", {"AWS_CREDENTIAL_EXPIRATION": PAST}, LIGHT, reads=_never_expire),
)


def rows() -> list[str]:
    """The first cells of the table in docs/decisions.md."""
    lines = DOCUMENT.read_text().partition(HEAD)[2].splitlines()[2:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [line.split("|")[1].strip() for line in table]


def as_boto3_reads_it(environ: Environ, store: str) -> Environ:
    """The environment with which boto3 should do what the extension does with this one."""
    for one in DESIGN:
        if one.reads and store in one.stores:
            environ = one.reads(environ)
    return environ


def unexcused(environ: Environ, store: str, ours: Outcome, theirs: Outcome) -> dict[str, tuple[object, object]]:
    """The fields that differ for no reason of the table."""
    rules = [one.excuses for one in DESIGN if one.excuses and store in (*one.stores, "")]
    pairs = ours.against(theirs)
    return {name: pair for name, pair in pairs.items() if not any(may(environ, name, ours, theirs) for may in rules)}
