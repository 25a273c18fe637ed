"""A server on a real socket for tests: a thread per connection, HTTP heads and bodies, all ended when it is left."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl


@dataclass
class Request:
    """One request as it came in; `body` is empty until it was read."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int  # which connection it came over, counted from 1
    body: bytes = b""


class Connection:
    """One accepted connection: the bytes that came and those that go."""

    def __init__(self, sock: socket.socket, number: int, closing: threading.Event) -> None:
        self.sock = sock
        self.number = number
        self.closing = closing  # set when the server ends: whoever waits, stops
        self._data = b""

    def head(self) -> Request | None:
        while b"\r\n\r\n" not in self._data:
            if not self._more():
                return None
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(method, path, headers, self.number)

    def body(self, request: Request) -> None:
        """Read the body; a connection that ends before it is whole raises `ConnectionError`."""
        if request.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(request.headers.get("content-length", "0"))
        parts = [self._data]
        have = len(self._data)
        while have < length:
            data = self.sock.recv(262144)
            if not data:
                raise ConnectionError("the body did not come whole")
            parts.append(data)
            have += len(data)
        everything = b"".join(parts)
        request.body, self._data = everything[:length], everything[length:]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _more(self) -> bool:
        data = self.sock.recv(65536)
        self._data += data
        return bool(data)


class Listener:
    """Accepts connections in threads of its own and ends them all when it is left."""

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_server(("127.0.0.1", port), backlog=16)
        self._context = context
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port = int(self._socket.getsockname()[1])
        self.closing = threading.Event()
        self.connections = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        for sock in [self._socket, *self._open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._socket.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection of the test's server did not end"

    def refuse(self) -> None:
        """Refuse every further connection."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def serve(self, connection: Connection) -> None:
        """Deal with one connection."""
        raise NotImplementedError

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._run, sock, self.connections)

    def _run(self, sock: socket.socket, number: int) -> None:
        self._open.add(sock)
        try:
            if self._context:
                plain, sock = sock, self._context.wrap_socket(sock, server_side=True)
                self._open.discard(plain)
                self._open.add(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve(Connection(sock, number, self.closing))
        except (OSError, ValueError):
            pass  # the client went away, refused the certificate, or spoke no HTTP: the client's test says which
        finally:
            self._open.discard(sock)
            sock.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
