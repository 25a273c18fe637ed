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
from urllib.parse import parse_qs, unquote, urlsplit

from adaptive_batching.sandbox.asynchronous.records import read_json
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import eventstream, functions_api
from adaptive_batching.sandbox.fleet.answers import RefusedError, error, invalid
from adaptive_batching.sandbox.fleet.aws.forwarding import is_lambdas
from adaptive_batching.sandbox.fleet.fleet import Fleet, ThrottledError
from adaptive_batching.sandbox.http_server import Answer, Handle, Request
from adaptive_batching.sandbox.lifecycle.results import result_of
from adaptive_batching.sandbox.refusals import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The largest payload of a synchronous and of an asynchronous invocation, in bytes.
SYNCHRONOUS_LIMIT = 6 * 1024 * 1024
ASYNCHRONOUS_LIMIT = 1024 * 1024
#: The invocation type of an asynchronous invocation.
EVENT = "Event"
#: The largest client context, in bytes of base64.
CONTEXT_LIMIT = 3583
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
#: What FunctionName may be, as the API reference has it; the groups are the name and the qualifier.
_NAME = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:[a-z]{2}(?:-gov)?-[a-z]+-\d:)?(?:\d{12}:)?(?:function:)?"
    r"([a-zA-Z0-9-_.]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?"
)


def serve(fleets: Mapping[str, Fleet], forward: Callable[[Request], Answer] | None = None) -> Handle:
    """Return the handler of the HTTP requests. `fleets` maps the name of a function to its fleet.

    `forward` answers what is for another service than Lambda; without it such a request is refused.
    """

    def handle(request: Request) -> Answer:
        try:
            return route(request)
        except Exception as why:  # noqa: BLE001 - printed here, and answered as Lambda answers its own failures
            traceback.print_exc()
            return error(500, "ServiceException", f"{type(why).__name__}: {why}")

    def route(request: Request) -> Answer:
        if forward and not is_lambdas(request.header("Authorization"), request.path):
            return forward(request)
        path = urlsplit(request.path).path
        for pattern, method, operation in operations:
            if (found := pattern.fullmatch(path)) and request.method == method:
                return _on(fleets, unquote(found[1]), request, operation)
        return error(404, "UnknownOperationException", f"{request.method} {path} is not served here")

    operations: list[tuple[re.Pattern[str], str, Callable[[Fleet, Request], Answer]]] = [
        (_INVOKE, "POST", _invoke),
        (_STREAM, "POST", lambda fleet, request: _streamed(_invoke(fleet, request))),
        *(
            (re.compile(rf"/{date}/functions/([^/]+){path}"), method, operation)
            for date, path, method, operation in functions_api.OPERATIONS
        ),
    ]
    return handle


def _on(
    fleets: Mapping[str, Fleet], text: str, request: Request, operation: Callable[[Fleet, Request], Answer]
) -> Answer:
    """Carry out an operation on the function that `text` names, or refuse a name that is malformed or unknown."""
    if not _NAME.fullmatch(text):
        return invalid(text, "functionName", f"Member must satisfy regular expression pattern: {_NAME.pattern}")
    name, qualifier = function_name(text)
    asked = parse_qs(urlsplit(request.path).query).get("Qualifier", [])
    if asked and qualifier and asked[0] != qualifier:
        both = f"The derived qualifier from the function name does not match the specified qualifier: {asked[0]}"
        return error(400, "InvalidParameterValueException", both)
    qualifier = qualifier or (asked[0] if asked else "")
    fleet = fleets.get(name)
    if fleet is None or qualifier not in {"", fleet.function.version}:
        arn = fleet.function.arn if fleet else name
        return error(
            404, "ResourceNotFoundException", f"Function not found: {arn}{':' if qualifier else ''}{qualifier}"
        )
    try:
        return operation(fleet, request)
    except RefusedError as refused:
        return refused.answer


def function_name(text: str) -> tuple[str, str]:
    """Return the function's name and the qualifier, "" without one, of a name, a partial ARN or an ARN. Pure."""
    found = _NAME.fullmatch(text)
    return (found[1], found[2] or "") if found else (text, "")


def client_context(header: str | None) -> str | None:
    """Return the client context as JSON, which the Runtime API hands on, from its header, which is base64. Pure.

    Raises ValueError if it is not an object in JSON in base64, or too large.
    """
    if header is None:
        return None
    if len(header) > CONTEXT_LIMIT:
        raise ValueError
    context = json.loads(base64.b64decode(header, validate=True))
    if not isinstance(context, dict):
        raise ValueError  # noqa: TRY004 - for the caller it is one mistake
    return json.dumps(context)


def _invoke(fleet: Fleet, request: Request) -> Answer:
    kind = request.header("X-Amz-Invocation-Type") or "RequestResponse"
    payload, context = _checked(request, kind)
    if kind == "DryRun":
        return Answer(204)
    if kind == EVENT:  # only a synchronous invocation hands the client context on
        return Answer(202, headers={"x-amzn-RequestId": fleet.events.accept(payload)})
    if kind != "RequestResponse":
        return error(400, "InvalidParameterValueException", f"invocation type {kind} is not known")
    return _synchronous(fleet, payload, context, tail=request.header("X-Amz-Log-Type") == "Tail")


def _checked(request: Request, kind: str) -> tuple[bytes, str | None]:
    """Return the payload and the client context of a request. `kind` is the invocation type. Raises RefusedError."""
    payload = request.body or b"{}"
    if kind == EVENT and len(payload) > ASYNCHRONOUS_LIMIT:
        size = f"{len(payload)} byte payload is too large for the Event invocation type"
        text = f"{size} (limit {ASYNCHRONOUS_LIMIT} bytes)"
        raise RefusedError(error(413, "RequestEntityTooLargeException", text))
    if len(payload) > SYNCHRONOUS_LIMIT:
        text = f"Request must be smaller than {SYNCHRONOUS_LIMIT} bytes for the InvokeFunction operation"
        raise RefusedError(error(413, "RequestTooLargeException", text))
    try:
        read_json(payload)
    except (ValueError, RecursionError) as why:
        text = f"Could not parse request body into json: {why}"
        raise RefusedError(error(400, "InvalidRequestContentException", text)) from None
    try:
        return payload, client_context(request.header("X-Amz-Client-Context"))
    except (ValueError, RecursionError):
        text = "Client context must be a valid Base64-encoded JSON object."
        raise RefusedError(error(400, "InvalidRequestContentException", text)) from None


def _synchronous(fleet: Fleet, payload: bytes, context: str | None, *, tail: bool) -> Answer:
    try:
        invocation = fleet.begin(payload, context)
    except ThrottledError as throttled:
        return error(429, "TooManyRequestsException", "Rate Exceeded.", Reason=throttled.reason)
    except SandboxError as why:
        return error(500, "ServiceException", str(why))
    # The caller gets the answer as soon as the runtime has posted it. The log tail includes REPORT, which comes last.
    (invocation.done if tail else invocation.answered).wait()
    if invocation.broken:
        return error(500, "ServiceException", invocation.broken)
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
    if kind := headers.pop("X-Amz-Function-Error", None):
        complete["ErrorCode"] = kind
    if log := headers.pop("X-Amz-Log-Result", None):
        complete["LogResult"] = log
    headers["Content-Type"] = eventstream.TYPE
    return Answer(200, eventstream.answer(answer.body, complete), headers)
