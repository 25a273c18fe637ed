"""A server between a client and moto's: it keeps what was asked, and answers itself where a test says so.

For what moto answers wrongly, for regions that fail, and to count the calls that change something.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from adaptive_batching.sandbox import http_server
from adaptive_batching.sandbox.fleet.aws.forwarding import Forward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    def __init__(self) -> None:
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
    state, forward = Between(), Forward(onward)

    def handle(request: http_server.Request) -> http_server.Answer | None:
        asked = _asked(request.method, request.path, dict(request.headers), request.body)
        state.asked.append(asked)
        own = state.answer(asked)
        return forward(request) if own is None else _wire(*own)

    server = http_server.Server(handle)
    state.endpoint = f"http://{server.address}"
    try:
        yield state
    finally:
        server.stop()


def _wire(status: int, content: Any, more: dict[str, str] | None = None) -> http_server.Answer | None:  # noqa: ANN401 - of an Answer
    if status == LOST[0]:
        return None
    if isinstance(content, bytes):
        headers, body = {"Content-Type": "text/xml"}, content
    else:
        kind = content.get("__type") if isinstance(content, dict) else None
        headers = {"Content-Type": "application/json", **({"x-amzn-ErrorType": kind} if kind else {})}
        body = json.dumps(content).encode()
    return http_server.Answer(status, body, {"Date": formatdate(usegmt=True), **headers, **(more or {})})


def _asked(method: str, path: str, headers: dict[str, str], body: bytes) -> Asked:
    lower = {name.lower(): value for name, value in headers.items()}
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", lower.get("authorization", ""))
    form = lower.get("content-type", "").startswith("application/x-www-form-urlencoded")
    action = lower.get("x-amz-target", "").rpartition(".")[2]
    if form:
        action = parse_qs(body.decode()).get("Action", [""])[0]
    region, service = scope.groups() if scope else ("", "")
    return Asked(method, path, service, region, action or f"{method} {path}", body)
