"""An HTTP proxy for tests: tunnels (CONNECT) and requests in absolute form, each noted, with a password if wanted."""

from __future__ import annotations

import base64
import socket
import threading
from urllib.parse import urlsplit

from tests.fakes.listener import Connection, Listener, Request


class Proxy(Listener):
    """`noted` lists the first line of every request; names are not resolved: all leads to the loopback."""

    def __init__(self, login: str = "") -> None:
        super().__init__()
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        self.noted: list[str] = []

    def serve(self, connection: Connection) -> None:
        while (request := connection.head()) is not None:
            self.noted.append(f"{request.method} {request.path}")
            if request.headers.get("proxy-authorization", "") != self._login:
                connection.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            if request.method == "CONNECT":
                self._tunnel(connection, int(request.path.rpartition(":")[2]))
                return
            connection.body(request)
            connection.send(_forwarded(request))

    def _tunnel(self, connection: Connection, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as onward:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(onward, connection.sock), daemon=True)
            back.start()
            _pump(connection.sock, onward)
            back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until either side ends."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


def _forwarded(request: Request) -> bytes:
    """Pass a request on, as a client of its own, and return the whole answer."""
    url = urlsplit(request.path)
    lines = [f"{name}: {value}\r\n" for name, value in request.headers.items() if not name.startswith("proxy-")]
    head = f"{request.method} {url.path} HTTP/1.1\r\n{''.join(lines)}connection: close\r\n\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", url.port or 80), 5) as onward:
        onward.sendall(head.encode("latin-1") + request.body)
        while b"\r\n\r\n" not in answer and (data := onward.recv(65536)):
            answer += data
    return answer
