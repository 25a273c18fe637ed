"""moto's server on loopback, as `python -m` runs it, for this machine's programs and not for web pages.

It is `python -m moto.server`, but refuses what `http_server` refuses: a Host that does not name it, and the Origin of
another page. What the embedded S3 holds are logs.

SQS keeps the header X-Amzn-Trace-Id of SendMessage, which SDKs send from within Lambda, as the message's system
attribute AWSTraceHeader (SQS developer guide, "message system attributes"). moto does not; that is added here.
"""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.http_server import LOOPBACK, stranger
from adaptive_batching.sandbox.s3.one_at_a_time import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

NAMES = LOOPBACK | {S3_NAME}


def guarded(application: WSGIApplication) -> WSGIApplication:
    """Return the application without requests that web pages of other servers may have made."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        own = next((name for name in NAMES if host and host.partition(":")[0].lower().endswith(f".{name}")), None)
        names = frozenset({host.partition(":")[0].lower()}) if own and host else NAMES  # BUCKET.localhost
        if why := stranger(host, environ.get("HTTP_ORIGIN"), names):
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [f"{why}\n".encode()]
        _keep_trace(environ)
        return application(environ, start)

    return answer


def with_trace(body: bytes, trace: str) -> bytes:
    """Return the body of a SendMessage with the trace header of its request, unless it has one itself. Pure."""
    document = json.loads(body)
    attributes = document.setdefault("MessageSystemAttributes", {})
    attributes.setdefault("AWSTraceHeader", {"DataType": "String", "StringValue": trace})
    return json.dumps(document).encode()


def _keep_trace(environ: WSGIEnvironment) -> None:
    trace = environ.get("HTTP_X_AMZN_TRACE_ID")
    if trace and environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.SendMessage":
        body = with_trace(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)), unquote(trace))
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def main() -> None:
    """Serve on the port that the only argument names, until the process is killed."""
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple(
        "127.0.0.1", int(sys.argv[1]), guarded(one_at_a_time(moto)), threaded=True, request_handler=MotoRequestHandler
    )


if __name__ == "__main__":
    main()
