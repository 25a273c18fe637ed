"""moto's server on loopback, as `python -m` runs it, for this machine's programs and not for web pages.

It is `python -m moto.server`, but refuses what `http_server` refuses: a Host that does not name it, and the Origin of
another page. What the embedded S3 holds are logs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from adaptive_batching.sandbox.host.names import S3_NAME
from adaptive_batching.sandbox.http_server import LOOPBACK, stranger

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
        return application(environ, start)

    return answer


def main() -> None:
    """Serve on the port that the only argument names, until the process is killed."""
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), guarded(moto), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
