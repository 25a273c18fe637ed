"""The embedded S3 serves this machine's programs, and no web page. What it stores is whole."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.faults import Faults
from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.s3.embedded import client, embedded_s3, make_bucket
from adaptive_batching.sandbox.s3.proxy import S3Proxy

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


#: How a client sends a body: headers, and what goes over the wire.
SENT = {
    "length": ("Content-Length: 9", b"whole one"),
    "after a 100": ("Content-Length: 9\r\nExpect: 100-continue", b"whole one"),
    "chunks": ("Transfer-Encoding: chunked", b"5\r\nwhole\r\n4\r\n one\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("way", SENT)
@pytest.mark.parametrize("proxied", [False, True])
def test_of_a_sender_that_is_killed_in_its_body_nothing_is_stored(address: str, way: str, *, proxied: bool) -> None:
    proxy = S3Proxy(f"http://{address}", Faults())
    host, port = (proxy.endpoint.removeprefix("http://") if proxied else address).split(":")
    headers, body = SENT[way]
    bucket = f"half-{'proxied' if proxied else 'direct'}-{len(headers)}"
    make_bucket(f"http://{address}", bucket)
    try:
        for sent in range(len(body) + 1):
            head = f"PUT /{bucket}/{sent:02} HTTP/1.1\r\nHost: {host}:{port}\r\n{headers}\r\nConnection: close\r\n\r\n"
            with socket.create_connection((host, int(port)), 10) as connection:
                connection.sendall(head.encode() + body[:sent])
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass  # until the server has done with it
    finally:
        proxy.stop()
    s3 = client(f"http://{address}")
    stored = {one["Key"]: one["Size"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    assert f"{len(body):02}" in stored
    assert set(stored.values()) == {9}, stored  # a last chunk without its newline is whole, too
