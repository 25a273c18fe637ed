"""What a program under measurement talks to: as much of Lambda as an extension needs, and an S3 that takes PutObject.

Both are plain servers on loopback, outside any CPU quota. They check nothing that the tests check already: no
signature, no protocol rule. Times are monotonic seconds.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extension.records import objects
from tests.fakes.listener import Connection, Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from urllib.parse import SplitResult

PATIENCE = 60.0  # s for whatever is waited for: something is broken if it takes longer
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:measured"


class Lambda(Listener):
    """Register, subscribe, next. `polls` gets the moment of each `event/next`."""

    def __init__(self) -> None:
        super().__init__()
        self.polls: queue.Queue[float] = queue.Queue()
        self.subscribed: queue.Queue[SplitResult] = queue.Queue()  # the subscriber's address
        self._events: queue.Queue[dict[str, object]] = queue.Queue()

    @property
    def address(self) -> str:
        """As in AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.port}"

    def serve(self, connection: Connection) -> None:
        """Answer call after call."""
        while (request := connection.head()) is not None:
            connection.body(request)
            if request.path.endswith("/event/next"):
                self.polls.put(time.monotonic())
                answer = self._next_event()
                if answer is None:
                    return
            else:
                if request.method == "PUT":
                    self.subscribed.put(urlsplit(json.loads(request.body)["destination"]["URI"]))
                answer = b'{"functionName":"measured","functionVersion":"$LATEST","handler":"app.handler"}'
            head = f"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: measured\r\nContent-Length: {len(answer)}\r\n\r\n"
            connection.send(head.encode() + answer)

    def _next_event(self) -> bytes | None:
        while not self.closing.is_set():
            with contextlib.suppress(queue.Empty):
                return json.dumps(self._events.get(timeout=0.2)).encode()
        return None

    def invoke(self, request_id: str, seconds: float = 60.0) -> None:
        """Answer `event/next` with INVOKE."""
        deadline = int((time.time() + seconds) * 1000)
        event = {"eventType": "INVOKE", "deadlineMs": deadline, "requestId": request_id, "invokedFunctionArn": ARN}
        self._events.put(event)

    def shut_down(self) -> None:
        """Answer `event/next` with SHUTDOWN."""
        deadline = int((time.time() + 2) * 1000)
        self._events.put({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": deadline})

    def next_poll(self, patience: float = PATIENCE) -> float:
        """Wait for the next `event/next` and return its moment. queue.Empty if none comes."""
        return self.polls.get(timeout=patience)

    @contextlib.contextmanager
    def subscriber(self) -> Iterator[Subscriber]:
        """Yield a connection to whoever has subscribed, as the platform keeps one."""
        address = self.subscribed.get(timeout=PATIENCE)
        with socket.create_connection(("127.0.0.1", address.port), PATIENCE) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Subscriber(plain, address.path)


class Subscriber:
    """Where batches go."""

    def __init__(self, plain: socket.socket, path: str) -> None:
        self._plain = plain
        self._path = path

    def deliver(self, body: bytes) -> None:
        """POST one batch and wait for its 200."""
        head = f"POST {self._path} HTTP/1.1\r\nHost: sandbox.localdomain\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"  # noqa: E501
        self._plain.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._plain.recv(4096) or b"\r\n\r\n"
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the subscriber answered {answer[:60]!r}")


class Store(Listener):
    """Answers each PutObject after `delay` seconds, over TLS with a `context`. `stored` gets the moment of each."""

    def __init__(self, context: ssl.SSLContext | None = None, delay: float = 0.0) -> None:
        super().__init__(context=context)
        self.delay = delay
        self.endpoint = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.stored: queue.Queue[float] = queue.Queue()
        self.puts = 0
        self.records = 0  # by the objects' own word, while it goes on
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()

    def serve(self, connection: Connection) -> None:
        """Answer PUT after PUT."""
        while (request := connection.head()) is not None:
            connection.body(request)
            if self.delay:
                time.sleep(self.delay)
            records = int(request.headers.get("x-amz-meta-records", "0"))
            with self._lock:
                self.puts += 1
                self.records += records
                self._bodies.append(request.body)
            connection.send(b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n')
            self.stored.put(time.monotonic())

    def lines(self) -> int:
        """Return how many lines of the function were stored: counted in the objects themselves."""
        with self._lock:
            records = [record for body in self._bodies for record in objects.decode(body)]
        return sum(record["type"] == "function" for record in records)

    def wait(self) -> float:
        """Wait for the next object and return its moment."""
        return self.stored.get(timeout=PATIENCE)
