"""One connection to a server, which another thread may end at any moment: HTTP/1.1 reduced to a request and its answer.

Not `http.client`: it brings `email` and thirty more modules, 10 ms of CPU and 2 MB for the one exchange that is needed,
has no way to end an attempt from another thread, and lets a whole `sendall` share one time-out.
Errors are `OSError` (time-outs, resets, `ssl.SSLError`, an answer that is not HTTP), for the store to map.
"""

from __future__ import annotations

import _thread
import socket
import time

from extension.stores import opening
from extension.stores.answers import OK, Response, dechunk
from extension.stores.request import BLOCK_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from extension.stores.endpoint import Url

CONNECT_SECONDS = 1.0  # for all addresses of a name together
LEAST_CONNECT_SECONDS = 0.2  # for one of them: a share of the above, but no less
RESOLVE_SECONDS = 1.0
HEAD_ROOM = 2.0  # times the patience for a byte: all that the head of an answer may take, 1xx before it included
STORED_SECONDS = 0.2  # for the rest of an answer that says that the object is stored: nothing in it matters
BODY_SECONDS = 1.0  # for the document of a refusal
IDLE_SECONDS = 3.0  # S3 closes idle connections, and one kept over a freeze is dead: an older one is not used again
ANSWER_BYTES = 65536  # a longer head or error document is not read to its end
_LINGER_NOT = b"\1\0\0\0\0\0\0\0"  # struct linger {1, 0}: what waits in the kernel is dropped at close, not sent


