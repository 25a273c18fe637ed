"""What each call of the Runtime, Extensions, Logs and Telemetry API does to an environment.

Thin: parse, delegate to the state, render. The rules are in `states`, `registry` and `subscriptions`; which path
leads here is in `routes`.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox import refusals, subscriptions
from sandbox.dialects import LOGS, TELEMETRY
from sandbox.function import SNAP_START, Function
from sandbox.life import Fault, Invocation, Life
from sandbox.refusals import JSON
from sandbox.states import ExtensionCall, RuntimeCall
from sandbox.wire import Answer, Request

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from sandbox.registry import Extension
    from sandbox.telemetry import Telemetry

ACCEPTED = Answer(202, b'{"status":"OK"}\n', JSON)
#: Bytes of a response: 6 MiB and a little for the envelope.
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_EXTENSION_ERROR = re.compile(r"Extension\.[A-Z][a-zA-Z]+")


class _Register(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    events: list[str] | None = None
    configuration_keys: Annotated[list[Any] | None, Field(alias="configurationKeys")] = None


class Apis:
    """The calls. `changed` guards everything that `life()` returns; `supported` says which log APIs exist."""

    def __init__(
        self,
        function: Function,
        telemetry: Telemetry,
        changed: threading.Condition,
        life: Callable[[], Life],
        supported: frozenset[str],
        schemas: frozenset[str] | None,
    ) -> None:
        self._function = function
        self._telemetry = telemetry
        self._changed = changed
        self._life = life
        self._supported = supported
        self._schemas = schemas

    # ---- Extensions API

    def register(self, request: Request, _id: str) -> Answer:
        """POST /2020-01-01/extension/register."""
        body = _parse_register(request.body)
        with self._changed:
            name = request.header("Lambda-Extension-Name")
            extension = self._life().registry.register(name, body.events or [], str(uuid.uuid4()))
            self._changed.notify_all()
        known: dict[str, str] = {
            "functionName": self._function.name,
            "functionVersion": self._function.version,
            "handler": self._function.handler,
        }
        features = (request.header("Lambda-Extension-Accept-Feature") or "").split(",")
        if "accountId" in (feature.strip() for feature in features):
            known["accountId"] = self._function.account
        return _json(known, {"Lambda-Extension-Identifier": extension.identifier})

    def event_next(self, request: Request, _id: str) -> Answer | None:
        """Block until an event comes; None when the environment ends first."""
        with self._changed:
            life = self._life()
            extension = self._identify(life, request)
            extension.apply(ExtensionCall.NEXT)
            self._changed.notify_all()
            self._changed.wait_for(lambda: extension.inbox or life.ended)
            if not extension.inbox:
                return None
            event = extension.inbox.popleft()
            extension.apply(ExtensionCall.DELIVER)
            self._changed.notify_all()
        if event["eventType"] == "INVOKE":
            return _json(event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})
        return Answer(200, json.dumps(event).encode())

    def extension_init_error(self, request: Request, _id: str) -> Answer:
        """An extension could not initialise."""
        return self._extension_error(request, ExtensionCall.REPORT_INIT_ERROR, "Extension.InitError")

    def extension_exit_error(self, request: Request, _id: str) -> Answer:
        """An extension must end."""
        return self._extension_error(request, ExtensionCall.REPORT_EXIT_ERROR, "Extension.ExitError")

    def _extension_error(self, request: Request, call: ExtensionCall, default: str) -> Answer:
        with self._changed:
            life = self._life()
            extension = self._identify(life, request)
            error_type = request.header("Lambda-Extension-Function-Error-Type")
            if error_type is None:
                raise refusals.missing_error_type()
            if life.managed and not _EXTENSION_ERROR.fullmatch(error_type):
                error_type = default
            extension.apply(call)
            extension.error_type = error_type
            life.fail(Fault(error_type, f"Extension {extension.name} reported {error_type}"))
            self._changed.notify_all()
        return ACCEPTED

    @staticmethod
    def _identify(life: Life, request: Request) -> Extension:
        return life.registry.identify(request.header("Lambda-Extension-Identifier"))

    # ---- Logs and Telemetry API

    def subscribe_telemetry(self, request: Request, _id: str) -> Answer:
        """PUT /2022-07-01/telemetry."""
        return self._subscribe(TELEMETRY, request)

    def subscribe_logs(self, request: Request, _id: str) -> Answer:
        """PUT /2020-08-15/logs."""
        return self._subscribe(LOGS, request)

    def _subscribe(self, api: str, request: Request) -> Answer:
        if api not in self._supported:
            raise refusals.not_supported(api)
        with self._changed:
            extension = self._identify(self._life(), request)
        wanted = subscriptions.parse(api, request.body, self._schemas)
        self._telemetry.subscribe(extension.name, wanted, time.time())
        return Answer(200, b'"OK"', JSON)

    # ---- Runtime API

    def invocation_next(self, _request: Request, _id: str) -> Answer | None:
        """Block until an invocation comes; the first call ends the runtime's init."""
        with self._changed:
            life = self._life()
            if not life.managed:
                life.move_runtime(RuntimeCall.NEXT)
            life.registry.closed = life.ready = True
            for running in list(life.running.values()):
                if running.response is not None and running.runtime_done_at is None:
                    running.runtime_done_at = time.monotonic()
            self._changed.notify_all()
            self._changed.wait_for(lambda: life.queue or life.ended)
            if not life.queue:
                return None
            invocation = life.queue.popleft()
            if not life.managed:
                life.move_runtime(RuntimeCall.DELIVER)
            self._changed.notify_all()
        return Answer(200, invocation.payload, _invocation_headers(invocation))

    def invocation_response(self, request: Request, request_id: str) -> Answer:
        """The function's result."""
        mode = request.header("Lambda-Runtime-Function-Response-Mode")
        if mode not in {None, "", "streaming"}:
            raise refusals.invalid_response_mode(str(mode))
        invocation = self._responding(request, request_id)
        size = len(request.body)
        if mode != "streaming" and size > RESPONSE_LIMIT:
            refusal = refusals.too_large(size, RESPONSE_LIMIT)
            text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT - 100} bytes)."
            self._respond(invocation, _error_body("Function.ResponseSizeTooLarge", text), "Unhandled")
            raise refusal
        error = request.trailers.get("lambda-runtime-function-error-type")
        invocation.content_type = request.header("Content-Type") or "application/json"
        self._respond(invocation, request.body, "Unhandled" if error else None, error)
        return ACCEPTED

    def invocation_error(self, request: Request, request_id: str) -> Answer:
        """The function raised."""
        invocation = self._responding(request, request_id)
        error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
        self._respond(invocation, request.body, "Unhandled", error_type)
        return ACCEPTED

    def _responding(self, request: Request, request_id: str) -> Invocation:
        with self._changed:
            life = self._life()
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
        self, invocation: Invocation, body: bytes, error: str | None = None, error_type: str | None = None
    ) -> None:
        with self._changed:
            invocation.answer(body, error, error_type, by_runtime=True)
            self._changed.notify_all()

    def init_error(self, request: Request, _id: str) -> Answer:
        """The runtime could not initialise."""
        with self._changed:
            life = self._life()
            life.move_runtime(RuntimeCall.REPORT_INIT_ERROR)
            error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
            life.fail(Fault(error_type, "the runtime reported an init error", request.body))
            self._changed.notify_all()
        return ACCEPTED

    def restore_next(self, _request: Request, _id: str) -> Answer | None:
        """SnapStart: block until the snapshot is restored."""
        with self._changed:
            life = self._life()
            life.move_runtime(RuntimeCall.RESTORE_NEXT)
            life.registry.closed = life.ready = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: life.ended or life.restored)
            if life.ended:
                return None
            life.move_runtime(RuntimeCall.RESTORE)
        return Answer(200)

    def restore_error(self, request: Request, _id: str) -> Answer:
        """SnapStart: a restore hook failed."""
        with self._changed:
            life = self._life()
            life.move_runtime(RuntimeCall.REPORT_RESTORE_ERROR)
            error_type = _clean_error_type(request.header("Lambda-Runtime-Function-Error-Type"))
            life.fail(Fault(error_type, "the runtime reported a restore error", request.body))
            self._changed.notify_all()
        return ACCEPTED

    def credentials(self, request: Request, _id: str) -> Answer:
        """SnapStart: what the container endpoint gives instead of keys in variables."""
        if self._function.initialization_type != SNAP_START:
            raise refusals.no_route()
        if request.header("Authorization") != self._function.container_token:
            raise refusals.Refused(403, "InvalidCredentialsToken", "the token is not this environment's")
        keys = self._function.credentials
        return _json(
            {
                "AccessKeyId": keys.access_key,
                "SecretAccessKey": keys.secret_key,
                "Token": keys.session_token,
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
            }
        )

    @staticmethod
    def ping(_request: Request, _id: str) -> Answer:
        """Answer that the server is there."""
        return Answer(200, b"pong", {"Content-Type": "text/plain"})


def _json(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, json.dumps(value).encode(), {**JSON, **(headers or {})})


def _error_body(error_type: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": error_type}).encode()


def _clean_error_type(text: str | None) -> str:
    if text and _ERROR_TYPE.fullmatch(text):
        return text
    return "Function.Unknown" if (text or "").startswith("Function.") else "Runtime.Unknown"


def _parse_register(body: bytes) -> _Register:
    if not body.strip():
        return _Register()
    try:
        wanted = _Register.model_validate_json(body)
    except ValidationError as error:
        raise refusals.invalid_request(error.errors()[0]["msg"]) from None
    if wanted.configuration_keys:
        raise refusals.invalid_request("configurationKeys is not supported")
    return wanted


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
