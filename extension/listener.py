"""The local HTTP endpoint that the platform POSTs log batches to: one thread accepts, one a connection reads.

It reads the body, hands it to `keep` and answers 200; it parses no telemetry, and never answers 4xx or 5xx to a body
that it could read, for the platform would send it again for ever. HTTP/1.1: Content-Length, chunked, keep-alive, any
path. Plain sockets: `http.server` costs 40 ms before the first `event/next`. Source: Telemetry API, Logs API.
"""

import _socket
import _thread
import time

from extension.messages import say

LONGEST_BODY = 16 * 1024 * 1024 - 1  # bytes; the platform sends at most twice maxBytes (1 MiB) and some envelope
LONGEST_HEAD = 65536
CONNECTIONS = 16  # the platform uses one or two
READ_SECONDS = 900.0  # of silence, between requests too: a shorter one would cut the kept connection at many a thaw
PAUSE_SECONDS, RESTART_SECONDS = 0.05, 0.1
PASSING = (4, 12, 23, 24, 103, 105)  # EINTR, ENOMEM, ENFILE, EMFILE, ECONNABORTED, ENOBUFS (errno is one more file)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Refusal(Exception):  # noqa: N818 - an answer
    """The request cannot be read: answer this status and close."""


class Listener:
    """Listens on all interfaces. `keep(body)` is called for each body, on the connection's thread, before the 200."""

    def __init__(self, keep: "Callable[[bytes], None]") -> None:
        self._keep = keep
        self._places = CONNECTIONS
        self._lock = _thread.allocate_lock()
        self.refused = 0  # requests that could not be read
        self.restarts = 0
        self.port = 0
        self._socket = _socket.socket()

    def start(self, port: int) -> None:
        """Bind `port`, an ephemeral one if it is taken, and begin to accept. OSError if not even that is possible."""
        try:
            self._socket = _bound(port)
        except OSError:
            self._socket = _bound(0)
        self.port = self._socket.getsockname()[1]
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        """Accept for ever; whatever ends that, a new socket on the same port takes its place."""
        while True:
            try:
                self._accept()
            except Exception as error:  # noqa: BLE001 - without a listener every log would be lost
                self.restarts += 1
                say("error", "the listener has died; it is started again", {"why": repr(error)})
            time.sleep(RESTART_SECONDS)
            self._socket.close()
            try:
                self._socket = _bound(self.port)
            except OSError as error:
                say("error", "the listener cannot be started again yet", {"why": str(error)})

    def _accept(self) -> None:
        while True:
            try:
                descriptor, _ = self._socket._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what `socket.socket` wraps
            except OSError as error:
                if error.errno not in PASSING:
                    raise
                time.sleep(PAUSE_SECONDS)  # out of descriptors: they come back when a connection ends
                continue
            connection = _socket.socket(fileno=descriptor)
            with self._lock:
                self._places -= 1
            try:
                _thread.start_new_thread(self._serve, (connection,))
            except RuntimeError:  # out of threads: the platform sends it again
                connection.close()
                with self._lock:
                    self._places += 1
                time.sleep(PAUSE_SECONDS)
            while self._places <= 0:
                time.sleep(PAUSE_SECONDS)

    def _serve(self, connection: "_socket.socket") -> None:
        try:
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            left = b""
            connection.settimeout(READ_SECONDS)  # once: each call is a system call
            while True:
                body, left, last = _read_request(connection, left)
                if body is None:
                    return
                self._keep(body)
                connection.sendall(OK)
                if last:
                    return
        except _Refusal as refusal:
            self.refused += 1
            try:
                connection.sendall(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            except OSError:
                pass  # it has gone: nobody is left to be told
        except OSError:
            pass  # the platform went away, or was frozen: it sends again what was not answered
        finally:
            connection.close()
            with self._lock:
                self._places += 1


def _bound(port: int) -> "_socket.socket":
    """A listening socket on all interfaces."""
    bound = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        bound.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        bound.bind(("", port))  # "" is INADDR_ANY: nothing is resolved
        bound.listen(CONNECTIONS)
    except OSError:
        bound.close()
        raise
    return bound


def _read_request(connection: "_socket.socket", received: bytes) -> "tuple[bytes | None, bytes, bool]":
    """Body (None: the connection ended before one), what was read of the next request, whether this is the last."""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None, b"", True
        received += piece
        if len(received) > LONGEST_HEAD and b"\r\n\r\n" not in received:
            raise _Refusal("431 Request Header Fields Too Large")
    head, _, received = received.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, path, version
        raise _Refusal("400 Bad Request")
    headers = {
        name.strip().lower(): value.strip().lower() for name, _, value in (field.partition(":") for field in fields)
    }
    if words[0] not in ("POST", "PUT"):
        raise _Refusal("405 Method Not Allowed")
    if headers.get("expect") == "100-continue":
        connection.sendall(CONTINUE)
    last = headers.get("connection") == "close" or (
        words[2] == "HTTP/1.0" and headers.get("connection") != "keep-alive"
    )
    if headers.get("transfer-encoding") == "chunked":
        return (*_read_chunked(connection, received), last)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _Refusal("400 Bad Request")
    return (*_read_exactly(connection, received, int(length) if len(length) < 19 else LONGEST_BODY + 1), last)  # noqa: PLR2004 - 64 bits


def _read_exactly(connection: "_socket.socket", received: bytes, length: int) -> "tuple[bytes, bytes]":
    if length > LONGEST_BODY:
        raise _Refusal("413 Content Too Large")
    if len(received) >= length:
        return received[:length], received[length:]
    body = bytearray(length)
    body[: len(received)] = received
    view = memoryview(body)
    at = len(received)
    while at < length:
        count = connection.recv_into(view[at:])
        if not count:
            msg = "the connection ended within a body"
            raise OSError(msg)
        at += count
    return bytes(body), b""


def _read_chunked(connection: "_socket.socket", received: bytes) -> "tuple[bytes, bytes]":
    body = bytearray()  # grows in place: 16 MiB in chunks of a kilobyte would else be copied thousands of times
    while True:
        line, received = _read_line(connection, received)
        digits = line.split(b";")[0].strip()
        if not 0 < len(digits) <= 8 or digits.strip(b"0123456789abcdefABCDEF"):  # noqa: PLR2004 - 32 bits
            raise _Refusal("400 Bad Request")
        size = int(digits, 16)
        if not size:
            while line:  # trailers end with an empty line
                line, received = _read_line(connection, received)
            return bytes(body), received
        if len(body) + size > LONGEST_BODY:
            raise _Refusal("413 Content Too Large")
        piece, received = _read_exactly(connection, received, size + 2)
        if piece[-2:] != b"\r\n":
            raise _Refusal("400 Bad Request")
        body += piece[:-2]


def _read_line(connection: "_socket.socket", received: bytes) -> "tuple[bytes, bytes]":
    while b"\r\n" not in received:
        if len(received) > LONGEST_HEAD:
            raise _Refusal("400 Bad Request")
        piece = connection.recv(65536)
        if not piece:
            msg = "the connection ended within a body"
            raise OSError(msg)
        received += piece
    line, _, received = received.partition(b"\r\n")
    return line, received


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
