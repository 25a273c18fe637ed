#!/usr/bin/env python3
"""An extension that ships what it is sent to S3 in a form of its own: one text object for each invocation.

Set BUCKET to the bucket. docs/lambda-protocol.md: section 3 (Extensions API), 5 (Telemetry API), 6 (delivery).
The request to S3 is signed as Signature Version 4 demands.
"""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import queue
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from urllib.parse import urlsplit

NAME = Path(__file__).name  # Lambda knows an extension by the name of its file
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}"
QUIET = 0.3  # seconds without a delivery after which nothing more is expected
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
lines: queue.Queue[str] = queue.Queue()


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes in what Lambda POSTs: a JSON array of records."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Keep the records as lines of text and acknowledge them."""
        batch = self.rfile.read(int(self.headers["Content-Length"]))
        for record in json.loads(batch):
            lines.put(f"{record['time']} {record['type']} {record['record']!r}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing for each request."""


def call(method: str, path: str, headers: dict[str, str], body: object = None) -> tuple[str, dict[str, object]]:
    """Return the identifier in the answer's headers, and its body if that is an object."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)
    with NO_PROXY.open(request) as answer:  # without a timeout: the environment is frozen inside event/next
        content = json.loads(answer.read())
        return answer.headers.get("Lambda-Extension-Identifier", ""), content if isinstance(content, dict) else {}


def put(key: str, body: bytes) -> None:
    """Store an object. Raises OSError if S3 does not take it."""
    region = os.environ["AWS_REGION"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or f"https://s3.{region}.amazonaws.com"
    url = f"{endpoint}/{os.environ['BUCKET']}/{key}"
    moment, digest = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256(body).hexdigest()
    headers = {"host": urlsplit(url).netloc, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    signed = [f"{name}:{headers[name]}" for name in sorted(headers)]
    request = "\n".join(["PUT", urlsplit(url).path, "", *signed, "", names, digest])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    signature = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for text in (
        *scope.split("/"),
        f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}",
    ):
        signature = hmac.new(signature, text.encode(), "sha256").digest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["content-type"] = "text/plain"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature.hex()}"
    )
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=1).close()


def ship(wait: float, until: float) -> None:
    """Store what has arrived, and what arrives at most `wait` seconds after the line before it and before `until`."""
    text = ""
    while True:
        try:
            text += lines.get(timeout=max(0.0, min(wait, until - time.time()))) if wait else lines.get_nowait()
        except queue.Empty:
            break
    if text:
        put(f"own/{uuid.uuid4()}.txt", text.encode())


def main() -> None:
    """Register, listen, subscribe, then ship at each INVOKE and at SHUTDOWN."""
    extension, _ = call(
        "POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": NAME}, {"events": ["INVOKE", "SHUTDOWN"]}
    )
    me = {"Lambda-Extension-Identifier": extension}
    server = http.server.ThreadingHTTPServer(("", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subscription = {
        "schemaVersion": "2022-12-13",
        "types": ["platform", "function"],
        "buffering": {"timeoutMs": 25, "maxBytes": 262144, "maxItems": 1000},
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}/"},
    }
    call("PUT", "/2022-07-01/telemetry", me, subscription)
    while True:
        _, event = call("GET", "/2020-01-01/extension/event/next", me)
        if event["eventType"] == "SHUTDOWN":
            ship(QUIET, int(str(event["deadlineMs"])) / 1000 - 0.5)  # the last lines may come after the event
            return
        ship(0, 0)


if __name__ == "__main__":
    main()
