"""The server under every API of the sandbox: what it reads of a request, and whom it answers."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.http_server import BODY_LIMIT, Answer, Request, Server
from tests.edge.sandbox.world import environment, function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def served(*names: str, incomplete: bool = False) -> Iterator[tuple[Server, list[Request]]]:
    seen: list[Request] = []

    def handle(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, b"answered")

    server = Server(handle, names=names, incomplete=incomplete)
    try:
        yield server, seen
    finally:
        server.stop()


def status(server: Server, request: bytes) -> int:
    """The status of the answer to some bytes; 0 if the connection ends without one."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        line = client.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


LENGTHS = ["-1", "-0", "+3", "3_0", "0x3", "3.0", "1e3", "three", "", "3, 3", "\u0663", "9" * 40]
SIZES = ["-1", "+3", "3_0", "0x3", "", "x", " ", "3 3", "-fff", "f" * 40]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with served() as (server, seen):
        request = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nabc".encode()
        assert status(server, request) == 400
        assert seen == []


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_size_that_is_no_number_is_refused(size: str) -> None:
    with served() as (server, seen):
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        assert status(server, f"{head}{size}\r\nabc\r\n0\r\n\r\n".encode()) == 400
        assert seen == []


@pytest.mark.parametrize(
    "body",
    [
        f"Content-Length: {BODY_LIMIT + 1}\r\n\r\n",
        "Content-Length: 9999999999999999999\r\n\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n{BODY_LIMIT + 1:x}\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n{BODY_LIMIT:x}\r\n",
    ],
)
def test_a_body_over_the_limit_is_refused_before_it_is_read(body: str) -> None:
    with served() as (server, seen):
        assert status(server, f"POST / HTTP/1.1\r\nHost: localhost\r\n{body}".encode()) == 413
        assert seen == []


def test_a_trailer_and_the_head_of_a_chunk_are_bounded() -> None:
    with served() as (server, seen):
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert status(server, (head + "0\r\n" + "a: b\r\n" * 1000 + "\r\n").encode()) == 400
        assert status(server, (head + "1;" + "x" * 5000 + "\r\na\r\n0\r\n\r\n").encode()) == 400
        assert status(server, (head + "1;name=value\r\na\r\n0\r\nOwn: trailer\r\n\r\n").encode()) == 200
    assert [(one.body, dict(one.trailers), one.complete) for one in seen] == [(b"a", {"own": "trailer"}, True)]


def test_the_answer_to_a_head_has_no_body() -> None:
    with served() as (server, _), socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"Content-Length: 8\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


#: Bodies of which a part is missing, and what had come of each.
EARLY = {
    "Content-Length: 9\r\n\r\n": b"",
    "Content-Length: 9\r\n\r\nabc": b"abc",
    "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n": b"",
    "Transfer-Encoding: chunked\r\n\r\n": b"",
    "Transfer-Encoding: chunked\r\n\r\n9\r\nabc": b"abc",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n": b"abc",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n": b"abc",
}


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_body_that_ends_early_is_passed_on_only_where_that_is_asked_for(*, incomplete: bool) -> None:
    with served(incomplete=incomplete) as (server, seen):
        for body in EARLY:
            found = status(server, f"POST / HTTP/1.1\r\nHost: localhost\r\n{body}".encode())
            assert found == (100 if "Expect" in body else 200 if incomplete else 400)
    passed = [(one.body, one.complete) for one in seen]
    assert passed == ([(body, False) for body in EARLY.values()] if incomplete else [])


HOSTS = {
    "127.0.0.1": True,
    "127.0.0.1:{port}": True,
    "localhost:{port}": True,
    "LocalHost": True,
    "[::1]:{port}": True,
    "own.name:{port}": True,
    "OWN.NAME": True,
    "": False,
    "rebound.example:{port}": False,
    "127.0.0.1.example": False,
    "localhost.example": False,
    "example/127.0.0.1": False,
    "127.0.0.1@example": False,
    "[::1": False,
    "0.0.0.0": False,
}


@pytest.mark.parametrize(("host", "named"), HOSTS.items())
def test_only_a_host_that_names_the_server_is_answered(host: str, named: bool) -> None:  # noqa: FBT001
    with served("Own.name") as (server, seen):
        assert status(server, f"GET / HTTP/1.1\r\nHost: {host.format(port=server.port)}\r\n\r\n".encode()) == (
            200 if named else 403
        )
        assert len(seen) == named


ORIGINS = {
    "http://127.0.0.1:{port}": True,
    "HTTP://127.0.0.1:{port}": True,
    "https://127.0.0.1:{port}": False,
    "http://127.0.0.1": False,
    "http://127.0.0.1:1": False,
    "http://localhost:{port}": False,
    "https://example.com": False,
    "null": False,
    "": False,
    "*": False,
}


@pytest.mark.parametrize(("origin", "own"), ORIGINS.items())
def test_a_request_with_the_origin_of_another_page_is_refused(origin: str, own: bool) -> None:  # noqa: FBT001
    with served() as (server, seen):
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {origin.format(port=server.port)}\r\n"
        assert status(server, f"{head}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}".encode()) == (
            200 if own else 403
        )
        assert len(seen) == own


def test_a_program_that_sends_no_host_is_no_browser() -> None:
    with served() as (server, _):
        assert status(server, b"GET / HTTP/1.0\r\n\r\n") == 200


def test_the_runtime_api_asks_for_no_host_as_on_lambda_but_answers_no_page(tmp_path: Path) -> None:
    with environment(function(tmp_path, {})) as env:
        host, _, port = env.address.partition(":")
        for fields, wanted in (("Host: any", b"200"), ("Host: any\r\nOrigin: https://example.com", b"403")):
            with socket.create_connection((host, int(port)), 10) as client:
                client.sendall(f"GET /2018-06-01/ping HTTP/1.1\r\n{fields}\r\nConnection: close\r\n\r\n".encode())
                assert client.makefile("rb").readline().split()[1] == wanted
