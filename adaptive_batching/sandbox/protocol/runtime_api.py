"""The calls of the Runtime API (docs/lambda-protocol.md, 2)."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.function import SNAP_START
from adaptive_batching.sandbox.http_server import Answer, Request
from adaptive_batching.sandbox.protocol.context import ACCEPTED, ApiContext, json_answer
from adaptive_batching.sandbox.protocol.generation import Failure
from adaptive_batching.sandbox.protocol.invocation import Response
from adaptive_batching.sandbox.protocol.states import RuntimeCall
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.invocation import Invocation

#: The largest response, in bytes: 6 MiB, and 100 bytes for the envelope.
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def invocation_next(context: ApiContext, _request: Request, _id: str) -> Answer | None:
    """Block until there is an invocation. Return None if the generation ends first.

    The first call ends the runtime's init.
    """
    with context.changed:
        generation = context.generation
        if not generation.managed:
            generation.move_runtime(RuntimeCall.NEXT)
        generation.registry.closed = True
        for running in list(generation.running.values()):
            if running.response is not None and running.runtime_done_at is None:
                running.runtime_done_at = time.monotonic()
        context.changed.notify_all()
        context.changed.wait_for(lambda: generation.queue or generation.ended)
        if not generation.queue:
            return None
        invocation = generation.queue.popleft()
        if not generation.managed:
            generation.move_runtime(RuntimeCall.DELIVER)
        context.changed.notify_all()
    return Answer(200, invocation.payload, _invocation_headers(invocation))


def invocation_response(context: ApiContext, request: Request, request_id: str) -> Answer:
    """Accept the function's result."""
    mode = request.header("Lambda-Runtime-Function-Response-Mode")
    if mode not in {None, "", "streaming"}:
        raise refusals.invalid_response_mode(str(mode))
    invocation = _responding(context, request, request_id)
    invocation.first_byte_at = request.first_byte_at
    size = len(request.body)
    if mode != "streaming" and size > RESPONSE_LIMIT:
        refusal = refusals.too_large(size, RESPONSE_LIMIT)
        text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT - 100} bytes)."
        body = _error_body("Function.ResponseSizeTooLarge", text)
        _respond(context, invocation, Response(body, "Unhandled", by_runtime=True))
        raise refusal
    error = request.trailers.get("lambda-runtime-function-error-type")
    content_type = request.header("Content-Type") or "application/json"
    reply = Response(request.body, "Unhandled" if error else None, error, content_type, by_runtime=True)
    _respond(context, invocation, reply)
    return ACCEPTED


def invocation_error(context: ApiContext, request: Request, request_id: str) -> Answer:
    """Accept the error that the function raised."""
    invocation = _responding(context, request, request_id)
    error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
    _respond(context, invocation, Response(request.body, "Unhandled", error_type, by_runtime=True))
    return ACCEPTED


def _responding(context: ApiContext, request: Request, request_id: str) -> Invocation:
    with context.changed:
        generation = context.generation
        invocation = generation.running.get(request_id)
        if invocation is None:
            raise refusals.invalid_request_id()
        if not request.complete:
            raise refusals.truncated()
        if generation.managed and invocation.response is not None:
            raise refusals.runtime_state("Responded", "Responded")
        if not generation.managed:
            generation.move_runtime(RuntimeCall.RESPOND)
        return invocation


def _respond(context: ApiContext, invocation: Invocation, reply: Response) -> None:
    with context.changed:
        invocation.answer(reply)
        context.changed.notify_all()


def init_error(context: ApiContext, request: Request, _id: str) -> Answer:
    """Fail the generation, because the runtime could not initialise."""
    return _failed(context, request, RuntimeCall.REPORT_INIT_ERROR, "the runtime reported an init error")


def restore_next(context: ApiContext, _request: Request, _id: str) -> Answer | None:
    """Block until the snapshot is restored (SnapStart). Return None if the generation ends first."""
    with context.changed:
        generation = context.generation
        generation.move_runtime(RuntimeCall.RESTORE_NEXT)
        generation.registry.closed = True
        context.changed.notify_all()
        context.changed.wait_for(lambda: generation.ended or generation.restored)
        if generation.ended:
            return None
        generation.move_runtime(RuntimeCall.RESTORE)
    return Answer(200)


def restore_error(context: ApiContext, request: Request, _id: str) -> Answer:
    """Fail the generation, because a restore hook failed (SnapStart)."""
    return _failed(context, request, RuntimeCall.REPORT_RESTORE_ERROR, "the runtime reported a restore error")


def _failed(context: ApiContext, request: Request, call: RuntimeCall, why: str) -> Answer:
    with context.changed:
        generation = context.generation
        generation.move_runtime(call)
        error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
        generation.fail(Failure(error_type, why, request.body))
        context.changed.notify_all()
    return ACCEPTED


def credentials(context: ApiContext, request: Request, _id: str) -> Answer:
    """Return the credentials, which SnapStart functions get here instead of in variables."""
    if context.function.initialization_type != SNAP_START:
        raise refusals.no_route()
    if request.header("Authorization") != context.function.container_token:
        raise refusals.Refused(403, "InvalidCredentialsToken", "the token is not this environment's")
    keys = context.function.credentials
    return json_answer(
        {
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.session_token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        }
    )


def ping(_context: ApiContext, _request: Request, _id: str) -> Answer:
    """Answer a ping."""
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
