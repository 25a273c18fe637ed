"""The local HTTP endpoint that the platform POSTs log batches to: one thread accepts, one a connection reads.

It reads the body, hands it to `accept` and answers 200; it parses no telemetry, and never answers 4xx or 5xx to a body
that it could read, for the platform would send it again for ever. HTTP/1.1: Content-Length, chunked, keep-alive.
Source: Telemetry API, Logs API.

Whatever runs in the environment can connect here. Lambda is told a path that nobody else knows: once a batch has come
by it, what comes by another one is answered 200, dropped and counted. Until then any path will do, for AWS's emulator
leaves the path out.

On Lambda nothing outside the environment can connect, and all interfaces are listened on. Where the name that Lambda
is told, `sandbox.localdomain`, is one of this machine's own, as in the sandbox, that address alone is.

Connections are few. When all places are taken, the connection that has been silent longest is closed: Lambda opens
another one for its next batch, and whatever else in the environment has connected cannot keep it out.

What is being received is bounded in bytes. A request that finds no room is answered 503; what comes by the path that
Lambda is told always gets in.
"""

import _socket
import _thread
import os
import time

from extension.errors import described
from extension.http1 import Refusal, body_length, read_body, read_head
from extension.messages import say

CONNECTIONS = 16  # the platform uses one or two
ROOM = 6 * 1024 * 1024  # bytes of bodies that are being received at a time, those that are surely Lambda's not counted
READ_SECONDS = 900.0  # of silence, between requests too: a shorter one would cut the kept connection at many a thaw
HOSTS, NAME = "/etc/hosts", b"sandbox.localdomain"
HOSTS_BYTES = 65536  # of that file: the name stands in it or nowhere, for a resolver that is asked may take seconds
PAUSE_SECONDS, RESTART_SECONDS = 0.05, 0.1
BUSY = float("inf")  # in the place of the moment since when a connection is silent: its body is being taken in
PASSING = (4, 12, 23, 24, 103, 105)  # EINTR, ENOMEM, ENFILE, EMFILE, ECONNABORTED, ENOBUFS (errno is one more file)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Listener:
    """Listens for batches. `accept(body)` is called for each body, on the connection's thread, before the 200.

    `answered()` follows the 200: whoever is woken by it does not wait for the interpreter's lock meanwhile.
    """

    def __init__(
        self,
        accept: "Callable[[bytes], None]",
        answered: "Callable[[], None]" = lambda: None,
        hosts: str = HOSTS,
    ) -> None:
        self._accept_body = accept
        self._answered = answered
        self._address = own_address(hosts)
        self._places = CONNECTIONS
        self._lock = _thread.allocate_lock()
        self._silent_since: dict[_socket.socket, float] = {}  # monotonic seconds of the last request, or BUSY
        self.path = "/" + os.urandom(16).hex()  # of the address that Lambda is told
        self._path_is_used = False
        self._receiving = 0  # bytes of bodies that have room reserved
        self._stranger_said = False
        self.refused = 0  # requests that could not be read, or that came by a path that Lambda does not use
        self.restarts = 0
        self.evicted = 0  # connections that were closed to make room for others
        self.port = 0
        self._socket: _socket.socket  # from `start` on

    def start(self, port: int) -> None:
        """Bind `port`, an ephemeral one if it is taken, and begin to accept. OSError if not even that is possible."""
        try:
            self._socket = _bound(self._address, port)
        except OSError:
            try:
                self._socket = _bound(self._address, 0)
            except OSError:
                self._address = ""  # not an address of this machine, after all
                self._socket = _bound("", 0)
        self.port = self._socket.getsockname()[1]
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        """Accept for ever; whatever ends that, a new socket on the same port takes its place."""
        while True:
            try:
                self._accept()
            except BaseException as error:  # noqa: BLE001 - without a listener every log would be lost
                self.restarts += 1
                say("error", "listener failed: restarting", {"why": described(error)})
            try:
                time.sleep(RESTART_SECONDS)
                self._socket.close()
                self._socket = _bound(self._address, self.port)
            except BaseException as error:  # noqa: BLE001 - the same
                why = str(error) if isinstance(error, OSError) else described(error)
                say("error", "listener restart failed: retrying", {"why": why})

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
            while self._places < 0:  # this one is the first that finds no place
                self._evict()
                time.sleep(PAUSE_SECONDS)
            self._silent_since[connection] = time.monotonic()
            try:
                _thread.start_new_thread(self._serve, (connection,))
            except RuntimeError:  # out of threads: the platform sends it again
                self._give_back(connection)
                time.sleep(PAUSE_SECONDS)

    def _evict(self) -> None:
        """Close the connection that has been silent longest, unless all are busy."""
        with self._lock:
            since, victim = min(((since, one) for one, since in self._silent_since.items()), key=_moment)
            if since == BUSY:
                return
            self._silent_since[victim] = BUSY  # once is enough
            self.evicted += 1
            try:
                victim.shutdown(_socket.SHUT_RDWR)  # its thread gives the place back
            except OSError:
                pass  # it has ended by itself
        if self.evicted == 1:
            fields: dict[str, object] = {"connections": CONNECTIONS}
            say("warning", "listener connection limit reached: the longest silent connection is closed", fields)

    def _give_back(self, connection: "_socket.socket") -> None:
        """Close a connection, and let another one have its place."""
        with self._lock:
            self._silent_since.pop(connection, None)
            self._places += 1
        connection.close()

    def _serve(self, connection: "_socket.socket") -> None:
        try:
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            left = b""
            connection.settimeout(READ_SECONDS)  # once: each call is a system call
            while True:
                request = _read_request(connection, left, lambda: self._heard(connection))
                if request is None:
                    return
                path, headers, left, last = request
                reserved = self._reserve(path, headers)
                try:
                    body, left = read_body(connection, left, headers)
                    self._silent_since[connection] = BUSY
                    if self._is_from_lambda(path):
                        self._accept_body(body)
                    del body
                finally:
                    with self._lock:
                        self._receiving -= reserved
                try:
                    connection.sendall(OK)
                finally:
                    self._answered()
                if last:
                    return
                self._silent_since[connection] = time.monotonic()
        except Refusal as refusal:
            self.refused += 1
            try:
                connection.sendall(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            except OSError:
                pass  # the connection is closed: there is no reader of the answer
        except OSError:
            pass  # the platform went away, or was frozen: it sends again what was not answered
        except Exception as error:  # noqa: BLE001 - a fault of ours costs its connection alone
            say("error", "a batch was not taken in: it is not answered, and comes again", {"why": described(error)})
        finally:
            self._give_back(connection)

    def _heard(self, connection: "_socket.socket") -> None:
        """Note that a request has begun to come: the connection is not silent, however long its body takes."""
        with self._lock:
            if self._silent_since.get(connection) != BUSY:
                self._silent_since[connection] = time.monotonic()

    def _reserve(self, path: str, headers: "dict[str, str]") -> int:
        """Make sure that there is room for the body of these headers; return how many bytes to give back later.

        Raises Refusal if there is none: the body is not read.
        """
        length = body_length(headers)
        if self.path in path:
            return 0
        with self._lock:
            if self._receiving + length > ROOM:
                raise Refusal("503 Service Unavailable")
            self._receiving += length
        return length

    def _is_from_lambda(self, path: str) -> bool:
        """Return whether a request by this path is to be taken in; count it if not."""
        if self.path in path:  # `path` may be a whole address
            self._path_is_used = True
        elif self._path_is_used:
            self.refused += 1
            if not self._stranger_said:
                self._stranger_said = True
                say("warning", "listener: dropped a request that is not from Lambda, further ones are only counted")
            return False
        return True


def _moment(one: "tuple[float, _socket.socket]") -> float:
    return one[0]


def own_address(hosts: str) -> str:
    """Return the loopback address that a hosts file gives the host of extensions; empty where it gives it another."""
    try:
        descriptor = os.open(hosts, os.O_RDONLY)
        try:
            text = os.read(descriptor, HOSTS_BYTES)
        finally:
            os.close(descriptor)
    except OSError:
        return ""
    for line in text.split(b"\n"):
        words = line.partition(b"#")[0].split()
        if NAME in words[1:] and _is_loopback(words[0]):
            return words[0].decode()
    return ""


def _is_loopback(address: bytes) -> bool:
    parts = address.split(b".")
    return len(parts) == 4 and parts[0] == b"127" and all(one.isdigit() and int(one) < 256 for one in parts)  # noqa: PLR2004


def _bound(address: str, port: int) -> "_socket.socket":
    """Return a listening socket on an address, on all interfaces if that is empty."""
    bound = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        bound.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        bound.bind((address, port))  # "" is INADDR_ANY: nothing is resolved
        bound.listen(CONNECTIONS)
    except OSError:
        bound.close()
        raise
    return bound


def _read_request(
    connection: "_socket.socket", received: bytes, begun: "Callable[[], None]"
) -> "tuple[str, dict[str, str], bytes, bool] | None":
    """Return path, headers, the bytes behind them, and whether this is the last; None: the connection ended before."""
    head = read_head(connection, received)
    if head is None:
        return None
    begun()
    first, headers, received = head
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, path, version
        raise Refusal("400 Bad Request")
    if words[0] not in ("POST", "PUT"):
        raise Refusal("405 Method Not Allowed")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(CONTINUE)
    keep = headers.get("connection", "").lower()
    last = keep == "close" or (words[2] == "HTTP/1.0" and keep != "keep-alive")
    return words[1], headers, received, last


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
