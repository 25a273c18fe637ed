"""A scripted Lambda API for tests: a real HTTP server with answers that a test writes down; it keeps what it was asked.

It has no rules of its own: the emulator with rules is `adaptive_batching/sandbox/`, and shares nothing with this one.
Calls are named register, telemetry, logs, next, init/error and exit/error. `event/next` blocks until the test puts an
event.
"""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = {
    "/2020-01-01/extension/register": "register",
    "/2020-01-01/extension/event/next": "next",
    "/2020-01-01/extension/init/error": "init/error",
    "/2020-01-01/extension/exit/error": "exit/error",
    "/2022-07-01/telemetry": "telemetry",
    "/2020-08-15/logs": "logs",
}
IDENTIFIER = "7f9e0c2d-3b1a-4c5d-8e6f-0a1b2c3d4e5f"
PATIENCE = 10.0  # s that a test waits for a condition before it fails


class Request(NamedTuple):
    """One call, as it came. `destination_open`: whether the port named in a subscription could be connected to."""

    call: str
    method: str
    path: str
    headers: dict[str, str]  # lower-case names
    body: bytes
    moment: float  # monotonic seconds
    destination_open: bool | None

    @property
    def json(self) -> dict[str, object]:
        """The body, parsed."""
        parsed: dict[str, object] = json.loads(self.body)
        return parsed


class Answer(NamedTuple):
    """What a call is answered with. `drop`: the connection is closed without an answer; `wait`: seconds before it."""

    status: int = 200
    body: str = '"OK"'
    drop: bool = False
    wait: float = 0.0


DROP = Answer(drop=True)
NOT_SUPPORTED = Answer(202, '{"errorMessage":"not supported","errorType":"NotSupported"}')
REGISTERED = Answer(200, '{"functionName":"orders-api","functionVersion":"$LATEST","handler":"app.handler"}')


class LambdaApi:
    """See the module. `script[call]` is a list of answers; the last one is repeated."""

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {"register": [REGISTERED], "telemetry": [Answer()], "logs": [Answer()]}
        self.requests: list[Request] = []
        self.events: queue.Queue[dict[str, object]] = queue.Queue()
        self.stopped = False
        self.waiting = self.most_waiting = 0  # calls of event/next at once; of Lambda's extensions each makes one
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def address(self) -> str:
        """As in AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[LambdaApi]:
        """Serve until the block ends."""
        self._thread.start()
        try:
            yield self
        finally:
            self.stopped = True
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def calls(self) -> list[str]:
        """The names of the calls so far, in order."""
        with self._lock:
            return [request.call for request in self.requests]

    def of(self, call: str) -> list[Request]:
        """The requests of one call so far."""
        with self._lock:
            return [request for request in self.requests if request.call == call]

    def wait_for_next(self, number: int, ended: Callable[[], object] = lambda: False) -> None:
        """Wait until `event/next` was called that often; fail at once when whoever should call it has `ended`."""
        what = f"event/next was called {number} times"
        wait_until(lambda: len(self.of("next")) >= number or ended(), what)
        assert len(self.of("next")) >= number, f"{what}: {self.calls()}, and nobody is there any more"

    def invoke(self, request_id: str, seconds: float = 30.0) -> None:
        """Answer `event/next` with INVOKE; the function times out after so many seconds."""
        arn = "arn:aws:lambda:eu-west-1:111122223333:function:orders-api"
        deadline = int((time.time() + seconds) * 1000)
        self.events.put(
            {
                "eventType": "INVOKE",
                "deadlineMs": deadline,
                "requestId": request_id,
                "invokedFunctionArn": arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-6a5f4b3c-0123456789abcdef01234567"},
            }
        )

    def shut_down(self, seconds: float = 2.0, reason: str = "spindown") -> None:
        """Answer `event/next` with SHUTDOWN."""
        deadline = int((time.time() + seconds) * 1000)
        self.events.put({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline})

    def port(self) -> int:
        """The port named in the last subscription."""
        return destination([*self.of("telemetry"), *self.of("logs")][-1])

    def deliver(self, *envelopes: dict[str, object]) -> int:
        """POST one batch to the subscriber; the status it answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=PATIENCE)
        try:
            connection.request("POST", "/", json.dumps(envelopes), {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def count_waiting(self, change: int) -> None:
        """A call of `event/next` began (1) or ceased (-1) to wait."""
        with self._lock:
            self.waiting += change
            self.most_waiting = max(self.most_waiting, self.waiting)

    def take(self, request: Request) -> Answer:
        """Keep the request; the answer that the script has for it."""
        with self._lock:
            self.requests.append(request)
            answers = self.script.get(request.call, [Answer(202, '{"status":"OK"}')])
            return answers.pop(0) if len(answers) > 1 else answers[0]


def destination(request: Request) -> int:
    """The port in a subscription's destination URI."""
    told = request.json["destination"]
    assert isinstance(told, dict)
    port = urlsplit(told["URI"]).port
    assert port is not None
    return port


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail the test if it does not within `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        time.sleep(0.005)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: LambdaApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = CALLS.get(self.path, self.path)
        request = Request(call, self.command, self.path, headers, body, time.monotonic(), None)
        if call in ("telemetry", "logs"):
            request = request._replace(destination_open=_is_open(destination(request)))
        answer: Answer | None = self.server.api.take(request)
        if answer:
            time.sleep(answer.wait)
            answer = None if answer.drop else answer
        if answer and call == "next" and answer.status in (200, 202):
            answer = self._event()
        if answer:
            self._send(answer)
        else:
            self.close_connection = True

    def _event(self) -> Answer | None:
        api = self.server.api
        api.count_waiting(1)
        try:
            while not api.stopped:
                try:
                    return Answer(200, json.dumps(api.events.get(timeout=0.02)))
                except queue.Empty:
                    continue
            return None
        finally:
            api.count_waiting(-1)

    def _send(self, answer: Answer) -> None:
        data = answer.body.encode()
        head = (
            f"HTTP/1.1 {answer.status} Scripted\r\nContent-Type: application/json\r\n"
            f"Lambda-Extension-Identifier: {IDENTIFIER}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + data)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the standard library's own names

    def log_message(self, *_: object) -> None:
        pass


def _is_open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False
