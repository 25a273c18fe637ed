"""As much of a Lambda environment as an extension needs to start, to get one batch and to leave."""

import json
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread
from typing import Self
from urllib.parse import urlsplit

IDENTIFIER = "an-identifier"


class RuntimeApi(ThreadingHTTPServer):
    """Accepts a registration and a subscription, and then says nothing until `over` is set: SHUTDOWN."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.registered: Queue[str] = Queue()
        self.subscribed: Queue[str] = Queue()  # where to deliver to
        self.polled: Queue[str] = Queue()
        self.over = Event()

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def environ(self) -> dict[str, str]:
        """What Lambda tells an extension."""
        return {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "demo",
            "AWS_REGION": "eu-west-1",
            "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": "bucket",
            "ADAPTIVE_BATCHING_EXTENSION_PORT": "0",
        }

    def deliver(self, records: list[dict[str, object]]) -> None:
        """Post one batch to the subscriber, on this machine whatever name it gave."""
        address = urlsplit(self.subscribed.get(timeout=20))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(
            f"http://127.0.0.1:{address.port}{address.path}", json.dumps(records).encode(), timeout=20
        ) as answer:
            assert answer.status == 200


class Answer(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.registered.put(self.headers["Lambda-Extension-Name"])
        body = b'{"functionName":"demo","functionVersion":"$LATEST","handler":"app.handler"}'
        self._send(body, {"Lambda-Extension-Identifier": IDENTIFIER})

    def do_PUT(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.subscribed.put(wanted["destination"]["URI"])
        self._send(b'"OK"', {})

    def do_GET(self) -> None:
        self.server.polled.put(self.headers["Lambda-Extension-Identifier"])
        self.server.over.wait(60)
        deadline = int(time.time() * 1000) + 2000
        self._send(b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":%d}' % deadline, {})

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
