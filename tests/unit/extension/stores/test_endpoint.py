"""Where a PUT goes."""

from __future__ import annotations

import base64
import urllib.request
from itertools import product
from typing import Any

import pytest

from extension.errors import StoreError
from extension.stores.connection import idle_too_long
from extension.stores.endpoint import Url, proxy_for, resolve, without_user
from extension.stores.opening import proxy_authorization

WHERE = [
    ("logs", "eu-west-1", {}, "https://logs.s3.eu-west-1.amazonaws.com:443"),
    ("logs", "us-east-1", {}, "https://logs.s3.us-east-1.amazonaws.com:443"),
    ("logs", "cn-north-1", {}, "https://logs.s3.cn-north-1.amazonaws.com.cn:443"),
    ("logs", "us-gov-west-1", {}, "https://logs.s3.us-gov-west-1.amazonaws.com:443"),
    ("logs.of.ours", "eu-west-1", {}, "https://s3.eu-west-1.amazonaws.com:443/logs.of.ours"),
    ("Old_Bucket", "us-east-1", {}, "https://s3.us-east-1.amazonaws.com:443/Old_Bucket"),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "http://minio:9000"}, "http://minio:9000/logs"),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "http://minio:9000/"}, "http://minio:9000/logs"),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "https://gate/s3/v1/"}, "https://gate:443/s3/v1/logs"),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b:80/logs"),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL_S3": "http://[::1]:9000"}, "http://::1:9000/logs"),
    (
        "logs",
        "eu-west-1",
        {"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        "https://logs.s3.eu-west-1.amazonaws.com:443",
    ),
    ("logs", "eu-west-1", {"AWS_ENDPOINT_URL": "  "}, "https://logs.s3.eu-west-1.amazonaws.com:443"),
]


@pytest.mark.parametrize(("bucket", "region", "environ", "expected"), WHERE)
def test_the_address_of_a_bucket(bucket: str, region: str, environ: dict[str, str], expected: str) -> None:
    url = resolve(bucket, region, environ)
    assert f"{url.scheme}://{url.host}:{url.port}{url.path}" == expected


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://h", "h"),
        ("https://h:443", "h"),
        ("http://h:80", "h"),
        ("http://h:443", "h:443"),
        ("http://[::1]:9000", "[::1]:9000"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_not_the_usual(url: str, header: str) -> None:
    assert Url(url).authority == header


@pytest.mark.parametrize(
    "endpoint", ["ftp://h", "http://", "://h", "http://h:port", "http://a b", "http://.h", "h\r\nx: y", "http://hö"]
)
def test_what_is_no_address_is_shown(endpoint: str) -> None:
    with pytest.raises(StoreError) as caught:
        resolve("logs", "eu-west-1", {"AWS_ENDPOINT_URL": endpoint})
    assert caught.value.kind == StoreError.CONFIGURATION
    assert repr(endpoint) in caught.value.message


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ftp://h", "ftp://h"),
        ("http://me:secret@h", "http://...@h"),
        ("http://me:sec@ret@h:80/path", "http://...@h:80/path"),
        ("me:secret@h", "...@h"),
        ("me:secret@://h", "...@://h"),
        ("me@x://secret@h", "...@h"),
        ("http://" + "h" * 74, "http://" + "h" * 70 + "..."),
        ("http://" + "h" * 73, "http://" + "h" * 73),
    ],
)
def test_an_address_is_shown_without_its_user_and_cut(address: str, shown: str) -> None:
    assert without_user(address) == shown


@pytest.mark.parametrize("port", ["65536", "-1", "99999999999"])
def test_a_port_that_there_is_not_makes_no_address(port: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Url(f"http://h:{port}")


def test_no_region_is_said_with_the_setting_that_mends_it() -> None:
    with pytest.raises(StoreError, match="ADAPTIVE_BATCHING_EXTENSION_S3_REGION"):
        resolve("logs", "", {})


S3 = Url("https://logs.s3.eu-west-1.amazonaws.com")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p:3128"}, "p:3128"),
        ({"https_proxy": "http://low", "HTTPS_PROXY": "http://high"}, "low:80"),
        ({"HTTPS_PROXY": "p:3128"}, "p:3128"),
        ({"HTTP_PROXY": "http://p:3128"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": ".amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "x, AMAZONAWS.com:443"}, None),
        ({"HTTPS_PROXY": "http://p", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": "http://p", "no_proxy": "x,*"}, "p:80"),
        ({"HTTPS_PROXY": "//p:3128"}, "p:3128"),
        ({"HTTPS_PROXY": "http://first", "Https_Proxy": "http://last"}, "last:80"),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "amazonaws.com:80,aws.com,zonaws.com, ,"}, "p:80"),
        ({"HTTPS_PROXY": "http://p", "no_proxy": "other", "NO_PROXY": "*"}, "p:80"),
    ],
)
def test_the_proxy_on_the_way(environ: dict[str, str], expected: str | None) -> None:
    proxy = proxy_for(S3, environ)
    assert (proxy and f"{proxy.host}:{proxy.port}") == expected


