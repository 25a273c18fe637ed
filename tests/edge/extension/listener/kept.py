"""A listener, what it was given to keep, and requests to it."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing

from extension.listener import Listener
from tests.fakes.lambda_api import PATIENCE
from tests.fakes.network.ports import free_port

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
