"""The listener over real sockets: requests as the platform may send them."""

import json
import select
import socket
import threading
import time
from contextlib import closing

import pytest

from extension.http1 import LONGEST_BODY
from extension.listener import Listener
from tests.edge.extension.listener.kept import OK, Kept, chunked, post, read_answers, until_closed
from tests.fakes.lambda_api import wait_until


def test_a_body_with_a_content_length_is_kept_and_answered_200(kept: Kept) -> None:
    assert kept.exchange(post(b"[1]")) == OK
    assert kept.bodies == [b"[1]"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"no JSON at all", b'{"time":"T","type":"function","record":', b"\xff\x00"]
)
def test_a_body_that_is_no_telemetry_is_kept_and_answered_200_all_the_same(kept: Kept, body: bytes) -> None:
    assert kept.exchange(post(body)) == OK
    assert kept.bodies == [body]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("path", ["/", "/logs", "/a/b?c=d", "*", "http://sandbox.localdomain:1234/"])
def test_until_lambda_has_used_the_path_any_and_both_methods_will_do(kept: Kept, method: str, path: str) -> None:
    assert kept.exchange(post(b"[]", method=method, path=path)) == OK


@pytest.mark.parametrize("path", ["/", "/logs", "*", "/0123456789abcdef0123456789abcdef"])
def test_once_lambda_has_used_the_path_others_are_answered_dropped_and_counted(
    kept: Kept, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    ours = kept.listener.path
    assert kept.exchange(post(b"before", path=path)) == OK
    for body in (b"first", b"second"):
        assert kept.exchange(post(body, path=ours)) == OK
        for _ in range(2):
            assert kept.exchange(post(b"forged", path=path)) == OK
    assert kept.exchange(post(b"third", path=f"http://sandbox.localdomain:1234{ours}")) == OK
    assert kept.bodies == [b"before", b"first", b"second", b"third"]
    assert kept.listener.refused == 4
    assert [json.loads(line)["level"] for line in capfd.readouterr().err.splitlines()] == ["warning"]


def test_no_two_listeners_have_the_same_path() -> None:
    paths = {Listener(lambda _: None).path for _ in range(50)}
    assert len(paths) == 50
    assert {len(path) for path in paths} == {33}


def test_a_chunked_body_is_put_together(kept: Kept) -> None:
    assert kept.exchange(chunked(b"[1,", b"2" * 70_000, b"]")) == OK
    assert kept.bodies == [b"[1," + b"2" * 70_000 + b"]"]


def test_chunk_extensions_and_trailers_are_read_over(kept: Kept) -> None:
    head = b"POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\nConnection: close\r\n\r\n"
    assert kept.exchange(head + b"3;name=value\r\n[1]\r\n000;x\r\nTrailer: a\r\nOther: b\r\n\r\n") == OK
    assert kept.bodies == [b"[1]"]


def test_a_large_body_in_thousands_of_small_chunks_takes_no_time_to_speak_of(kept: Kept) -> None:
    begun = time.monotonic()
    assert kept.exchange(chunked(*[b"x" * 1000] * 4_000)) == OK
    assert len(kept.bodies[0]) == 4_000_000
    assert time.monotonic() - begun < 2.0  # copying what is there for each chunk would


def test_a_connection_is_kept_for_the_next_request(kept: Kept) -> None:
    with closing(kept.connect()) as connection:
        for number in range(5):
            connection.sendall(post(b"[%d]" % number, close=False))
            assert read_answers(connection, 1) == OK
    assert kept.bodies == [b"[0]", b"[1]", b"[2]", b"[3]", b"[4]"]


def test_requests_sent_ahead_are_answered_in_order(kept: Kept) -> None:
    requests = [post(b"[%d]" % number, close=False) for number in range(20)] + [chunked(b"last", close=False)]
    with closing(kept.connect()) as connection:
        connection.sendall(b"".join(requests))
        assert read_answers(connection, 21) == OK * 21
    assert kept.bodies == [b"[%d]" % number for number in range(20)] + [b"last"]


@pytest.mark.parametrize(
    ("version", "header", "closes"),
    [
        ("1.1", "Connection: close", True),
        ("1.1", "connection: CLOSE", True),
        ("1.0", "X-Nothing: 1", True),
        ("1.1", "X-Nothing: 1", False),
        ("1.0", "Connection: keep-alive", False),
    ],
)
def test_the_connection_is_closed_when_the_client_says_so(
    kept: Kept, version: str, header: str, *, closes: bool
) -> None:
    with closing(kept.connect()) as connection:
        connection.sendall(f"POST / HTTP/{version}\r\n{header}\r\nContent-Length: 2\r\n\r\n[]".encode())
        assert read_answers(connection, 1) == OK
        if closes:
            assert connection.recv(1) == b""
        else:
            connection.sendall(post(b"again"))
            assert read_answers(connection, 1) == OK


def test_a_client_that_asks_first_is_told_to_continue(kept: Kept) -> None:
    with closing(kept.connect()) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert kept.entered == 0
        connection.sendall(b"[1]")
        assert read_answers(connection, 1) == OK
    assert kept.bodies == [b"[1]"]


def test_200_is_answered_only_after_the_body_is_kept(kept: Kept) -> None:
    kept.gate.clear()
    with closing(kept.connect()) as connection:
        connection.sendall(post(b"[1]"))
        wait_until(lambda: kept.entered == 1, "the body is being kept")
        assert select.select([connection], [], [], 0.05)[0] == []
        assert kept.bodies == []
        kept.gate.set()
        assert until_closed(connection) == OK
    assert kept.bodies == [b"[1]"]


@pytest.mark.holds("input: a body over 4 MiB is refused with 413 before it is read, and counted")
def test_the_largest_body_is_kept(kept: Kept) -> None:
    assert LONGEST_BODY == 4 * 1024 * 1024
    assert kept.exchange(post(b"x" * LONGEST_BODY)) == OK
    assert len(kept.bodies[0]) == LONGEST_BODY


def test_whoever_takes_the_bodies_is_told_behind_the_answer_which_does_not_wait_for_that() -> None:
    told, gate = threading.Event(), threading.Event()

    def answered() -> None:
        told.set()
        gate.wait(30)

    listener = Listener(lambda _: None, answered)
    listener.start(0)
    with socket.create_connection(("127.0.0.1", listener.port), 10) as connection:
        connection.sendall(post(b"[1]", close=False))
        assert read_answers(connection, 1) == OK
        assert told.wait(10)
        gate.set()


def test_it_is_told_too_when_the_connection_ends_before_the_answer() -> None:
    told, gone = threading.Event(), threading.Event()
    listener = Listener(lambda _: gone.wait(30), told.set)  # type: ignore[arg-type]  # its result is not used
    listener.start(0)
    with socket.create_connection(("127.0.0.1", listener.port), 10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        connection.sendall(post(b"[1]"))
    gone.set()
    assert told.wait(10)
