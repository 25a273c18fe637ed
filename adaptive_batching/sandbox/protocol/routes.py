"""Every route that an environment serves to its processes."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

from adaptive_batching.sandbox.http_server import Answer, Handle, Request
from adaptive_batching.sandbox.protocol import extensions_api, runtime_api
from adaptive_batching.sandbox.protocol.context import ApiContext
from adaptive_batching.sandbox.refusals import Refused, internal_error, no_route, truncated

Operation = Callable[[ApiContext, Request, str], Answer | None]

_ROUTES: list[tuple[str, str, Operation]] = [
    ("GET", "/2018-06-01/ping", runtime_api.ping),
    ("GET", "/2018-06-01/runtime/invocation/next", runtime_api.invocation_next),
    ("POST", "/2018-06-01/runtime/invocation/{id}/response", runtime_api.invocation_response),
    ("POST", "/2018-06-01/runtime/invocation/{id}/error", runtime_api.invocation_error),
    ("POST", "/2018-06-01/runtime/init/error", runtime_api.init_error),
    ("GET", "/2018-06-01/runtime/restore/next", runtime_api.restore_next),
    ("POST", "/2018-06-01/runtime/restore/error", runtime_api.restore_error),
    ("POST", "/2020-01-01/extension/register", extensions_api.register),
    ("GET", "/2020-01-01/extension/event/next", extensions_api.event_next),
    ("POST", "/2020-01-01/extension/init/error", extensions_api.init_error),
    ("POST", "/2020-01-01/extension/exit/error", extensions_api.exit_error),
    ("PUT", "/2020-08-15/logs", extensions_api.subscribe_logs),
    ("PUT", "/2022-07-01/telemetry", extensions_api.subscribe_telemetry),
    ("GET", "/2021-04-23/credentials", runtime_api.credentials),
]
#: The operations that judge a body that ended early themselves: an invocation that is not running comes first.
_JUDGING = (runtime_api.invocation_response, runtime_api.invocation_error)
_COMPILED = [
    (method, re.compile(pattern.replace("{id}", "(?P<id>[^/]+)")), operation) for method, pattern, operation in _ROUTES
]


def serve(apis: ApiContext) -> Handle:
    """Return the function that answers requests with these routes."""

    def handle(request: Request) -> Answer | None:
        path = request.path.partition("?")[0]
        matches = [(method, found, operation) for method, rx, operation in _COMPILED if (found := rx.fullmatch(path))]
        for method, found, operation in matches:
            if method == request.method:
                if not request.complete and operation not in _JUDGING:
                    return truncated().answer()
                try:
                    return operation(apis, request, found.groupdict().get("id", ""))
                except Refused as refusal:
                    return refusal.answer()
                except Exception:  # noqa: BLE001 - told below, and answered as production would
                    traceback.print_exc()
                    return internal_error().answer()
        return Answer(405, b"405 method not allowed") if matches else no_route().answer()

    return handle
