"""Lambda's Invoke API, as boto3 and the AWS CLI use it. The handlers parse, delegate to the fleet and render.

Source: the page Invoke of the Lambda API reference. Implemented are RequestResponse, Event, DryRun and the log tail.
"""

from __future__ import annotations

import base64
import json
import re
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import eventstream
from adaptive_batching.sandbox.fleet.fleet import Fleet, ThrottledError
from adaptive_batching.sandbox.http_server import Answer, Handle, Request
from adaptive_batching.sandbox.lifecycle.results import result_of
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.function import Function

#: The largest payload of a synchronous and of an asynchronous invocation, in bytes.
SYNCHRONOUS_LIMIT = 6 * 1024 * 1024
ASYNCHRONOUS_LIMIT = 1024 * 1024
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
_GET = re.compile(r"/2015-03-31/functions/([^/]+)")


def serve(fleets: Mapping[str, Fleet]) -> Handle:
    """Return the handler of the HTTP requests. `fleets` maps the name of a function to its fleet."""

    def handle(request: Request) -> Answer:
        try:
            return route(request)
        except Exception as error:  # noqa: BLE001 - printed here, and answered as Lambda answers its own failures
            traceback.print_exc()
            return _error(500, "ServiceException", f"{type(error).__name__}: {error}")

    def route(request: Request) -> Answer:
        path = unquote(urlsplit(request.path).path)
        if (found := _INVOKE.fullmatch(path)) and request.method == "POST":
            fleet = fleets.get(function_name(found[1]))
            return _invoke(fleet, request) if fleet else _not_found(found[1])
        if (found := _STREAM.fullmatch(path)) and request.method == "POST":
            fleet = fleets.get(function_name(found[1]))
            return _streamed(_invoke(fleet, request)) if fleet else _not_found(found[1])
        if (found := _GET.fullmatch(path)) and request.method == "GET":
            fleet = fleets.get(function_name(found[1]))
            return _describe(fleet.function) if fleet else _not_found(found[1])
        return _error(404, "UnknownOperationException", f"{request.method} {path} is not served here")

    return handle


def function_name(text: str) -> str:
    """Return the function name from a name, a name with a qualifier, a partial ARN or an ARN. Pure."""
    parts = text.split(":")
    after = parts.index("function") + 1 if "function" in parts else len(parts)
    return parts[after] if after < len(parts) else parts[0]


def _invoke(fleet: Fleet, request: Request) -> Answer:
    kind = request.header("X-Amz-Invocation-Type") or "RequestResponse"
    limit = ASYNCHRONOUS_LIMIT if kind == "Event" else SYNCHRONOUS_LIMIT
    payload = request.body or b"{}"
    if len(payload) > limit:
        return _error(
            413,
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        text = f"Could not parse request body into json: {error}"
        return _error(400, "InvalidRequestContentException", text)
    context = request.header("X-Amz-Client-Context")
    if kind == "DryRun":
        return Answer(204)
    if kind == "Event":
        return Answer(202, headers={"x-amzn-RequestId": fleet.enqueue(payload, context)})
    if kind != "RequestResponse":
        return _error(400, "InvalidParameterValueException", f"invocation type {kind} is not known")
    return _synchronous(fleet, payload, context, tail=request.header("X-Amz-Log-Type") == "Tail")


def _synchronous(fleet: Fleet, payload: bytes, context: str | None, *, tail: bool) -> Answer:
    try:
        invocation = fleet.begin(payload, context)
    except ThrottledError:
        return _error(
            429,
            "TooManyRequestsException",
            "Rate Exceeded.",
            Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        )
    except SandboxError as error:
        return _error(500, "ServiceException", str(error))
    # The caller gets the answer as soon as the runtime has posted it. The log tail includes REPORT, which comes last.
    (invocation.done if tail else invocation.answered).wait()
    if invocation.broken:
        return _error(500, "ServiceException", invocation.broken)
    result = result_of(invocation)
    headers = {
        "Content-Type": invocation.reply.content_type if invocation.reply else JSON["Content-Type"],
        "X-Amz-Executed-Version": fleet.function.version,
        "x-amzn-RequestId": result.request_id,
        "X-Amzn-Trace-Id": invocation.trace,
    }
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail.encode()).decode()
    return Answer(200, result.payload, headers)


def _streamed(answer: Answer) -> Answer:
    """Return the answer in the format of InvokeWithResponseStream. It is sent only when it is complete."""
    if answer.status != HTTPStatus.OK:
        return answer
    headers = dict(answer.headers)
    complete = {}
    if error := headers.pop("X-Amz-Function-Error", None):
        complete["ErrorCode"] = error
    if log := headers.pop("X-Amz-Log-Result", None):
        complete["LogResult"] = log
    headers["Content-Type"] = eventstream.TYPE
    return Answer(200, eventstream.answer(answer.body, complete), headers)


def _describe(function: Function) -> Answer:
    configuration = {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Timeout": int(function.timeout),
        "MemorySize": function.memory,
        "Version": function.version,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Environment": {"Variables": dict(function.variables)},
        "LoggingConfig": {"LogFormat": function.log_format, "LogGroup": function.log_group},
    }
    return Answer(200, json.dumps({"Configuration": configuration}).encode(), JSON)


def _not_found(name: str) -> Answer:
    return _error(404, "ResourceNotFoundException", f"Function not found: {name}")


def _error(status: int, kind: str, message: str, **more: str) -> Answer:
    body = {"Type": "User" if status < 500 else "Service", "message": message, "Message": message, **more}  # noqa: PLR2004
    return Answer(status, json.dumps(body).encode(), {**JSON, "X-Amzn-ErrorType": kind})
