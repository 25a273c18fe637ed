"""The listener over real sockets: what nobody should send, and how much of it."""

import socket
from contextlib import closing

import pytest

from extension.http1 import LONGEST_BODY
from extension.listener import ROOM
from tests.edge.extension.listener.kept import OK, Kept, chunked, post, until_closed
from tests.fakes.lambda_api import wait_until
from tests.fakes.network import inside


@pytest.mark.parametrize(
    "half",
    [b"", b"PO", b"POST / HTTP/1.1\r\nContent-Le", post(b"x" * 100)[:-1], chunked(b"x" * 100)[:-8], chunked(b"x")[:-2]],
)
def test_half_a_request_is_not_kept_and_the_next_connection_is_served(kept: Kept, half: bytes) -> None:
    with closing(kept.connect()) as connection:
        connection.sendall(half)
        connection.shutdown(socket.SHUT_WR)
        assert until_closed(connection) == b""
    assert kept.exchange(post(b"whole")) == OK
    assert kept.bodies == [b"whole"]


@pytest.mark.holds("input: a body over 4 MiB is refused with 413 before it is read, and counted")
@pytest.mark.parametrize("length", ["4194305", "9" * 18, "9" * 5000])
def test_one_byte_more_is_refused_before_it_is_read(kept: Kept, length: str) -> None:
    answer = kept.exchange(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (kept.bodies, kept.listener.refused) == ([], 1)


@pytest.mark.holds("input: a body over 4 MiB is refused with 413 before it is read, and counted")
def test_a_chunked_body_that_grows_beyond_the_largest_is_refused(kept: Kept) -> None:
    begun = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = kept.exchange(begun + b"300000\r\n" + b"x" * 0x300000 + b"\r\n300000\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert kept.bodies == []


@pytest.mark.holds("memory: bodies that are being received have a bound in bytes: 503 beyond it, but never for Lambda")
def test_bodies_that_find_no_room_are_answered_503_and_lambda_always_gets_in(kept: Kept) -> None:
    body = b"x" * LONGEST_BODY
    forged = [kept.connect() for _ in range(2)]
    try:
        forged[0].sendall(post(body)[:1000])
        with closing(kept.connect()) as asking:  # the head of the first has been read by then
            wait_until(lambda: inside.receiving(kept.listener) == LONGEST_BODY, "room is reserved")
            asking.sendall(post(b"y" * (ROOM - LONGEST_BODY)))
            assert until_closed(asking) == OK
        forged[1].sendall(post(b"z" * (ROOM - LONGEST_BODY + 1))[:1000])
        assert until_closed(forged[1]).startswith(b"HTTP/1.1 503 ")
        assert kept.exchange(post(body, path=kept.listener.path)) == OK  # Lambda's own, the first too
        assert kept.exchange(post(b"small", path=kept.listener.path)) == OK
        forged[0].sendall(post(body)[1000:])
        assert until_closed(forged[0]) == OK  # by another path: dropped
    finally:
        for connection in forged:
            connection.close()
    assert [len(one) for one in kept.bodies] == [ROOM - LONGEST_BODY, LONGEST_BODY, 5]
    assert inside.receiving(kept.listener) == 0
    assert kept.listener.refused == 2


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"POST / HTTP/2\r\n\r\n", 400),
        (b"POST /\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]XX", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413),
        (b"POST / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (b"X: y\r\n" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, 400),
    ],
)
def test_what_cannot_be_read_is_refused_counted_and_closed(kept: Kept, request_text: bytes, status: int) -> None:
    answer = kept.exchange(request_text)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (kept.entered, kept.listener.refused) == (0, 1)
    assert kept.exchange(post(b"next")) == OK


def test_a_thousand_headers_do_no_harm(kept: Kept) -> None:
    assert kept.exchange(post(b"[]", *[f"X-{number}: {number}" for number in range(1000)])) == OK


def test_a_header_without_a_colon_does_no_harm(kept: Kept) -> None:
    assert kept.exchange(post(b"[]", "nonsense", ": nameless")) == OK
