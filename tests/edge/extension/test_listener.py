"""The listener over real sockets: what the platform may send, and what nobody should."""

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from extension.http1 import LONGEST_BODY
from extension.listener import CONNECTIONS, ROOM, Listener, own_address
from tests.fakes.lambda_api import PATIENCE, wait_until
from tests.fakes.network import inside
from tests.fakes.network.ports import free_port

ROOT = Path(__file__).parents[3]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Kept:
    """A listener and what it was given to keep. While `gate` is closed, keeping takes its time."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.entered = 0
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        self.listener = Listener(self._keep)
        self.listener.start(free_port())

    def _keep(self, body: bytes) -> None:
        with self._lock:
            self.entered += 1
        assert self.gate.wait(PATIENCE)
        with self._lock:
            self.bodies.append(body)

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.listener.port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def exchange(self, request: bytes) -> bytes:
        """Send one request on a connection of its own; all that comes back until the listener closes it."""
        with closing(self.connect()) as connection:
            connection.sendall(request)
            return until_closed(connection)


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.gate.set()


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def read_answers(connection: socket.socket, number: int) -> bytes:
    """Exactly so many 200s."""
    received = b""
    while len(received) < number * len(OK):
        piece = connection.recv(number * len(OK) - len(received))
        assert piece, f"closed after {received!r}"
        received += piece
    return received


def post(body: bytes, *headers: str, method: str = "POST", path: str = "/", close: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: sandbox.localdomain", f"Content-Length: {len(body)}", *headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*pieces: bytes, close: bool = True) -> bytes:
    head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + "Connection: close\r\n" * close + "\r\n"
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


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


def test_a_slow_sender_is_waited_for_byte_by_byte(kept: Kept) -> None:
    with closing(kept.connect()) as connection:
        for byte in post(b"[1]") + b"":
            connection.sendall(bytes([byte]))
        assert until_closed(connection) == OK
    assert kept.bodies == [b"[1]"]


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


def test_the_seventeenth_connection_waits_for_a_place(kept: Kept) -> None:
    assert CONNECTIONS == 16
    kept.gate.clear()
    connections = []
    try:
        for _ in range(CONNECTIONS):
            connections.append(kept.connect())
            connections[-1].sendall(post(b"[]"))
        wait_until(lambda: kept.entered == CONNECTIONS, "sixteen bodies are being kept")
        connections.append(kept.connect())
        connections[-1].sendall(post(b"the seventeenth"))
        assert select.select(connections, [], [], 0.1)[0] == []
        assert kept.entered == CONNECTIONS
        kept.gate.set()
        assert [until_closed(connection) for connection in connections] == [OK] * 17
    finally:
        for connection in connections:
            connection.close()
    assert sorted(kept.bodies) == sorted([b"[]"] * 16 + [b"the seventeenth"])


@pytest.mark.holds("faults: silent connections do not keep Lambda's batches out")
def test_silent_connections_are_closed_the_longest_silent_first_and_a_batch_always_gets_in(
    kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    known = kept.connect()
    known.sendall(post(b"[1]", close=False))
    assert read_answers(known, 1) == OK
    silent = [kept.connect() for _ in range(3 * CONNECTIONS)]
    try:
        for number in range(3):
            assert kept.exchange(post(b"[%d]" % number)) == OK
        assert until_closed(known) == b""  # it had been silent longest: Lambda connects again
        assert until_closed(silent[0]) == b""
        open_ones = select.select(silent, [], [], 0)[0]
        assert silent[-1] not in open_ones  # nothing to read there, not even an end
    finally:
        for connection in [known, *silent]:
            connection.close()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"].partition(":")[0] for line in lines] == ["listener connection limit reached"]


def test_a_connection_in_the_middle_of_a_body_is_not_silent(kept: Kept) -> None:
    platform, *others = (kept.connect() for _ in range(CONNECTIONS))
    for connection in (platform, *others):
        connection.sendall(post(b"[1]", close=False))
        assert read_answers(connection, 1) == OK  # it has been accepted, and is silent from here on
    body = b"x" * 100_000
    platform.sendall(post(body, "Expect: 100-continue", close=False)[: -len(body)])
    assert platform.recv(100).startswith(b"HTTP/1.1 100 ")  # the head has been read
    platform.sendall(body[:50_000])
    others += [kept.connect() for _ in range(4)]
    try:
        wait_until(lambda: kept.listener.evicted >= 4, "room was made")
        platform.sendall(body[-50_000:])
        assert read_answers(platform, 1) == OK
    finally:
        for connection in [platform, *others]:
            connection.close()
    assert kept.bodies == [b"[1]"] * CONNECTIONS + [body]


def test_connections_that_come_and_go_use_up_no_place(kept: Kept) -> None:
    for _ in range(2 * CONNECTIONS):
        kept.connect().close()
    for _ in range(2 * CONNECTIONS):
        assert kept.exchange(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert kept.exchange(post(b"[]")) == OK


@pytest.mark.holds(
    "journal: a body is journalled and queued before the 200; the answer waits up to 5 s for the journal"
)
@pytest.mark.holds("faults: a fault while a body is kept costs one connection, not the answers to later bodies")
def test_a_keep_that_fails_costs_one_connection_and_no_place(capfd: pytest.CaptureFixture[str]) -> None:
    answers = iter([*[ValueError("broken")] * (2 * CONNECTIONS), None])

    def keep(_body: bytes) -> None:
        fault = next(answers)
        if fault:
            raise fault

    listener = Listener(keep)
    listener.start(free_port())
    received = []
    for _ in range(2 * CONNECTIONS + 1):
        with closing(socket.create_connection(("127.0.0.1", listener.port), timeout=PATIENCE)) as connection:
            connection.sendall(post(b"[]"))
            received.append(until_closed(connection))
    assert received == [b""] * 2 * CONNECTIONS + [OK]  # not 200: what was not kept is sent again
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["a batch was not taken in: it is not answered, and comes again"] * 32
    assert all("ValueError at extension.listener:" in line["why"] for line in lines)


def test_many_threads_lose_nothing(kept: Kept) -> None:
    def send(sender: int) -> None:
        with closing(kept.connect()) as connection:
            for number in range(100):
                connection.sendall(post(b"%d/%d" % (sender, number), close=False))
                assert read_answers(connection, 1) == OK

    in_threads(send, 12)
    assert sorted(kept.bodies) == sorted(b"%d/%d" % (sender, number) for sender in range(12) for number in range(100))
    for sender in range(12):
        own = [body for body in kept.bodies if body.startswith(b"%d/" % sender)]
        assert own == [b"%d/%d" % (sender, number) for number in range(100)]


def in_threads(work: Callable[[int], None], number: int) -> None:
    faults: list[BaseException] = []

    def guarded(index: int) -> None:
        try:
            work(index)
        except BaseException as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * PATIENCE)
    assert faults == []


@pytest.mark.holds("faults: a listener that failed is started again on its port")
def test_a_listener_that_dies_is_started_again_on_the_same_port_and_that_is_said(
    kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    port = kept.listener.port
    for deaths in range(1, 3):
        inside.accepting(kept.listener).shutdown(socket.SHUT_RDWR)  # accept fails with an error that does not pass
        wait_until(lambda deaths=deaths: kept.listener.restarts == deaths, "its death was noticed")  # type: ignore[misc]
        wait_until(lambda: answers(kept), "somebody listens again")
    assert kept.listener.port == port
    assert kept.bodies == [b"[1]"] * 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("listener failed: restarting" in line for line in lines)


def answers(kept: Kept) -> bool:
    try:
        return kept.exchange(b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\n[1]") == OK
    except OSError:
        return False


OUT_OF_THREADS = """
import _thread, socket, time
from extension.listener import Listener
bodies = []
listener = Listener(bodies.append)
listener.start(0)
request = b"POST / HTTP/1.1\\r\\nConnection: close\\r\\nContent-Length: 3\\r\\n\\r\\n[1]"
def ask():
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
        try:
            connection.sendall(request)
            return connection.recv(100)
        except ConnectionError:
            return b""
