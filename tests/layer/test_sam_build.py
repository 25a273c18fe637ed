import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from tests.layer.conftest import NAME, ROOT


class RuntimeApi(ThreadingHTTPServer):
    """Accepts a registration, and then keeps every other call waiting until it is told to say SHUTDOWN."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.registered: Queue[str] = Queue()
        self.polled: Queue[str] = Queue()
        self.over = Event()


class Answer(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.registered.put(self.headers["Lambda-Extension-Name"])
        body = b'{"functionName":"demo","functionVersion":"$LATEST","handler":"app.handler"}'
        self._send(200, body, {"Lambda-Extension-Identifier": "an-identifier"})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200, b'"OK"', {})

    def do_GET(self) -> None:
        self.server.polled.put(self.headers["Lambda-Extension-Identifier"])
        self.server.over.wait(30)
        self._send(200, b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":4102444800000}', {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `sam build` left, made without network settings, credentials or a PATH of one's own."""
    target = tmp_path_factory.mktemp("sam")
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(target / "home"), "SAM_CLI_TELEMETRY": "0"}
    # No index: what the layer needs was fetched by `make layer` already.
    environ["PIP_NO_INDEX"] = "1"
    (target / "home").mkdir()
    command = [str(ROOT / "build" / "sam" / "bin" / "sam"), "build", "--build-dir", str(target / "build")]
    ran = subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return target / "build"


def test_sam_builds_the_tree_that_make_layer_builds(built: Path, opt: Path) -> None:
    def files(tree: Path) -> dict[str, bytes]:
        return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    assert files(built / "AdaptiveBatchingLayer") == files(opt)


def test_the_built_layer_starts_registers_polls_and_leaves_at_shutdown(built: Path, tmp_path: Path) -> None:
    api = RuntimeApi()
    Thread(target=api.serve_forever, daemon=True).start()
    launcher = built / "AdaptiveBatchingLayer" / "extensions" / NAME
    environ = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "demo",
        "AWS_REGION": "eu-north-1",
        "TMPDIR": str(tmp_path),
        f"{NAME.upper().replace('-', '_')}_S3_BUCKET": "bucket",
    }
    with subprocess.Popen([launcher], env=environ, stderr=subprocess.PIPE, text=True) as extension:
        try:
            assert api.registered.get(timeout=20) == NAME
            assert api.polled.get(timeout=20) == "an-identifier"
            api.over.set()
            _, said = extension.communicate(timeout=20)
        finally:
            extension.kill()
            api.shutdown()
            api.server_close()
    assert extension.returncode == 0
    # The loop of last resort polls just as well; it says so.
    assert "nothing is shipped" not in said
