"""Gives moto the requests of all services but S3 one at a time: its queues and streams are not made for threads.

Two deletions at once bring a message back, a deletion and a sending at once lose one, and two writes at once give two
records of a stream the same number. A request for messages waits here, not in moto, so that others go on meanwhile.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]+/([a-z0-9-]+)/aws4_request")
#: The target of a request for messages, and its member with the seconds to wait.
_RECEIVE, _WAIT = "AmazonSQS.ReceiveMessage", "WaitTimeSeconds"
#: What the targets of requests begin with that send messages to one queue, and of those that send none.
_SEND, _QUIET = "AmazonSQS.SendMessage", ("AmazonSQS.", "DynamoDB", "GraniteServiceVersion")
#: Seconds after which a request that waits looks again, because a message may have become visible.
_LOOK = 0.25


def one_at_a_time(application: WSGIApplication) -> WSGIApplication:
    """Return the application with a lock around what is not for S3."""
    changed = threading.Condition()
    sent: Counter[str] = Counter()  # queue -> how often it may have got a message; "" stands for every queue

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if service(environ.get("HTTP_AUTHORIZATION")) in {"", "s3"}:
            return application(environ, start)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        target = str(environ.get("HTTP_X_AMZ_TARGET"))
        with changed:
            if target == _RECEIVE:
                return receive(environ, start, json.loads(body))
            words, found = ask(environ, body)
            if target.startswith(_SEND):
                sent[str(json.loads(body).get("QueueUrl"))] += 1
                changed.notify_all()
            elif not target.startswith(_QUIET):
                sent[""] += 1
                changed.notify_all()
        start(*words)
        return found

    def ask(environ: WSGIEnvironment, body: bytes) -> tuple[tuple[Any, ...], list[bytes]]:
        """Return the words with which the application starts its answer, and the answer."""
        said: list[tuple[Any, ...]] = []
        surroundings = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        answered = application(surroundings, lambda *words: said.append(words))  # type: ignore[arg-type]
        try:
            return said[0], list(answered)
        finally:
            getattr(answered, "close", lambda: None)()

    def receive(environ: WSGIEnvironment, start: StartResponse, document: dict[str, Any]) -> list[bytes]:
        deadline = time.monotonic() + float(document.get(_WAIT) or 0)
        body = json.dumps({**document, _WAIT: 0}).encode()
        queue = str(document.get("QueueUrl"))
        while True:
            before = sent[queue], sent[""]
            words, found = ask(environ, body)
            left = deadline - time.monotonic()
            if left <= 0 or b'"Messages"' in b"".join(found) or not str(words[0]).startswith("200"):
                start(*words)
                return found
            changed.wait_for(lambda: (sent[queue], sent[""]) != before, min(left, _LOOK))  # noqa: B023 - called at once

    return answer


def service(authorization: str | None) -> str:
    """Return the service that a signature is for, "" without one. Pure."""
    found = _SCOPE.search(authorization or "")
    return found[1] if found else ""
