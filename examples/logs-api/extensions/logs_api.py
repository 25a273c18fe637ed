#!/usr/bin/env python3
"""An extension that subscribes by the Logs API (version 2020-08-15) and counts what it is sent.

docs/lambda-protocol.md: section 3 (Extensions API), 4 (Logs API), 6 (delivery).
"""

from __future__ import annotations

import collections
import http.server
import json
import os
import threading
import time
import urllib.request
from pathlib import Path

NAME = Path(__file__).name  # Lambda knows an extension by the name of its file
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}"
QUIET = 0.3  # seconds without a delivery after which nothing more is expected
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
counts: collections.Counter[str] = collections.Counter()
arrived = threading.Event()


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes in what Lambda POSTs: a JSON array of records."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Count the records and acknowledge them."""
        batch = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        counts.update(record["type"] for record in json.loads(batch))
        arrived.set()

    def log_message(self, *_: object) -> None:
        """Write nothing for each request."""


def call(method: str, path: str, headers: dict[str, str], body: object = None) -> tuple[str, dict[str, object]]:
    """Return the identifier in the answer's headers, and its body if that is an object."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)
    with NO_PROXY.open(request) as answer:  # without a timeout: the environment is frozen inside event/next
        content = json.loads(answer.read())
        return answer.headers.get("Lambda-Extension-Identifier", ""), content if isinstance(content, dict) else {}


def main() -> None:
    """Register, listen, subscribe, then take events until SHUTDOWN."""
    extension, _ = call(
        "POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": NAME}, {"events": ["SHUTDOWN"]}
    )
    me = {"Lambda-Extension-Identifier": extension}
    server = http.server.ThreadingHTTPServer(("", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subscription = {
        "schemaVersion": "2021-03-18",
        "types": ["platform", "function"],
        "buffering": {"timeoutMs": 100, "maxBytes": 262144, "maxItems": 1000},
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}/"},
    }
    call("PUT", "/2020-08-15/logs", me, subscription)
    event: dict[str, object] = {}
    while event.get("eventType") != "SHUTDOWN":
        _, event = call("GET", "/2020-01-01/extension/event/next", me)
    deadline = int(str(event["deadlineMs"])) / 1000 - 0.5
    while time.time() < deadline and arrived.wait(QUIET):  # the last lines may come after the event
        arrived.clear()
    print(f"{NAME}: {sum(counts.values())} records: {json.dumps(counts, sort_keys=True)}", flush=True)


if __name__ == "__main__":
    main()
