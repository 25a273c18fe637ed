"""A server between a client and moto's: it keeps what was asked, and answers itself where a test says so.

For what moto answers wrongly, for regions that fail, and to count the calls that change something.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}
_READING = re.compile(r"(Get|List|Describe|Simulate|Filter|Batch|Head)")


@dataclass(frozen=True)
class Asked:
    """One request. `action` is the operation of a query or JSON protocol, else method and path."""

    method: str
    path: str
    service: str
    region: str
    action: str
    body: bytes

    @property
    def changes(self) -> bool:
        """Whether a call of this kind changes something."""
        if self.action != f"{self.method} {self.path}":
            return not _READING.match(self.action)
        return self.method not in ("GET", "HEAD")


#: A status, a body to be sent as JSON or as it is, and perhaps headers.
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
#: The connection is closed instead.
LOST: Answer = (0, None)


def refusal(status: int, code: str, message: str = "No.") -> Answer:
    """AWS's refusal in the JSON protocols."""
    return status, {"__type": code, "Type": "User", "Code": code, "Message": message, "message": message}


def denial(code: str, message: str) -> Answer:
    """IAM's refusal."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return 403, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


class Between:
    """`asked` are the requests in order. `answer` gets each, and returns what is answered instead of moto, or None."""

    def __init__(self, onward: str) -> None:
        self.onward = urlsplit(onward)
        self.endpoint = ""
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer | None] = lambda _asked: None

    @property
    def changes(self) -> list[str]:
        """The actions that changed something, in order."""
        return [one.action for one in self.asked if one.changes]

    def forget(self) -> None:
        """Keep nothing of what was asked, and answer nothing any more."""
        self.asked.clear()
        self.answer = lambda _asked: None


@contextmanager
def between(onward: str) -> Iterator[Between]:
    """A server on a free port of the loopback."""
    state = Between(onward)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = _asked(self.command, self.path, dict(self.headers), body)
            state.asked.append(asked)
            own = state.answer(asked)
            self._send(*(_forwarded(state, asked, dict(self.headers)) if own is None else _wire(*own)))

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - do_GET, do_POST and so on are one
            if name.startswith("do_"):
                return self.handle_one
            raise AttributeError(name)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            if status == LOST[0]:
                self.close_connection = True
                return
            start = self.send_response_only if "Date" in headers else self.send_response  # which writes a date itself
            start(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as state.endpoint:
        yield state


def _forwarded(state: Between, asked: Asked, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
    connection = HTTPConnection(state.onward.hostname or "", state.onward.port, timeout=30)
    connection.request(asked.method, asked.path, body=asked.body, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}


def _wire(status: int, content: Any, more: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:  # noqa: ANN401 - of an Answer
    more = more or {}
    if isinstance(content, bytes):
        return status, content, {"Content-Type": "text/xml", **more}
    kind = content.get("__type") if isinstance(content, dict) else None
    headers = {"Content-Type": "application/json", **({"x-amzn-ErrorType": kind} if kind else {})}
    return status, json.dumps(content).encode(), {**headers, **more}


def _asked(method: str, path: str, headers: dict[str, str], body: bytes) -> Asked:
    lower = {name.lower(): value for name, value in headers.items()}
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", lower.get("authorization", ""))
    form = lower.get("content-type", "").startswith("application/x-www-form-urlencoded")
    action = lower.get("x-amz-target", "").rpartition(".")[2]
    if form:
        action = parse_qs(body.decode()).get("Action", [""])[0]
    region, service = scope.groups() if scope else ("", "")
    return Asked(method, path, service, region, action or f"{method} {path}", body)