PLACES = ["[::1]:9000", "[::1]", "[fd00::1]", "127.0.0.1:9000", "minio:9000", "minio", "s3.minio:81"]
EXCEPTED = [
    *PLACES,
    "::1",
    "::1:9000",
    "fd00::1",
    "127.0.0.0/8",
    ".minio",
    "MINIO",
    "inio",
    "minio:81",
    "9000",
    "[",
    "]",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", EXCEPTED)
def test_what_no_proxy_names_is_what_python_takes_it_to_name(place: str, name: str) -> None:
    python: Any = urllib.request
    bypassed = python.proxy_bypass_environment(place, {"no": f"x, {name} ,y"})
    proxy = proxy_for(Url(f"http://{place}/base"), {"HTTP_PROXY": "http://p", "NO_PROXY": f"x, {name} ,y"})
    assert (proxy is None) == bool(bypassed)


def test_a_proxy_that_is_no_address_is_said_without_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        proxy_for(S3, {"HTTPS_PROXY": "socks5://user:secret@p"})
    assert caught.value.kind == StoreError.CONFIGURATION
    assert "HTTPS_PROXY" in caught.value.message
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("now", "expected"),
    [((1003.0, 53.0), False), ((1003.1, 50.0), True), ((1000.0, 53.1), True), ((900.0, 51.0), False)],
)
def test_a_connection_is_too_old_when_either_clock_says_so(now: tuple[float, float], *, expected: bool) -> None:
    assert idle_too_long((1000.0, 50.0), now) is expected


PROXIES = [None, "", "http://one:1", "http://two:2"]


#: Which of two counts that are not in lower case depends on their order in the environment: that is no case here.
CASES = [one for one in product(PROXIES, PROXIES, PROXIES[:3]) if one[1] is not None or not (one[0] and one[2])]


@pytest.mark.parametrize(("upper", "lower", "mixed"), CASES)
def test_of_the_cases_in_which_a_proxy_variable_is_written_the_same_one_counts_as_for_python(
    upper: str | None, lower: str | None, mixed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"HTTPS_PROXY": upper, "https_proxy": lower, "Https_Proxy": mixed}
    environ = {name: value for name, value in given.items() if value is not None}
    for name in [*given, "NO_PROXY", "no_proxy"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    expected = urllib.request.getproxies_environment().get("https")
    proxy = proxy_for(S3, environ)
    assert (proxy and f"http://{proxy.host}:{proxy.port}") == (expected or None)


@pytest.mark.parametrize(
    ("address", "target", "path"),
    [
        ("http://h/v1/credentials", "/v1/credentials", "/v1/credentials"),
        ("http://h/c?role=logs&x=1", "/c?role=logs&x=1", "/c"),
        ("http://h", "/", ""),
        ("http://h/", "/", ""),
        ("http://h/role/", "/role/", "/role"),
        ("http://h:81?role=logs", "/?role=logs", ""),
        ("http://h/c#place", "/c", "/c"),
    ],
)
def test_what_a_request_names_is_the_address_as_it_stands_and_a_key_follows_its_path(
    address: str, target: str, path: str
) -> None:
    url = Url(address)
    assert (url.host, url.target, url.path) == ("h", target, path)


@pytest.mark.parametrize(
    ("user", "credentials"), [("me", b"me:"), ("me:", b"me:"), ("me:pass", b"me:pass"), ("m%40e", b"m@e:")]
)
def test_a_proxys_user_without_a_password_is_sent_with_the_colon_that_ends_it(user: str, credentials: bytes) -> None:
    assert proxy_authorization(Url(f"http://{user}@h:3128")) == "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.parametrize(
    ("bucket", "style", "endpoint", "expected"),
    [
        ("logs", "virtual", "http://minio:9000", "http://logs.minio:9000"),
        ("logs", "virtual", "https://gate/s3/v1/", "https://logs.gate:443/s3/v1"),
        ("logs.of.ours", "virtual", "http://minio:9000", "http://logs.of.ours.minio:9000"),
        ("logs.of.ours", "virtual", "https://gate", "https://gate:443/logs.of.ours"),
        ("Old_Bucket", "virtual", "http://minio:9000", "http://minio:9000/Old_Bucket"),
        ("logs", "virtual", "http://10.0.0.5:9000", "http://10.0.0.5:9000/logs"),
        ("logs", "virtual", "http://[::1]:9000", "http://::1:9000/logs"),
        ("logs", "path", "", "https://s3.eu-west-1.amazonaws.com:443/logs"),
        ("logs", "virtual", "", "https://logs.s3.eu-west-1.amazonaws.com:443"),
    ],
)
def test_the_addressing_style_that_is_asked_for_counts_where_a_bucket_can_stand_in_a_host(
    bucket: str, style: str, endpoint: str, expected: str
) -> None:
    url = resolve(bucket, "eu-west-1", {"AWS_ENDPOINT_URL": endpoint}, style)
    assert f"{url.scheme}://{url.host}:{url.port}{url.path}" == expected


@pytest.mark.parametrize("endpoint", ["http://h/p?x=1", "http://h?x=1"])
def test_an_endpoint_with_a_query_is_no_address_since_no_key_can_follow_it(endpoint: str) -> None:
    with pytest.raises(StoreError, match="no address"):
        resolve("logs", "eu-west-1", {"AWS_ENDPOINT_URL": endpoint})


def test_a_name_with_a_last_dot_is_looked_up_with_it_and_said_without() -> None:
    assert (Url("http://h.").host, Url("http://h.:81").authority) == ("h.", "h:81")
