"""A server between a client and an S3: counts what is asked for, and refuses what a test says."""

from __future__ import annotations

from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.network.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Between:
    """`lists` and `gets` are the requests in order: prefixes with what else was asked, and keys.

    `refuse` gets a key, or "" for a listing, and returns a status to answer instead of the S3, or 0. `cut` gets a key,
    and returns whether the connection ends in the middle of the object.
    """

    def __init__(self, onward: str) -> None:
        self.onward = urlsplit(onward)
        self.lists: list[dict[str, str]] = []
        self.gets: list[str] = []
        self.refuse: Callable[[str], int] = lambda _key: 0
        self.cut: Callable[[str], bool] = lambda _key: False
        self.endpoint = ""

    def forget(self) -> None:
        self.lists.clear()
        self.gets.clear()

    def environ(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_S3": self.endpoint}


@contextmanager
def between(onward: str) -> Iterator[Between]:
    """A server on a free port of the loopback."""
    state = Between(onward)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        _cut = False

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            key = unquote(url.path).lstrip("/").partition("/")[2]
            if "list-type" in asked:
                state.lists.append(asked)
            else:
                state.gets.append(key)
            status = state.refuse("" if "list-type" in asked else key)
            if status:
                self._answer(status, b"", {})
                return
            connection = HTTPConnection(state.onward.hostname or "", state.onward.port, timeout=10)
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            self._cut = "list-type" not in asked and state.cut(key)
            self._answer(answer.status, body, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP})
            connection.close()

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self._cut else body)
            self.close_connection = self.close_connection or self._cut

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as state.endpoint:
        yield state
