"""A web application with a script: a real HTTP server whose answers the test computes, from any thread.

with application(lambda seen: (202, b"{}")) as web:
    requests.post(f"{web.url}/sessions")
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Seen:
    """A request. `at` is in monotonic seconds; `number` counts from 0."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Web:
    """What was requested, and the end, for which an answer may wait."""

    answering: Callable[[Seen], tuple[int, bytes] | None]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ending: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= count, 60)


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with self.web.changed:
            number = len(self.web.seen)
            seen = Seen(number, self.command, self.path, dict(self.headers.items()), body, time.monotonic())
            self.web.seen.append(seen)
            self.web.changed.notify_all()
        answer = self.web.answering(seen)
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n"
        try:
            self.connection.sendall(head.encode() + content)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512


@contextmanager
def application(answering: Callable[[Seen], tuple[int, bytes] | None]) -> Iterator[Web]:
    web = Web(answering)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    with serving(server) as web.url:
        try:
            yield web
        finally:
            web.ending.set()
