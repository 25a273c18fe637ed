"""Where requests go: an HTTP API, or a function by Lambda's Invoke API. Requests are made by several threads."""

from __future__ import annotations

import errno
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import requests

from adaptive_batching.load.core import rendering
from adaptive_batching.load.core.answers import ids
from adaptive_batching.values.loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Kept open at a time, one for each arrival in flight.
_CONNECTIONS = 2_000


class Lambda(Protocol):
    """What is needed of a client of Lambda's API."""

    def invoke(self, **_: Any) -> Mapping[str, Any]:  # noqa: ANN401 - boto3's
        """Invoke a function."""


class TargetError(Exception):
    """The target cannot be what it is said to be. The message is a sentence."""


@dataclass(frozen=True)
class Outgoing:
    """One request, ready to be sent. Without a body it has none."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back: a code, or the name of an error. `ids` may be found in the target's logs."""

    code: int | None
    error: str | None = None
    body: bytes = b""
    ids: tuple[str, ...] = ()


class Target(Protocol):
    """Sends requests. Errors are answers; nothing is raised."""

    def send(self, request: Outgoing) -> Answer:
        """Send a request and wait for the answer."""


def outgoing(method: str, request: Any, variables: Mapping[str, Any]) -> Outgoing:  # noqa: ANN401 - a Request
    """Return a request of a script with its values. Pure."""
    headers = {name: rendering.text(str(one), variables) for name, one in request.headers.items()}
    body = None if request.body is None else _encoded(rendering.text(request.body, variables))
    if request.has_json:
        made = rendering.value(request.json_, variables)
        body = _encoded(json.dumps(None if made is rendering.MISSING else made, ensure_ascii=False))
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    return Outgoing(method.upper(), rendering.text(request.url, variables), headers, body)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # YAML can write half a character


class HttpTarget:
    """An HTTP API. A URL of a request may be whole, or a path below the target's."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._own = threading.local()  # a session is not for several threads at a time

    def send(self, request: Outgoing) -> Answer:
        """Send a request over this thread's connection."""
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.trust_env = not on_loopback(self._url)  # a proxy does not reach this machine
        url = request.url if request.url.startswith(("http://", "https://")) else self._below(request.url)
        try:
            answer = session.request(
                request.method, url, headers=dict(request.headers), data=request.body, timeout=self._timeout
            )
        except (requests.RequestException, ValueError) as error:
            return Answer(None, _kind(error))
        trace = answer.headers.get("X-Amzn-Trace-Id", "")
        return Answer(answer.status_code, None, answer.content, ids(answer.content, trace))

    def _below(self, path: str) -> str:
        return self._url + ("" if path in ("", "/") and self._url.count("/") > 2 else f"/{path.lstrip('/')}")  # noqa: PLR2004 - http://host


class LambdaTarget:
    """A function. The body of a request is the event; method, URL and headers are not used."""

    def __init__(self, client: Lambda, name: str) -> None:
        self._client = client
        self._name = name

    def send(self, request: Outgoing) -> Answer:
        """Invoke the function."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes a while to load

        from adaptive_batching.operate.aws import AwsError  # noqa: PLC0415 - as above

        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=request.body or b"{}")
            body = answer["Payload"].read()
        except ClientError as error:
            return Answer(error.response["ResponseMetadata"]["HTTPStatusCode"], None, str(error).encode())
        except (BotoCoreError, OSError) as error:
            return Answer(None, type(error).__name__)
        except AwsError as error:  # it cannot be read
            return Answer(None, str(error))
        request_id = answer["ResponseMetadata"].get("RequestId")  # a server that is not AWS's may send none
        known = (*ids(body), *([request_id] if request_id else []))
        if "FunctionError" in answer:
            return Answer(None, _error_type(body) or answer["FunctionError"], body, known)
        return Answer(answer["StatusCode"], None, body, known)


def lambda_client(endpoint: str | None, region: str | None, profile: str | None, timeout: float) -> Lambda:
    """Return a client that tries once. The sandbox on this machine wants no credentials. Raises TargetError."""
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415 - takes a while to load

    try:
        found: Lambda = Account(region, profile, endpoint).invoking(timeout, _CONNECTIONS)
    except AwsError as error:
        raise TargetError(f"Lambda cannot be called: {error}") from None
    return found


def _error_type(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return str(found["errorType"]) if isinstance(found, dict) and "errorType" in found else None


def _kind(error: BaseException) -> str:
    """Return the name of an error as Node has it: ECONNREFUSED, ETIMEDOUT, ENOTFOUND."""
    if isinstance(error, requests.Timeout):
        return "ETIMEDOUT"
    for one in _causes(error):
        if isinstance(one, socket.gaierror):
            return "ENOTFOUND"
        if isinstance(one, OSError) and not isinstance(one, requests.RequestException) and one.errno:
            return errno.errorcode.get(one.errno, type(one).__name__)
    if isinstance(error, requests.ConnectionError):
        return "ECONNRESET"
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what is inside it: urllib3 keeps what happened in arguments and attributes."""
    todo: list[BaseException] = [error]
    for _ in range(20):
        if not todo:
            return
        one = todo.pop(0)
        yield one
        inside = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        todo += [more for more in inside if isinstance(more, BaseException)]
