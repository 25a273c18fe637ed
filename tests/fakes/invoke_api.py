"""An Invoke API with a script: a real HTTP server that answers what the test lists, then 200 for ever."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

DROP = "the connection is closed without an answer"
FAILED = "the function failed"
NAMELESS = "accepted without an id"
GARBLED = "an error that nobody can read"


@dataclass
class Script:
    """`answers`: statuses, or one of the words above. `ids` and `payloads`: of what was accepted, in this order."""

    answers: list[int | str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    payloads: list[dict[str, float]] = field(default_factory=list)
    kinds: list[str | None] = field(default_factory=list)
    calls: int = 0
    together: int = 0
    most_together: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    gate: threading.Event = field(default_factory=threading.Event)
    endpoint: str = ""


class _Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.script.lock:
            self.script.calls += 1
            self.script.together += 1
            self.script.most_together = max(self.script.together, self.script.most_together)
            answer = self.script.answers.pop(0) if self.script.answers else 200
        self.script.gate.wait(30)
        with self.script.lock:
            self.script.together -= 1
        if answer == DROP:
            self.close_connection = True
            return
        self._answer(answer, body)

    def _answer(self, answer: int | str, body: bytes) -> None:
        kind = self.headers.get("X-Amz-Invocation-Type")
        status = answer if isinstance(answer, int) else 500 if answer == GARBLED else 200
        if status == 200 and kind == "Event":
            status = 202
        identity, reply = str(uuid.uuid4()), b"" if status == 202 else b"{}"
        if status < 300:
            with self.script.lock:
                self.script.ids.append(identity)
                self.script.payloads.append(json.loads(body))
                self.script.kinds.append(kind)
        if answer == FAILED:
            reply = b'{"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}'
        if answer == GARBLED:
            reply = b"[1]"
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        if answer != NAMELESS:
            self.send_header("x-amzn-RequestId", identity)
        if answer == FAILED:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def lambda_api(*answers: int | str, gated: bool = False) -> Iterator[Script]:
    """Serve; with `gated` nothing is answered until the script's gate is opened."""
    script = Script(list(answers))
    if not gated:
        script.gate.set()

    class Scripted(_Handler):
        pass

    Scripted.script = script
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    with serving(server) as script.endpoint:
        try:
            yield script
        finally:
            script.gate.set()
