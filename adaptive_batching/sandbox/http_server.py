"""The HTTP edge: a small server on loopback that hands whole requests to a function and sends whole answers.

Every answer leaves in one send with TCP_NODELAY: two small writes would cost 44 ms each time (Nagle against the
peer's delayed acknowledgement). No rules of Lambda live here.
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

#: Bytes of one request body that are read at all. Lambda's payloads end at 6 MiB; this leaves room to refuse them.
BODY_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request, read whole. Header names are compared without case, as `Message` does."""

    method: str
    path: str
    headers: Message
    body: bytes
    trailers: Mapping[str, str] = field(default_factory=dict)
    #: False when a chunked body ended before its last chunk.
    complete: bool = True
    #: Monotonic seconds at which the first byte of the body was here; None without a body.
    first_byte_at: float | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value, or None when it is missing."""
        return self.headers.get(name)


@dataclass(frozen=True)
class Answer:
    """One answer. `close` ends the connection after it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


#: Answers a request; None means that the connection is closed without an answer (its environment has ended).
Handle = Callable[[Request], Answer | None]


class BadBodyError(Exception):
    """A chunked body that does not follow its own framing."""


class _Connection(BaseHTTPRequestHandler):
    """Reads requests of one connection, one after the other."""

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
        except OSError:  # the client has closed the connection: the answer has no reader
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names that http.server looks for

    def handle(self) -> None:
        """Serve the connection until it ends."""
        with contextlib.suppress(OSError):  # reset by the peer, or closed by `Server.stop`
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing: the sandbox prints its own story."""


class _Server(socketserver.ThreadingTCPServer):
    """One thread per connection; connections are remembered so that they can be cut."""

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
        """Accept a connection and remember it."""
        connection, peer = super().get_request()
        with self._lock:
            self.open.add(connection)
        return connection, peer

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - the base class takes sockets and more
        """Forget the connection and close it."""
        with self._lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """End every open connection, whatever its thread is doing."""
        with self._lock:
            connections = list(self.open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Let the thread's exception hook show it: an exception here is a bug of the sandbox, never an answer."""
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


class Server:
    """An HTTP server on 127.0.0.1. Raises OSError from the constructor when the port is taken."""

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), handle)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"http-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port`, as AWS_LAMBDA_RUNTIME_API has it: without a scheme."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop listening and cut every open connection. Safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_all()
        self._thread.join()
