"""A small HTTP server on loopback. It passes complete requests to a function and sends complete answers.

A request whose body ends early, because its sender was killed, is passed on only where that is asked for: a store would
make half an object of it, which S3 does not.

A web page that a browser on this machine shows can send requests to loopback. It cannot forge two headers: Host, which
is the name by which the page reached the server, also if it lets that name resolve to 127.0.0.1, and Origin. A request
with the Origin of another server is refused, and where the names of this one are given, one with another Host too.

The server sends every answer with one system call and sets TCP_NODELAY. Two small writes would cost 44 ms each time,
because Nagle's algorithm waits for the peer's delayed acknowledgement. The rules of Lambda are not implemented here.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from adaptive_batching.values import loopback

if TYPE_CHECKING:
    from email.message import Message

#: The largest request body that is read, in bytes. Lambda's payloads are at most 6 MiB, so the APIs can refuse more.
BODY_LIMIT = 32 * 1024 * 1024
#: The longest head of a chunk, in bytes; the most fields of a trailer, and the longest of them, which holds an error
#: document in base64.
LINE_LIMIT, TRAILERS, TRAILER_LIMIT = 1024, 100, 1024 * 1024
#: Numbers on the wire: the lengths that Python reads otherwise, such as -1, +1, 1_0 and 0x1, are not valid there.
_LENGTH, _SIZE = re.compile(r"[0-9]{1,19}"), re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(;.*)?\r?\n")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
#: The names of this server that need not be given, as they stand in the header Host.
LOOPBACK = frozenset(f"[{one}]" if ":" in one else one for one in loopback.LOOPBACK)


@dataclass(frozen=True)
class Request:
    """One request. `headers` ignores the case of header names, as `Message` does."""

    method: str
    path: str
    headers: Message
    body: bytes
    trailers: Mapping[str, str] = field(default_factory=dict)
    #: False if the body ended early: before its last chunk, or before its Content-Length. Only a server with
    #: `incomplete` passes such a request on.
    complete: bool = True
    #: When the first byte of the body was read, in monotonic seconds. None without a body.
    first_byte_at: float | None = None

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None if it is missing."""
        return self.headers.get(name)


@dataclass(frozen=True)
class Answer:
    """One answer. With `close` the server closes the connection after it.

    `more` are further headers, of which a name may occur more than once.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    more: tuple[tuple[str, str], ...] = ()


#: The answer to a request that comes while the server waits for those in flight.
_ENDING = Answer(503, b'{"Type":"Service","Message":"shutting down"}', {"Content-Type": "application/json"}, close=True)
#: Answers a request. None closes the connection without an answer, because the environment has ended.
Handle = Callable[[Request], Answer | None]


class _BadRequestError(Exception):
    """A request cannot be read. `answer` says so to the client."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.answer = Answer(status, f"{why}\n".encode(), {"Content-Type": "text/plain"}, close=True)


