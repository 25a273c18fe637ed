"""The event of a Lambda proxy integration, and the HTTP answer that a function's answer stands for. Pure.

Source: "Lambda proxy integrations in API Gateway" in the API Gateway developer guide: input format, output format,
"Content type conversions". None of the members of an answer is mandatory, and any other member makes it malformed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.sandbox.landscape.rest.routes import Route

#: What API Gateway does not hand on.
_KEPT_BACK = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})
_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUSES = range(200, 600)  # one of 1xx is not the end of an answer
_SERVER = re.compile(r"https?://[^/]*", re.IGNORECASE)
_PORT = re.compile(r":([0-9]{1,5})$")
_EVERYTHING = "*/*"
#: The id of the only REST API, and where it seems to be.
API_ID = "sandboxapi"


class MalformedError(Exception):
    """An answer of a function is not one for a proxy integration. The text says why."""


@dataclass(frozen=True)
class Call:
    """One request. `headers` are pairs, in order. `at` is in seconds since the epoch, `trace` the trace header."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    request_id: str
    trace: str
    at: float
    source: str = "127.0.0.1"
    account: str = "123456789012"

    @property
    def path(self) -> str:
        """The path without the query, and without the server of a request line in absolute form (RFC 9112, 3.2.2)."""
        found = self.target.partition("?")[0]
        return _SERVER.sub("", found) or "/" if _SERVER.match(found) else found

    @property
    def port(self) -> int:
        """The port to which the request was sent: that of its Host, which has none where it is HTTP's own."""
        found = _PORT.search(self.header("host"))
        return int(found[1]) if found else 80

    def header(self, name: str) -> str:
        """Return the last value of a header, "" without one."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Reply:
    """What is sent back. A header may occur more than once."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def event(call: Call, route: Route, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the event for the function of a route."""
    query = parse_qsl(call.target.partition("?")[2], keep_blank_values=True)
    headers = [(key, value) for key, value in call.headers if key.lower() not in _KEPT_BACK | {"x-amzn-trace-id"}]
    headers += [
        ("X-Amzn-Trace-Id", call.trace),
        ("X-Forwarded-For", call.source),
        ("X-Forwarded-Port", str(call.port)),
        ("X-Forwarded-Proto", "http"),
    ]
    binary = bool(call.body) and _is_binary(call.header("content-type"), route.binary)
    body = base64.b64encode(call.body).decode() if binary else call.body.decode("utf-8", "replace")
    return {
        "resource": route.path,
        "path": call.path,
        "httpMethod": call.method,
        "headers": dict(headers),
        "multiValueHeaders": _gathered(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _gathered(query) or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": _context(call, route),
        "body": body or None,
        "isBase64Encoded": binary,
    }


def reply(payload: bytes, call: Call, route: Route) -> Reply:
    """Return the HTTP answer for the payload that a function returned. Raises MalformedError."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise MalformedError("it is not JSON") from None
    if not isinstance(answer, dict):
        raise MalformedError(f"it is {_kind(answer)}, not an object with statusCode, headers and body")
    if others := sorted(set(answer) - _MEMBERS):
        raise MalformedError(f"it has the member {others[0]!r}, which API Gateway does not know")
    headers = _headers(answer)
    text = answer.get("body")
    if not isinstance(text, str | None):
        raise MalformedError(f"its body is {_kind(text)}, not a string; json.dumps makes one")
    body = (text or "").encode()
    if answer.get("isBase64Encoded") is True and _is_binary(call.header("accept").partition(",")[0], route.binary):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            raise MalformedError("its body is not base64, although isBase64Encoded is true") from None
    if not any(key.lower() == "content-type" for key, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Reply(_status(answer), body, tuple(headers))


def refusal(status: int, message: str, kind: str) -> Reply:
    """Return an answer that API Gateway itself gives. `kind` is the error type."""
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", kind))
    return Reply(status, json.dumps({"message": message}).encode(), headers)


def _context(call: Call, route: Route) -> dict[str, Any]:
    host = call.header("host")
    moment = datetime.fromtimestamp(call.at, tz=UTC)
    return {
        "accountId": call.account,
        "apiId": API_ID,
        "domainName": host.partition(":")[0],
        "domainPrefix": host.partition(".")[0].partition(":")[0],
        "extendedRequestId": call.request_id,
        "httpMethod": call.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": call.source,
            "user": None,
            "userAgent": call.header("user-agent") or None,
            "userArn": None,
        },
        "path": f"/{route.stage}{call.path}",
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(call.at * 1000),
        "resourceId": "sandbox",
        "resourcePath": route.path,
        "stage": route.stage,
    }


def _gathered(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers of an answer. One with several values wins over the same one with a single value."""
    single, several = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    for name, value in (("headers", single), ("multiValueHeaders", several)):
        if not isinstance(value, dict):
            raise MalformedError(f"its {name} are {_kind(value)}, not an object")
    found: list[tuple[str, str]] = []
    named = {key.lower() for key in several}
    for key, values in (*((key, [one]) for key, one in single.items() if key.lower() not in named), *several.items()):
        if not _NAME.fullmatch(key):
            raise MalformedError(f"{key!r} is not the name of a header")
        if not isinstance(values, list) or not all(isinstance(one, str | bool) for one in values):
            raise MalformedError(f"its header {key!r} is not a string")
        found += [(key, str(one).lower() if isinstance(one, bool) else _one_line(one)) for one in values]
    return found


def _one_line(value: str) -> str:
    """Return a value in one line, as UTF-8 on the wire: the server encodes in Latin-1."""
    return " ".join(value.splitlines()).encode().decode("latin-1")


def _status(answer: Mapping[str, Any]) -> int:
    given = answer.get("statusCode") or 200
    try:
        status = int(given) if isinstance(given, int | str) else 0
    except ValueError:
        status = 0
    if status not in _STATUSES:
        raise MalformedError(f"its statusCode is {given!r}, not a final status of HTTP, 200 to 599")
    return status


def _is_binary(media_type: str, binary: Sequence[str]) -> bool:
    """Return whether an API treats a media type as binary, given its list of these."""
    plain = media_type.partition(";")[0].strip().lower()
    return any(one in (_EVERYTHING, plain) for one in (known.lower().replace("~1", "/") for known in binary))


def _kind(value: object) -> str:
    names = {"NoneType": "null", "str": "a string", "list": "a list", "bool": "a boolean", "dict": "an object"}
    return names.get(type(value).__name__, "a number")
