"""A webhook on a real socket: it keeps what it was sent, and answers what the test says, then 200."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Answers: the connection is closed without one; one does not come before the test ends.
DROP, HANG = 0, -1


@dataclass
class Webhook:
    """`answers`: statuses, DROP or HANG. `texts`: of the messages that were taken; `refused`: of the others."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    hook: Webhook

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        answer = self.hook.answers.pop(0) if self.hook.answers else 200
        self.hook.arrived.set()
        (self.hook.texts if answer == 200 else self.hook.refused).append(text)
        if answer == HANG:
            self.hook.over.wait(60)
        if answer in (DROP, HANG):
            return
        self.send_response(answer)
        if answer in (301, 302, 307):
            self.send_header("Location", f"{self.hook.url}elsewhere")
        self.end_headers()
        self.wfile.write(b"ok" if answer == 200 else b"invalid_payload")

    def do_GET(self) -> None:  # where a redirected POST would arrive
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hook": hook}))
    with serving(server) as url:
        hook.url = f"{url}/services/secret"
        try:
            yield hook
        finally:
            hook.over.set()
