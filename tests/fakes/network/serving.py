"""A test's own HTTP server on the loopback, for as long as a block lasts."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import HTTPServer


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Serve in a thread, and yield the server's URL, without a slash at its end. Whoever hangs up does no harm."""
    usual = server.handle_error

    def handle_error(request: Any, client: Any) -> None:  # noqa: ANN401 - socketserver's
        if not isinstance(sys.exception(), ConnectionError):
            usual(request, client)

    server.handle_error = handle_error  # type: ignore[method-assign, assignment]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
