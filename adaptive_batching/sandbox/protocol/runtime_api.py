"""The calls of the Runtime API (protocol reference 2)."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.function import SNAP_START
from adaptive_batching.sandbox.http_server import Answer, Request
from adaptive_batching.sandbox.protocol.context import ACCEPTED, Apis, json_answer
from adaptive_batching.sandbox.protocol.generation import Fault
from adaptive_batching.sandbox.protocol.states import RuntimeCall
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.generation import Invocation

#: Bytes of a response: 6 MiB and a little for the envelope.
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def invocation_next(apis: Apis, _request: Request, _id: str) -> Answer | None:
    """Block until an invocation comes; the first call ends the runtime's init."""
    with apis.changed:
        life = apis.life()
        if not life.managed:
            life.move_runtime(RuntimeCall.NEXT)
        life.registry.closed = life.ready = True
        for running in list(life.running.values()):
            if running.response is not None and running.runtime_done_at is None:
                running.runtime_done_at = time.monotonic()
        apis.changed.notify_all()
        apis.changed.wait_for(lambda: life.queue or life.ended)
        if not life.queue:
            return None
        invocation = life.queue.popleft()
        if not life.managed:
            life.move_runtime(RuntimeCall.DELIVER)
        apis.changed.notify_all()
    return Answer(200, invocation.payload, _invocation_headers(invocation))


def invocation_response(apis: Apis, request: Request, request_id: str) -> Answer:
    """The function's result."""
    mode = request.header("Lambda-Runtime-Function-Response-Mode")
    if mode not in {None, "", "streaming"}:
        raise refusals.invalid_response_mode(str(mode))
    invocation = _responding(apis, request, request_id)
    invocation.first_byte_at = request.first_byte_at
    size = len(request.body)
    if mode != "streaming" and size > RESPONSE_LIMIT:
        refusal = refusals.too_large(size, RESPONSE_LIMIT)
        text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT - 100} bytes)."
        _respond(apis, invocation, _error_body("Function.ResponseSizeTooLarge", text), "Unhandled")
        raise refusal
    error = request.trailers.get("lambda-runtime-function-error-type")
    invocation.content_type = request.header("Content-Type") or "application/json"
    _respond(apis, invocation, request.body, "Unhandled" if error else None, error)
    return ACCEPTED


def invocation_error(apis: Apis, request: Request, request_id: str) -> Answer:
    """The function raised."""
    invocation = _responding(apis, request, request_id)
    error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
    _respond(apis, invocation, request.body, "Unhandled", error_type)
    return ACCEPTED


def _responding(apis: Apis, request: Request, request_id: str) -> Invocation:
    with apis.changed:
        life = apis.life()
        invocation = life.running.get(request_id)
        if invocation is None:
            raise refusals.invalid_request_id()
        if not request.complete:
            raise refusals.truncated()
        if life.managed and invocation.response is not None:
            raise refusals.runtime_state("Responded", "Responded")
        if not life.managed:
            life.move_runtime(RuntimeCall.RESPOND)
        return invocation


def _respond(
    apis: Apis, invocation: Invocation, body: bytes, error: str | None = None, error_type: str | None = None
) -> None:
    with apis.changed:
        invocation.answer(body, error, error_type, by_runtime=True)
        apis.changed.notify_all()


def init_error(apis: Apis, request: Request, _id: str) -> Answer:
    """The runtime could not initialise."""
    with apis.changed:
        life = apis.life()
        life.move_runtime(RuntimeCall.REPORT_INIT_ERROR)
        error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
        life.fail(Fault(error_type, "the runtime reported an init error", request.body))
        apis.changed.notify_all()
    return ACCEPTED


def restore_next(apis: Apis, _request: Request, _id: str) -> Answer | None:
    """SnapStart: block until the snapshot is restored."""
    with apis.changed:
        life = apis.life()
        life.move_runtime(RuntimeCall.RESTORE_NEXT)
        life.registry.closed = life.ready = True
        apis.changed.notify_all()
        apis.changed.wait_for(lambda: life.ended or life.restored)
        if life.ended:
            return None
        life.move_runtime(RuntimeCall.RESTORE)
    return Answer(200)


def restore_error(apis: Apis, request: Request, _id: str) -> Answer:
    """SnapStart: a restore hook failed."""
    with apis.changed:
        life = apis.life()
        life.move_runtime(RuntimeCall.REPORT_RESTORE_ERROR)
        error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
        life.fail(Fault(error_type, "the runtime reported a restore error", request.body))
        apis.changed.notify_all()
    return ACCEPTED


def credentials(apis: Apis, request: Request, _id: str) -> Answer:
    """SnapStart: what the container endpoint gives instead of keys in variables."""
    if apis.function.initialization_type != SNAP_START:
        raise refusals.no_route()
    if request.header("Authorization") != apis.function.container_token:
        raise refusals.Refused(403, "InvalidCredentialsToken", "the token is not this environment's")
    keys = apis.function.credentials
    return json_answer(
        {
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.session_token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        }
    )


def ping(_apis: Apis, _request: Request, _id: str) -> Answer:
    """Answer that the server is there."""
    return Answer(200, b"pong", {"Content-Type": "text/plain"})


def _error_body(error_type: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": error_type}).encode()


def _clean_error_type(text: str | None) -> str:
    if text and _ERROR_TYPE.fullmatch(text):
        return text
    return "Function.Unknown" if (text or "").startswith("Function.") else "Runtime.Unknown"


def _invocation_headers(invocation: Invocation) -> dict[str, str]:
    headers = {
        **JSON,
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        "Lambda-Runtime-Trace-Id": invocation.trace,
    }
    if invocation.client_context:
        headers["Lambda-Runtime-Client-Context"] = invocation.client_context
    return headers
