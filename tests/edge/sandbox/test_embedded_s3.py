"""The embedded S3 serves this machine's programs, and no web page."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.s3.embedded import client, embedded_s3, make_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with embedded_s3() as endpoint:
        make_bucket(endpoint, "logs")
        client(endpoint).put_object(Bucket="logs", Key="one", Body=b"secret")
        yield endpoint.removeprefix("http://")


#: moto looks at who signed, and not at the signature.
SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def get(address: str, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(address, timeout=10)
    connection.request("GET", "/logs/one", headers={"Authorization": SIGNED, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_programs_are_served_by_every_name_of_it(address: str) -> None:
    port = address.partition(":")[2]
    for host in (address, f"localhost:{port}", f"{S3_NAME}:{port}"):
        assert get(address, Host=host) == (200, b"secret")


def test_web_pages_are_not_served(address: str) -> None:
    port = address.partition(":")[2]
    for headers in (
        {"Host": f"rebound.example:{port}"},
        {"Host": "127.0.0.1.example"},
        {"Host": "localhost.example"},
        {"Origin": "https://example.com"},
        {"Origin": "null"},
    ):
        status, body = get(address, **headers)
        assert status == 403, headers
        assert b"secret" not in body