class Connection:
    """Used by one thread, except for `end`.

    `got_response`: something of a response came; `keep_alive`: the connection may serve again; `patience`: seconds
    without a byte sent or received after which an attempt has failed.
    """

    __slots__ = ("_lock", "_patience", "_socket", "aborted", "got_response", "keep_alive")

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = (
            _thread.allocate_lock()
        )  # guards _socket and aborted: a closed descriptor may belong to another file
        self._socket: socket.socket | None = None
        self.aborted = False
        self.got_response = False
        self.keep_alive = False

    def open(self, target: Url, proxy: Url | None, context: ssl.SSLContext | None, order: Order) -> None:
        """Connect to `target`, through `proxy` if there is one, and encrypt where `target` is secure.

        `order` tells which of several addresses to try first, and learns which one answered.
        """
        self._dial(proxy or target, order)
        if context is None:
            return
        if proxy:
            self._tunnel(target, proxy)
        with self._lock:
            self._check()
            # as bytes: a host in a str loads the IDNA tables (8 ms), here and in the resolver
            wrapped = context.wrap_socket(
                self._open_socket(), server_hostname=target.host.encode(), do_handshake_on_connect=False
            )
            self._socket = wrapped
        wrapped.do_handshake()

    def send(self, data: bytes | memoryview) -> None:
        """Send all of `data`; the time-out counts from the last byte that left."""
        view = memoryview(data)
        while view:
            self._check()
            view = view[self._open_socket().send(view[:BLOCK_BYTES]) :]

    def receive(self) -> Response:
        """Return the answer to what was sent, with its body as far as it came."""
        self.got_response = self.keep_alive = False
        data = b""
        deadline = time.monotonic() + HEAD_ROOM * self._patience
        while True:
            while (end := data.find(b"\r\n\r\n")) < 0:
                data += self._read(deadline)
                if len(data) > ANSWER_BYTES:
                    raise ConnectionError("the head of the answer does not end")
            try:
                answer = Response(data[:end])
            except ValueError as error:
                raise ConnectionError("the answer is not HTTP") from error  # not shown: it may be anything
            data = data[end + 4 :]
            if answer.status >= OK:  # 1xx only announce the answer
                break
        self._receive_body(answer, data)
        return answer

    def end(self) -> None:
        """End the connection, from any thread: a thread that waits here wakes up with an error."""
        with self._lock:
            self.aborted = True
            if self._socket is not None:
                shut_down(self._socket)

    def close(self) -> None:
        """Give the socket back."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _dial(self, hop: Url, order: Order) -> None:
        deadline = time.monotonic() + CONNECT_SECONDS
        failure = OSError("the name has no address")
        addresses = order.of(_resolved(hop.host, hop.port))
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            candidate = socket.socket(family, kind, protocol)
            with self._lock:
                if self._socket is not None:
                    self._socket.close()
                self._socket = candidate
                self._check()
            try:
                share = left / (len(addresses) - number)  # a silent one must not starve those behind it
                candidate.settimeout(min(left, max(share, LEAST_CONNECT_SECONDS)))
                candidate.connect(address)
            except OSError as error:
                failure = error
                continue
            order.answered(address)
            candidate.settimeout(self._patience)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._check()
            return
        order.none_answered()
        raise failure

    def _tunnel(self, target: Url, proxy: Url) -> None:
        self.send(opening.tunnel(target, proxy))
        answer = b""
        deadline = time.monotonic() + HEAD_ROOM * self._patience
        while b"\r\n\r\n" not in answer and len(answer) < ANSWER_BYTES:
            answer += self._read(deadline)
        status = b"".join(answer.split(b" ", 2)[1:2])[:3].decode("latin-1")
        if not status.startswith("2"):
            raise ConnectionError(f"the proxy refused the tunnel: {status if status.isdigit() else 'no HTTP answer'}")

    def _receive_body(self, answer: Response, data: bytes) -> None:
        """Read on for a short time while more is to come; an early end does not matter, since the head is known."""
        deadline = time.monotonic() + (STORED_SECONDS if answer.stored else BODY_SECONDS)
        wanted = ANSWER_BYTES if answer.length < 0 else min(answer.length, ANSWER_BYTES)
        try:
            while len(data) < wanted and not (answer.chunked and data.endswith(b"0\r\n\r\n")):
                data += self._read(deadline)
        except OSError:
            wanted = -1
        answer.body = dechunk(data) if answer.chunked else data
        self.keep_alive = answer.keep_alive and len(data) == wanted == answer.length

    def _read(self, deadline: float) -> bytes:
        """Return what has come, within the patience for a byte and before a deadline (monotonic seconds)."""
        connected = self._open_socket()
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer does not end")
        hurried = left < self._patience
        if hurried:
            connected.settimeout(left)
        try:
            data = connected.recv(BLOCK_BYTES)
        finally:
            if hurried:
                connected.settimeout(self._patience)
        if not data:
            raise ConnectionResetError("the connection was closed before the answer was complete")
        self.got_response = True
        return data

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError("not connected")
        return self._socket

    def _check(self) -> None:
        if self.aborted:
            raise ConnectionAbortedError("ended by the extension")


class Order:
    """In which order the addresses of a name are tried: the one that answered last, else each time another one."""

    __slots__ = ("_last", "_turn")

    def __init__(self) -> None:
        self._last: object = None
        self._turn = 0

    def of(self, addresses: list[Any]) -> list[Any]:
        """Return the addresses, as `getaddrinfo` gives them, in the order in which to try them."""
        turn = self._turn % max(len(addresses), 1)
        turned = addresses[turn:] + addresses[:turn]
        return sorted(turned, key=lambda one: one[4] != self._last)

    def answered(self, address: object) -> None:
        """Note the address that answered."""
        self._last = address

    def none_answered(self) -> None:
        """Begin with another address next time."""
        self._last = None
        self._turn += 1


def moment() -> tuple[float, float]:
    """Return wall and monotonic time: in a freeze either may stand still."""
    return time.time(), time.monotonic()


def idle_too_long(since: tuple[float, float], now: tuple[float, float]) -> bool:
    """Tell whether a connection last used at moment `since` is not to be trusted at moment `now`."""
    return max(now[0] - since[0], now[1] - since[1]) > IDLE_SECONDS


def _resolved(host: str, port: int) -> list[Any]:
    """Return the addresses of a host, or raise `OSError`: a silent resolver would hold the uploader for 10 s."""
    outcome: list[Any] = []
    done = _thread.allocate_lock()
    done.acquire()

    def resolve() -> None:
        try:
            outcome.append(socket.getaddrinfo(host.encode(), port, 0, socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome.append(error)
        done.release()

    if host.replace(".", "").isdigit() or ":" in host:
        resolve()  # an address needs no resolver, and no thread
    else:
        _thread.start_new_thread(resolve, ())
    if not done.acquire(True, RESOLVE_SECONDS):
        raise TimeoutError(f"the name {host} was not resolved within {RESOLVE_SECONDS} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return list(outcome[0])


def shut_down(sock: socket.socket) -> None:
    """Let nothing more leave or arrive, from any thread; the descriptor stays its owner's to close."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        # past SSLSocket.shutdown, which would turn the socket into a plain one under its owner
        super(socket.socket, sock).shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # not connected, or not any more
