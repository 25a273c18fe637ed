"""The edge to Lambda's Runtime API endpoint: register, subscribe, next.

Source: Extensions API 2020-01-01, Telemetry API 2022-07-01, Logs API 2020-08-15.
"""

import _socket
import _thread

from extension.errors import ApiError, described
from extension.http1 import Response, read_response

NAME = "adaptive-batching-extension"  # must equal the launcher's file name in /opt/extensions
EXTENSION = "/2020-01-01/extension"
PATHS = {"telemetry": "/2022-07-01/telemetry", "logs": "/2020-08-15/logs"}
REGISTER_SECONDS = 10.0  # the whole Init phase: a second registration would be refused
CALL_SECONDS = 1.0  # a call that does not block by design is answered within milliseconds


class Connection:
    """One kept connection to the endpoint; opened when it is needed, closed at the first fault.

    Used by one thread, except for `send_kept`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = _thread.allocate_lock()  # a closed descriptor may belong to another file
        self._socket: _socket.socket | None = None

    def call(
        self,
        method: str,
        path: str,
        headers: "dict[str, str]",
        body: bytes = b"",
        *,
        timeout: "float | None" = CALL_SECONDS,
    ) -> Response:
        """Send one request and read its answer. ApiError with status 0 if none came."""
        self.send(method, path, headers, body, timeout=timeout)
        return self.receive(path)

    def send(
        self,
        method: str,
        path: str,
        headers: "dict[str, str]",
        body: bytes = b"",
        *,
        timeout: "float | None" = CALL_SECONDS,
    ) -> None:
        """Write one request; its answer is read with `receive`. `timeout`: seconds for the answer, None for ever."""
        fresh = self._socket is None
        try:
            self._open().sendall(self.request(method, path, headers, body))
        except OSError as error:
            self.close()
            if fresh:
                raise ApiError(path, 0, str(error)) from error
            self.send(method, path, headers, body, timeout=timeout)  # the kept connection was dead
            return
        opened = self._open()
        if opened.gettimeout() != timeout:  # each change is a system call
            opened.settimeout(timeout)

    def request(self, method: str, path: str, headers: "dict[str, str]", body: bytes = b"") -> bytes:
        """Return the bytes of a request."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._address}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def send_kept(self, request: bytes) -> bool:
        """Write a request over the open connection while another thread waits in `receive`; return whether it was."""
        with self._lock:
            if self._socket is None:
                return False
            try:
                self._socket.sendall(request)
            except OSError:
                try:
                    self._socket.shutdown(_socket.SHUT_RDWR)  # whoever waits in `receive` is to meet it too
                except OSError:
                    pass  # it has ended by itself
                return False
            return True

    def receive(self, path: str) -> Response:
        """Read the answer to the request that was sent last."""
        try:
            answer = read_response(self._open())
        except Exception as error:  # whatever it is, it is the answer that was not there
            self.close()
            text = str(error) if isinstance(error, (OSError, ValueError)) else described(error)
            raise ApiError(path, 0, text) from error
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    @property
    def opened(self) -> "_socket.socket | None":
        """The open connection, if there is one."""
        return self._socket

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _open(self) -> "_socket.socket":
        if self._socket is None:
            host, _, port = self._address.rpartition(":")
            opened = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            try:
                opened.settimeout(CALL_SECONDS)
                opened.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                opened.connect((host.encode(), int(port)))  # bytes: a str would load the idna codec, 8 ms
            except (OSError, ValueError):
                opened.close()
                raise
            self._socket = opened
        return self._socket


class ExtensionsApi:
    """The calls of one registered extension. The poller owns `poller`, all others share `calls`."""

    def __init__(self, address: str) -> None:
        self._calls = Connection(address)
        self._poller = Connection(address)
        self.identifier = ""
        self.account = ""  # the function's; "": not asked for, or not told
        self._next = b""  # the request `event/next`, the same each time

    def register(self, events: "tuple[str, ...]", *, ask_account: bool = False) -> None:
        """Register under NAME for `events` (INVOKE, SHUTDOWN); once again where the connection was cut."""
        headers = {"Lambda-Extension-Name": NAME}
        if ask_account:
            headers["Lambda-Extension-Accept-Feature"] = "accountId"
        body = '{"events":[' + ",".join(f'"{event}"' for event in events) + "]}"
        arguments = ("POST", f"{EXTENSION}/register", headers, body.encode())
        try:
            answer = self._calls.call(*arguments, timeout=REGISTER_SECONDS)
        except ApiError as error:
            if not isinstance(error.__cause__, OSError) or isinstance(error.__cause__, TimeoutError):
                raise
            answer = self._calls.call(*arguments, timeout=REGISTER_SECONDS)
        self.identifier = answer.headers.get("lambda-extension-identifier", "")
        if answer.status != 200 or not self.identifier:  # noqa: PLR2004 - HTTP OK
            raise ApiError("register", answer.status, _shown(answer.body))
        # Twelve digits, read without the json module, which costs 9 ms at start-up.
        told = answer.body.partition(b'"accountId"')[2].lstrip(b' \t\r\n:"')[:12]
        self.account = told.decode() if len(told) == 12 and told.isdigit() else ""  # noqa: PLR2004

    def subscribe(self, api: str, schema: str, types: "tuple[str, ...]", buffering: str, uri: str) -> "tuple[int, str]":
        """PUT one subscription; return status (0: no answer) and body. What follows from them is decided elsewhere."""
        extra = ',"method":"POST","encoding":"JSON"' if api == "logs" else ""
        body = (
            f'{{"schemaVersion":"{schema}","types":[{",".join(f"{chr(34)}{kind}{chr(34)}" for kind in types)}],'
            f'"buffering":{buffering},"destination":{{"protocol":"HTTP","URI":"{uri}"{extra}}}}}'
        )
        headers = {"Lambda-Extension-Identifier": self.identifier, "Content-Type": "application/json"}
        try:
            answer = self._calls.call("PUT", PATHS[api], headers, body.encode())
        except ApiError as error:
            return 0, error.detail
        return answer.status, _shown(answer.body)

    def finished_calls(self) -> None:
        """Close the connection for calls: after start-up only `next` is called."""
        self._calls.close()

    def ask_next(self) -> None:
        """Write `event/next` without waiting for the event: from here on the extension's part of Init is over."""
        headers = {"Lambda-Extension-Identifier": self.identifier}
        self._next = self._poller.request("GET", f"{EXTENSION}/event/next", headers)
        self._poller.send("GET", f"{EXTENSION}/event/next", headers, timeout=None)

    def ask_next_here(self) -> bool:
        """Write `event/next` over the connection on which another thread waits for the answer; whether it was written.

        If not, that thread finds the connection ended.
        """
        return self._poller.send_kept(self._next)

    @property
    def is_kept(self) -> bool:
        """Whether the connection for `event/next` has stayed open behind the last answer."""
        return self._poller.opened is not None

    def waiting(self) -> "_socket.socket | None":
        """Return the connection on which the first `event/next` waits for its answer, if it was written."""
        return self._poller.opened

    def receive_next(self) -> bytes:
        """Wait, without limit, for the event asked for. ApiError if there was no 200."""
        answer = self._poller.receive("event/next")
        if answer.status != 200:  # noqa: PLR2004 - HTTP OK
            raise ApiError("event/next", answer.status, _shown(answer.body))
        return answer.body


def _shown(body: bytes) -> str:
    """Return the beginning of an answer, for a message."""
    return body[:300].decode("utf-8", "replace")
