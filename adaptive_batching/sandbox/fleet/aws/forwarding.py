"""Hands on to moto's server what is not Lambda's, so that one address stands for every service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from adaptive_batching.sandbox.http_server import LOOPBACK, Answer

if TYPE_CHECKING:
    from adaptive_batching.sandbox.http_server import Request

#: The credential scope of a signature: key, day, region, service.
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]+/([a-z0-9-]+)/aws4_request")
#: A path of Lambda's API begins with the date of its version.
_DATED = re.compile(r"/20\d\d-\d\d-\d\d/.+")
LAMBDA = "lambda"
_SECONDS = 60
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server", "content-encoding"}


def is_lambdas(authorization: str | None, path: str) -> bool:
    """Return whether a request is for Lambda: by its signature, without one by its path. Pure."""
    if found := _SCOPE.search(authorization or ""):
        return found[1] == LAMBDA
    return bool(_DATED.fullmatch(urlsplit(path).path))


class Forward:
    """Sends requests to `upstream`, a URL, and returns its answers. Thread-safe."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream

    def __call__(self, request: Request) -> Answer:
        """Return the answer to a request."""
        with requests.Session() as session:  # one for each: a session is not thread-safe
            session.trust_env = False
            answer = session.request(
                request.method,
                self._upstream + request.path,
                data=request.body,
                headers={name: value for name, value in request.headers.items() if _is_kept(name, value)},
                timeout=_SECONDS,
                allow_redirects=False,
            )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        if request.method != "HEAD":
            kept.pop("Content-Length", None)
        return Answer(answer.status_code, answer.content, kept)


def _is_kept(name: str, value: str) -> bool:
    """Return whether a header is handed on. The Host is, where it is one that moto's server takes: URLs contain it."""
    if name.lower() == "host":
        return value.partition(":")[0].lower() in LOOPBACK
    return name.lower() not in {*_HOP_BY_HOP, "content-length"} - {"content-encoding"}
