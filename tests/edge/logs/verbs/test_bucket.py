"""The commands on a bucket: what they find is what they find in a folder; `tail -f` outlives an S3 that fails."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from adaptive_batching.cli import main
from tests.documents.conference import REFUSED, ident, write
from tests.edge.logs.verbs.test_tail import Tail
from tests.fakes.network.serving import serving
from tests.fakes.s3 import Moto, clean_environ, moto
from tests.fakes.shipped import Shipped, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conference")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def bucket() -> Iterator[Moto]:
    with moto() as server:
        yield server


def put(server: Moto, folder: Path, prefix: str) -> str:
    """Put all objects of a folder below a prefix. Return the SOURCE."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            key = f"{prefix}/{file.relative_to(folder)}"
            server.client().put_object(Bucket=server.bucket, Key=key, Body=file.read_bytes())
    return f"s3://{server.bucket}/{prefix}/"


@pytest.fixture
def source(bucket: Moto, conference: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name, value in {**bucket.environ(), "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return put(bucket, conference, "conference")


COMMANDS: dict[str, list[str]] = {
    "search": ["--format", "csv"],
    "search raw": ["--format", "raw", "--level", "warn"],
    "invocations": ["--format", "csv"],
    "trace": [ident(f"session {REFUSED}")],
    "query": ["stats count(*), pct(@duration, 95) by @log", "--format", "json"],
    "sql": ["select function, sum(lines) from objects group by all order by all"],
    "tail": ["-n", "100"],
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_bucket_has_what_a_folder_has(
    case: str, source: str, conference: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["logs", case.partition(" ")[0], *COMMANDS[case]]
    assert main([*words, str(conference)]) == 0
    folder = capfd.readouterr().out
    assert main([*words, "--since", "2026-11-20", "--slack", "300d", source]) == 0
    assert capfd.readouterr().out == folder
    assert folder


def test_fetch_copies_a_bucket_byte_for_byte(source: str, conference: Path, tmp_path: Path) -> None:
    assert main(["logs", "fetch", "--into", str(tmp_path / "copy"), "--since", "2026-11-20", source]) == 0

    def files(folder: Path) -> dict[str, bytes]:
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert files(tmp_path / "copy/conference") == files(conference)


class Front:
    """A server in front of S3 that answers 500 while `fails` is set."""

    def __init__(self, behind: str) -> None:
        self.fails = threading.Event()
        self.failed = threading.Semaphore(0)
        self.address = urlsplit(behind)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        front: Front = self.server.front  # type: ignore[attr-defined]
        if front.fails.is_set():
            self._answer(500, b"<Error><Code>InternalError</Code><Message>once</Message></Error>")
            front.failed.release()
            return
        connection = http.client.HTTPConnection(front.address.hostname or "", front.address.port, timeout=SECONDS)
        connection.request("GET", self.path, headers=dict(self.headers))
        answer = connection.getresponse()
        self._answer(answer.status, answer.read(), dict(answer.headers))
        connection.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def in_front_of(server: Moto) -> Iterator[tuple[Front, str]]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    front = Front(server.endpoint)
    httpd.front = front  # type: ignore[attr-defined]
    with serving(httpd) as url:
        yield front, url


def test_tail_goes_on_after_an_s3_that_failed(bucket: Moto, tmp_path: Path) -> None:
    ship = Shipped(tmp_path / "one", "orders", "e-orders")
    ship(text("one", request="r"))
    source = put(bucket, tmp_path / "one", "tail")
    with in_front_of(bucket) as (front, endpoint):
        environ = {**bucket.environ(), "AWS_ENDPOINT_URL_S3": endpoint, "AWS_MAX_ATTEMPTS": "1"}
        environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
        tail = Tail("--since", "2026-11-20", "--slack", "300d", source, **{**clean_environ(), **environ})
        try:
            assert tail.printed() == "orders         one"
            front.fails.set()
            assert "trying again" in tail.says("trying again")
            ship.folder = tmp_path / "two"
            ship(text("two", request="r"))
            put(bucket, tmp_path / "two", "tail")
            assert front.failed.acquire(timeout=SECONDS)
            front.fails.clear()
            tail.says("can be read again")
            assert tail.printed() == "orders         two"
            assert tail.interrupt() == 130
            tail.says("complete: 2 lines of 1 environment, none missing")
        finally:
            tail.close()