usual = _thread.stack_size(2**46)  # no machine has room for such a stack: no thread can be started
refused = [ask() for _ in range(20)]  # more than there are places for connections
_thread.stack_size(usual)
served = ask()
print(refused == [b""] * 20, served[:12], bodies)
"""


@pytest.mark.holds("faults: a listener that failed is started again on its port")
def test_without_a_thread_to_be_had_a_connection_is_closed_and_the_next_one_is_served() -> None:
    command = [sys.executable, "-c", OUT_OF_THREADS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("True b'HTTP/1.1 200' [b'[1]']\n", "")


@pytest.mark.parametrize(
    ("hosts", "address"),
    [
        ("127.0.0.1 localhost\n127.0.0.2 sandbox.localdomain sandbox # of the sandbox\n", "127.0.0.2"),
        ("127.0.0.2\tsandbox\tsandbox.localdomain", "127.0.0.2"),
        ("127.0.0.2 other.sandbox.localdomain\n# 127.0.0.3 sandbox.localdomain\n", "0.0.0.0"),
        ("169.254.79.129 sandbox.localdomain sandbox\n", "0.0.0.0"),  # on Lambda
        ("127.x sandbox.localdomain\n\n \n", "0.0.0.0"),
        ("127.0.0.999 sandbox.localdomain\n", "0.0.0.0"),
        (None, "0.0.0.0"),
    ],
)
def test_only_the_address_of_the_sandbox_is_listened_on_where_it_is_this_machines_own(
    tmp_path: Path, hosts: str | None, address: str
) -> None:
    file = tmp_path / "hosts"
    if hosts is not None:
        file.write_text(hosts)
    listener = Listener(lambda _: None, hosts=str(file))
    listener.start(0)
    assert inside.accepting(listener).getsockname() == (address, listener.port)
    place = "127.0.0.1" if address == "0.0.0.0" else address
    with socket.create_connection((place, listener.port), timeout=PATIENCE) as connection:
        connection.sendall(post(b"[1]"))
        assert until_closed(connection) == OK


def test_a_hosts_file_of_any_size_costs_a_bounded_read(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_bytes(b"x" * 70_000 + b"\n127.0.0.2 sandbox.localdomain\n")
    assert own_address(str(file)) == ""
    assert own_address(str(tmp_path)) == ""  # a folder


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
