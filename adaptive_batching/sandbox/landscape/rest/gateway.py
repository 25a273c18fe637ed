"""Serves a REST API over HTTP: parses a request, invokes the function of its route, and renders the answer.

Source: "Handling Lambda errors in API Gateway" and the gateway response types in the API Gateway developer guide. What
Lambda refuses becomes 500, an error of the function and a malformed answer become 502, 29 seconds without one 504. The
quotas of API Gateway and of Lambda bound a request: a larger one becomes 413.
"""

from __future__ import annotations

import json
import time
import traceback
import uuid
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet.fleet import Fleet, ThrottledError
from adaptive_batching.sandbox.fleet.invoke_api import SYNCHRONOUS_LIMIT
from adaptive_batching.sandbox.http_server import Answer, Handle, Request
from adaptive_batching.sandbox.landscape.rest.proxy import Call, MalformedError, Reply, event, refusal, reply
from adaptive_batching.sandbox.landscape.rest.routes import find
from adaptive_batching.sandbox.protocol.invocation import new_root, new_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.sandbox.landscape.rest.routes import Route

#: Seconds that API Gateway waits for a function at most.
PATIENCE = 29.0
#: The largest body of a request and the largest event of a function, in bytes.
BODY_LIMIT, EVENT_LIMIT = 10 * 1024 * 1024, SYNCHRONOUS_LIMIT
#: Headers that a function cannot set.
_OWN = frozenset({"connection", "content-length", "transfer-encoding", "x-amzn-requestid", "x-amzn-trace-id"})
_FAILED = ("Internal server error", "InternalServerErrorException")
_UNKNOWN = refusal(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
_TOO_LARGE = refusal(413, "Request Too Long", "RequestTooLargeException")
_TIMED_OUT = refusal(504, "Endpoint request timed out", "InternalServerErrorException")


def serve(
    routes: Sequence[Route], fleets: Mapping[str, Fleet], say: Callable[[str], None], patience: float = PATIENCE
) -> Handle:
    """Return the handler of the HTTP requests. `fleets` are functions by their names; `say` gets a line for a mistake.

    A function's answer has to be there within `patience`, in seconds.
    """

    def handle(request: Request) -> Answer:
        call = _call(request)
        try:
            found = find(routes, call.method, call.path)
            answer = _UNKNOWN if found is None else _carry_out(call, found, fleets, say, patience)
        except Exception:  # noqa: BLE001 - printed, and answered as API Gateway answers its own failures
            traceback.print_exc()
            answer = refusal(500, *_FAILED)
        return _rendered(answer, call)

    return handle


def _carry_out(
    call: Call,
    found: tuple[Route, Mapping[str, str]],
    fleets: Mapping[str, Fleet],
    say: Callable[[str], None],
    patience: float,
) -> Reply:
    route, parameters = found
    fleet = fleets[route.function]
    payload = json.dumps(event(call, route, parameters)).encode() if len(call.body) <= BODY_LIMIT else b""
    if not payload or len(payload) > EVENT_LIMIT:
        what = f"the event has {len(payload):,}" if payload else f"the body has {len(call.body):,}"
        limit = EVENT_LIMIT if payload else BODY_LIMIT
        say(f"{call.method} {call.path}: {route.function} was not invoked: {what} bytes, and AWS takes {limit:,}")
        return _TOO_LARGE
    try:
        trace = new_trace(sampled=fleet.function.xray, root=call.trace.partition(";")[0])
        invocation = fleet.begin(payload, trace=trace)
    except (ThrottledError, SandboxError) as error:
        say(f"{call.method} {call.path}: {route.function} was not invoked: {error}")
        return refusal(500, *_FAILED)
    if not invocation.answered.wait(patience):
        say(f"{call.method} {call.path}: {route.function} did not answer within {patience:g} seconds")
        return _TIMED_OUT
    if invocation.broken or invocation.function_error:
        return refusal(502, *_FAILED)
    try:
        return reply(invocation.response or b"", call, route)
    except MalformedError as why:
        say(f"{call.method} {call.path}: the answer of {route.function} is not one for API Gateway: {why}")
        return refusal(502, *_FAILED)


def _call(request: Request) -> Call:
    trace = request.header("X-Amzn-Trace-Id")
    return Call(
        request.method,
        request.path,
        list(request.headers.items()),
        request.body,
        str(uuid.uuid4()),
        trace if trace and trace.startswith("Root=") else new_root(),
        time.time(),
    )


def _rendered(answer: Reply, call: Call) -> Answer:
    own = [("x-amzn-RequestId", call.request_id), ("X-Amzn-Trace-Id", call.trace)]
    kept = [(name, value) for name, value in answer.headers if name.lower() not in _OWN]
    return Answer(answer.status, b"" if call.method == "HEAD" else answer.body, more=(*kept, *own))
