"""A small HTTP server on loopback. It passes complete requests to a function and sends complete answers.

The server sends every answer with one system call and sets TCP_NODELAY. Two small writes would cost 44 ms each time,
because Nagle's algorithm waits for the peer's delayed acknowledgement. The rules of Lambda are not implemented here.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message

#: The largest request body that is read, in bytes. Lambda's payloads are at most 6 MiB, so the APIs can refuse more.
BODY_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One complete request. `headers` ignores the case of header names, as `Message` does."""

    method: str
    path: str
    headers: Message
    body: bytes
    trailers: Mapping[str, str] = field(default_factory=dict)
    #: False if the body ended early: before its last chunk, or before its Content-Length.
    complete: bool = True
    #: When the first byte of the body was read, in monotonic seconds. None without a body.
    first_byte_at: float | None = None

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None if it is missing."""
        return self.headers.get(name)


@dataclass(frozen=True)
class Answer:
    """One answer. With `close` the server closes the connection after it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


#: Answers a request. None closes the connection without an answer, because the environment has ended.
Handle = Callable[[Request], Answer | None]


class BadBodyError(Exception):
    """The request body is too large to be read."""


class _Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        try:
            request = self._read()
        except (BadBodyError, ValueError):
            self.close_connection = True
            return
        answer = self.server.handle_request_with(request)
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    def _read(self) -> Request:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._first_byte_at: float | None = None
            body, trailers, complete = self._read_chunks()
            return Request(
                self.command, self.path, self.headers, body, trailers, complete, first_byte_at=self._first_byte_at
            )
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT:
            raise BadBodyError
        body, first = b"", None
        if length:
            body, first = self.rfile.read(1), time.monotonic()
            body += self.rfile.read(length - 1)
        return Request(self.command, self.path, self.headers, body, complete=len(body) == length, first_byte_at=first)

    def _read_chunks(self) -> tuple[bytes, dict[str, str], bool]:
        body = bytearray()
        while True:
            line = self.rfile.readline(1024)
            if not line.endswith(b"\n"):
                return bytes(body), {}, False
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            self._first_byte_at = self._first_byte_at or time.monotonic()
            chunk = self.rfile.read(size)
            body += chunk
            if len(chunk) < size or len(body) > BODY_LIMIT:
                return bytes(body), {}, False
            self.rfile.readline(1024)
        trailers: dict[str, str] = {}
        while (line := self.rfile.readline(65536).strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            trailers[name.strip().lower()] = value.strip()
        return bytes(body), trailers, True

    def _send(self, answer: Answer) -> None:
        phrase = HTTPStatus(answer.status).phrase
        head = [f"HTTP/1.1 {answer.status} {phrase}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status != HTTPStatus.NO_CONTENT:
            head.append(f"Content-Length: {len(answer.body)}")
        if answer.close:
            head.append("Connection: close")
            self.close_connection = True
        try:
            self.connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + answer.body)
        except OSError:  # the client has closed the connection
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names that http.server looks for

    def handle(self) -> None:
        """Serve requests until the connection ends."""
        with contextlib.suppress(OSError):  # reset by the peer, or closed by `Server.stop`
            super().handle()

    def log_message(self, *_: object) -> None:
        """Write nothing: the sandbox does not log requests."""


class _Server(socketserver.ThreadingTCPServer):
    """Runs one thread per connection. Open connections are tracked so that `cut_all` can end them."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handle: Handle) -> None:
        self.handle_request_with = handle
        self.open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and track it."""
        connection, peer = super().get_request()
        with self._lock:
            self.open.add(connection)
        return connection, peer

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - the base class takes sockets and more
        """Stop tracking the connection and close it."""
        with self._lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """Shut down every open connection, even if its thread is blocked."""
        with self._lock:
            connections = list(self.open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Pass the exception to the thread's exception hook: it is a bug in the sandbox, not an answer."""
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


class Server:
    """An HTTP server on 127.0.0.1. Port 0 selects a free port. Raises OSError if the port is in use."""

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), handle)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"http-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port` without a scheme, the format of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop listening and end every open connection. Calling it twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_all()
        self._thread.join()
