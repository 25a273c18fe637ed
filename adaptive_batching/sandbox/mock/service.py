"""The mock as a server: mappings are answered, requests are kept, and WireMock's administration is served."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from adaptive_batching.sandbox.http_server import Answer, Server
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.stubs import Mapping, Stub, StubError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaptive_batching.sandbox.http_server import Request

#: Requests that are kept; of further ones the oldest is dropped. All are counted.
KEPT = 10_000
_ADMIN = "/__admin"
_JSON = {"Content-Type": "application/json"}


class Mock:
    """A mock of a web service on 127.0.0.1. As a context manager it ends with the block.

    `told` is called with a line for each request. Raises OSError if the port cannot be listened on.
    """

    def __init__(
        self,
        mappings: Sequence[Mapping] = (),
        port: int = 0,
        *,
        seed: int = 0,
        hosts: Sequence[str] = (),
        kept: int = KEPT,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._first = [_stub(one) for one in mappings]
        self._stubs = list(self._first)
        self._journal: deque[dict[str, Any]] = deque(maxlen=kept)
        self._random = random.Random(seed)  # noqa: S311 - delays are no secret
        self._lock = threading.Lock()
        self._told = told
        self.received = 0
        self.unmatched = 0
        self._server = Server(self._handle, port, hosts)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self._server.address}"

    def stop(self) -> None:
        """End it, and every connection."""
        self._server.stop()

    def __enter__(self) -> Self:
        """Return it: it serves already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests that are kept, oldest first, as WireMock describes them."""
        with self._lock:
            return [entry["request"] for entry in self._journal]

    def _handle(self, request: Request) -> Answer:
        path = request.path.partition("?")[0].rstrip("/")
        if path == _ADMIN or path.startswith(f"{_ADMIN}/"):
            return self._administer(request.method, path.removeprefix(_ADMIN).strip("/"), request.body)
        with self._lock:
            stub = stubs.chosen(self._stubs, request.method, request.path)
            status = stub.mapping.response.status if stub else 404
            self.received += 1
            self.unmatched += stub is None
            self._journal.append(_entry(request, self.url, status, stub))
            delay = stub.mapping.response.delay(self._random) if stub else 0.0
        self._told(f"{request.method} {request.path}  {status}" + ("" if stub else "  no mapping matches"))
        if stub is None:
            return Answer(status, b"No mapping matches the request\n", {"Content-Type": "text/plain"})
        time.sleep(delay)
        response = stub.mapping.response
        body = response.content
        headers = {}
        if request.method == "HEAD" or status in (204, 304):
            headers = {"Content-Length": str(len(body))} if request.method == "HEAD" else {}
            body = b""
        return Answer(status, body, headers, more=response.sent_headers)

    def _administer(self, method: str, what: str, body: bytes) -> Answer:
        with self._lock:
            match method, what.split("/"):
                case "POST", ["mappings"]:
                    return self._add(body)
                case "GET", ["mappings"]:
                    found = [stub.as_json() for stub in reversed(self._stubs)]
                    return _answer({"mappings": found, "meta": {"total": len(found)}})
                case "DELETE", ["mappings"]:
                    self._stubs.clear()
                case "DELETE", ["mappings", id_]:
                    self._stubs = [stub for stub in self._stubs if stub.id != id_]
                case "POST", ["mappings", "reset"]:
                    self._stubs = list(self._first)
                case "GET", ["requests"]:
                    entries = list(reversed(self._journal))
                    total = {"total": self.received}
                    return _answer({"requests": entries, "meta": total, "requestJournalDisabled": False})
                case "DELETE", ["requests"]:
                    self._forget()
                case "POST", ["reset"]:
                    self._stubs = list(self._first)
                    self._forget()
                case _:
                    return _answer({"errors": [{"code": 404, "title": f"{method} {_ADMIN}/{what} is not served"}]}, 404)
            return _answer({})

    def _add(self, body: bytes) -> Answer:
        try:
            added = [_stub(one) for one in stubs.read(body)]
        except StubError as error:
            return _answer({"errors": [{"code": 10, "title": str(error)}]}, 422)
        self._stubs = [stub for stub in self._stubs if stub.id not in {one.id for one in added}] + added
        return _answer(added[0].as_json() if len(added) == 1 else {"mappings": [one.as_json() for one in added]}, 201)

    def _forget(self) -> None:
        self._journal.clear()
        self.received = self.unmatched = 0


def _stub(mapping: Mapping) -> Stub:
    return Stub(mapping.id or mapping.uuid or str(uuid.uuid4()), mapping)


def _answer(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), _JSON)


def _entry(request: Request, url: str, status: int, stub: Stub | None) -> dict[str, Any]:
    """Return a request as WireMock's journal has it."""
    now = datetime.now(UTC)
    return {
        "id": str(uuid.uuid4()),
        "request": {
            "url": request.path,
            "absoluteUrl": f"{url}{request.path}",
            "method": request.method,
            "headers": dict(request.headers.items()),
            "body": request.body.decode("utf-8", "replace"),
            "bodyAsBase64": base64.b64encode(request.body).decode("ascii"),
            "loggedDate": int(now.timestamp() * 1000),
            "loggedDateString": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
        "responseDefinition": {"status": status},
        "wasMatched": stub is not None,
        **({"stubMapping": {"id": stub.id}} if stub else {}),
    }
