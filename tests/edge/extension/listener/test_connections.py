"""Connections of the listener: how many, how long, and what happens when it fails itself."""

import json
import select
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from extension.listener import CONNECTIONS, Listener, own_address
from tests.edge.extension.listener.kept import OK, Kept, in_threads, post, read_answers, until_closed
from tests.fakes.lambda_api import PATIENCE, wait_until
from tests.fakes.network import inside
from tests.fakes.network.ports import free_port

ROOT = Path(__file__).parents[4]


def test_a_slow_sender_is_waited_for_byte_by_byte(kept: Kept) -> None:
    with closing(kept.connect()) as connection:
        for byte in post(b"[1]") + b"":
            connection.sendall(bytes([byte]))
        assert until_closed(connection) == OK
    assert kept.bodies == [b"[1]"]


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