class _Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        try:
            self._check_peer()
            request = self._read()
        except _BadRequestError as error:
            self._send(error.answer)
            return
        with self.server.in_flight() as accepted:
            answer = self.server.handle_request_with(request) if accepted else _ENDING
            if answer is None:
                self.close_connection = True
                return
            self._send(answer)

    def _check_peer(self) -> None:
        """Raise _BadRequestError if the request may come from a web page of another server."""
        if why := stranger(self.headers.get("Host"), self.headers.get("Origin"), self.server.names):
            raise _BadRequestError(HTTPStatus.FORBIDDEN, why)

    def _read(self) -> Request:
        self._first_byte_at: float | None = None
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body, trailers, complete = self._read_chunks()
        else:
            body, trailers, complete = self._read_length()
        if not complete and not self.server.incomplete:
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, f"the body ended early, after {len(body)} bytes")
        return Request(
            self.command, self.path, self.headers, body, trailers, complete, first_byte_at=self._first_byte_at
        )

    def _read_length(self) -> tuple[bytes, dict[str, str], bool]:
        text = self.headers.get("Content-Length", "0").strip()
        if not _LENGTH.fullmatch(text):
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, f"Content-Length {text!r} is not a length")
        length = int(text)
        if length > BODY_LIMIT:
            raise _BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {BODY_LIMIT} bytes")
        body = b""
        if length:
            body, self._first_byte_at = self.rfile.read(1), time.monotonic()
            body += self.rfile.read(length - 1)
        return body, {}, len(body) == length

    def _read_chunks(self) -> tuple[bytes, dict[str, str], bool]:
        body = bytearray()
        while True:
            line = self.rfile.readline(LINE_LIMIT)
            if not line.endswith(b"\n") and len(line) < LINE_LIMIT:  # the connection has ended
                return bytes(body), {}, False
            found = _SIZE.fullmatch(line)
            if not found:
                raise _BadRequestError(HTTPStatus.BAD_REQUEST, f"{line[:40]!r} is not the head of a chunk")
            size = int(found[1], 16)
            if size == 0:
                return (bytes(body), *self._read_trailers())
            if len(body) + size > BODY_LIMIT:
                why = f"the body is larger than {BODY_LIMIT} bytes"
                raise _BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
            self._first_byte_at = self._first_byte_at or time.monotonic()
            chunk = self.rfile.read(size)
            body += chunk
            if len(chunk) < size:
                return bytes(body), {}, False
            self.rfile.readline(3)  # the end of the chunk's line

    def _read_trailers(self) -> tuple[dict[str, str], bool]:
        """Return the fields after the last chunk, and whether they are complete."""
        trailers: dict[str, str] = {}
        for _ in range(TRAILERS):
            line = self.rfile.readline(TRAILER_LIMIT)
            if not line.endswith(b"\n"):
                return {}, False
            name, _, value = line.strip().decode("latin-1").partition(":")
            if not name:
                return trailers, True
            trailers[name.strip().lower()] = value.strip()
        raise _BadRequestError(HTTPStatus.BAD_REQUEST, f"the trailer has more than {TRAILERS} fields")

    def _send(self, answer: Answer) -> None:
        phrase = _PHRASES.get(answer.status, "")
        head = [f"HTTP/1.1 {answer.status} {phrase}"]
        head += [f"{name}: {value}" for name, value in (*answer.headers.items(), *answer.more)]
        if answer.status != HTTPStatus.NO_CONTENT and "Content-Length" not in answer.headers:  # that of a HEAD has one
            head.append(f"Content-Length: {len(answer.body)}")
        if answer.close:
            head.append("Connection: close")
            self.close_connection = True
        try:
            body = b"" if self.command == "HEAD" else answer.body
            self.connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        except OSError:  # the client has closed the connection
            self.close_connection = True

    # The names that http.server looks for.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

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

    def __init__(
        self, address: tuple[str, int], handle: Handle, names: frozenset[str], *, incomplete: bool = False
    ) -> None:
        self.handle_request_with = handle
        self.names = names
        self.incomplete = incomplete
        self.open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._flying = 0
        self._ending = False
        super().__init__(address, _Connection)

    @contextlib.contextmanager
    def in_flight(self) -> Iterator[bool]:
        """Count a request until it is answered. Yield whether it may still be handled."""
        with self._changed:
            accepted = not self._ending
            self._flying += 1
        try:
            yield accepted
        finally:
            with self._changed:
                self._flying -= 1
                self._changed.notify_all()

    def land(self) -> None:
        """Wait until every request in flight is answered. Further ones are refused."""
        with self._changed:
            self._ending = True
            self._changed.wait_for(lambda: not self._flying)

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
    """An HTTP server on 127.0.0.1. Port 0 selects a free port. Raises OSError if the port is in use.

    `names` are host names of this server besides those of LOOPBACK. None: it answers to every name. With `incomplete`
    it passes on requests whose bodies ended early, too; otherwise it answers 400.
    """

    def __init__(
        self, handle: Handle, port: int = 0, names: Iterable[str] | None = None, *, incomplete: bool = False
    ) -> None:
        known = frozenset() if names is None else LOOPBACK | {name.lower() for name in names}
        self._server = _Server(("127.0.0.1", port), handle, known, incomplete=incomplete)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"http-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port` without a scheme, the format of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.port}"

    def finish(self) -> None:
        """Stop listening, and wait until every request in flight is answered. `stop` then ends the connections."""
        self._server.shutdown()
        self._server.server_close()
        self._server.land()

    def stop(self) -> None:
        """Stop listening and end every open connection. Calling it twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_all()
        self._thread.join()


def unusable(port: int, error: OSError, option: str) -> str:
    """Return why a Server cannot have a port, as a sentence. `option` is what gives another port. Pure."""
    why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
    return f"port {port} {why}; choose another with {option}"


def stranger(host: str | None, origin: str | None, names: frozenset[str]) -> str:
    """Return why a request with these headers may come from a web page of another server, "" if it may not. Pure.

    `names` are the host names of this server, in lower case; without any, every Host is taken.
    """
    if names and host is not None and _without_port(host) not in names:
        return f"the Host {host!r} does not name this server, which is {', '.join(sorted(names))}"
    if origin is not None and origin.lower() != f"http://{host or ''}".lower():
        return f"the Origin {origin!r} is not this server"
    return ""


def _without_port(host: str) -> str:
    """Return the name in the value of a Host header, in lower case. Pure."""
    name = host.strip().lower()
    return name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
