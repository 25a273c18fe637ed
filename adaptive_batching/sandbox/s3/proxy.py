"""A proxy in front of an S3. It injects the faults that strike PUTs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import requests

from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.http_server import Answer, Request, Server

if TYPE_CHECKING:
    from adaptive_batching.sandbox.faults import Faults

#: Seconds by which a slow answer is late, and seconds of silence before a connection is closed.
SLOW, SILENCE = 1.0, 10.0
#: Fault -> status and S3 error code.
_REFUSALS = {"s3-500": (500, "InternalError"), "s3-503": (503, "SlowDown"), "s3-403": (403, "AccessDenied")}
_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}


class S3Proxy:
    """Forwards requests to `upstream` (a URL). `puts` lists the path and the fault (or "") of each PUT, in order."""

    def __init__(self, upstream: str, faults: Faults) -> None:
        self.puts: list[tuple[str, str]] = []
        self._upstream = upstream
        self._faults = faults
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = False
        self._server = Server(self._handle, names=(S3_NAME,))

    @property
    def endpoint(self) -> str:
        """The URL of the proxy."""
        return f"http://{self._server.address}"

    def stop(self) -> None:
        """Stop the proxy and end the connections that are waiting."""
        self._stopped.set()
        self._server.stop()
        self._session.close()

    def _handle(self, request: Request) -> Answer | None:
        if request.method != "PUT":
            return self._forward(request)
        fault = next((name for name in _ORDER if self._faults.strikes(name)), "")
        self.puts.append((request.path, fault))
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            body = f"<Error><Code>{code}</Code><Message>made to fail</Message></Error>"
            return Answer(status, body.encode(), {"Content-Type": "application/xml"})
        if fault in {"s3-drop-before", "s3-black-hole"}:
            self._stopped.wait(SILENCE if fault == "s3-black-hole" else 0)
            return None
        if fault == "freeze-upload":
            self._faults.await_freeze(SILENCE)
        answer = self._forward(request)
        if fault in {"s3-drop-after", "s3-stall-after"}:
            self._stopped.wait(SILENCE if fault == "s3-stall-after" else 0)
            return None
        self._stopped.wait(SLOW if fault == "s3-slow" else 0)
        return answer

    def _forward(self, request: Request) -> Answer:
        answer = self._session.request(
            request.method,
            self._upstream + request.path,
            data=request.body,
            headers={name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP},
            timeout=30,
            allow_redirects=False,
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        kept.pop("Content-Encoding", None)
        return Answer(answer.status_code, answer.content, kept)


_ORDER = (*_REFUSALS, "s3-drop-before", "s3-black-hole", "s3-drop-after", "s3-stall-after", "s3-slow", "freeze-upload")
