"""The calls of the Extensions API, and the subscriptions of the Logs and Telemetry API (protocol reference 3 to 5)."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adaptive_batching.sandbox import refusals
from adaptive_batching.sandbox.http_server import Answer, Request
from adaptive_batching.sandbox.options import LOGS, TELEMETRY
from adaptive_batching.sandbox.protocol.context import ACCEPTED, Apis, json_answer
from adaptive_batching.sandbox.protocol.generation import Fault, Life
from adaptive_batching.sandbox.protocol.states import ExtensionCall
from adaptive_batching.sandbox.refusals import JSON
from adaptive_batching.sandbox.telemetry import subscriptions

if TYPE_CHECKING:
    from adaptive_batching.sandbox.protocol.registry import Extension

_EXTENSION_ERROR = re.compile(r"Extension\.[A-Z][a-zA-Z]+")


class _Register(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    events: list[str] | None = None
    configuration_keys: Annotated[list[Any] | None, Field(alias="configurationKeys")] = None


def register(apis: Apis, request: Request, _id: str) -> Answer:
    """POST /2020-01-01/extension/register."""
    body = _parse_register(request.body)
    with apis.changed:
        name = request.header("Lambda-Extension-Name")
        extension = apis.life().registry.register(name, body.events or [], str(uuid.uuid4()))
        apis.changed.notify_all()
    known: dict[str, str] = {
        "functionName": apis.function.name,
        "functionVersion": apis.function.version,
        "handler": apis.function.handler,
    }
    features = (request.header("Lambda-Extension-Accept-Feature") or "").split(",")
    if "accountId" in (feature.strip() for feature in features):
        known["accountId"] = apis.function.account
    return json_answer(known, {"Lambda-Extension-Identifier": extension.identifier})


def event_next(apis: Apis, request: Request, _id: str) -> Answer | None:
    """Block until an event comes; None when the environment ends first."""
    with apis.changed:
        life = apis.life()
        extension = _identify(life, request)
        extension.apply(ExtensionCall.NEXT)
        apis.changed.notify_all()
        apis.changed.wait_for(lambda: extension.inbox or life.ended)
        if not extension.inbox:
            return None
        event = extension.inbox.popleft()
        extension.apply(ExtensionCall.DELIVER)
        apis.changed.notify_all()
    if event["eventType"] == "INVOKE":
        return json_answer(event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})
    return Answer(200, json.dumps(event).encode())


def init_error(apis: Apis, request: Request, _id: str) -> Answer:
    """An extension could not initialise."""
    return _extension_error(apis, request, ExtensionCall.REPORT_INIT_ERROR, "Extension.InitError")


def exit_error(apis: Apis, request: Request, _id: str) -> Answer:
    """An extension must end."""
    return _extension_error(apis, request, ExtensionCall.REPORT_EXIT_ERROR, "Extension.ExitError")


def _extension_error(apis: Apis, request: Request, call: ExtensionCall, default: str) -> Answer:
    with apis.changed:
        life = apis.life()
        extension = _identify(life, request)
        error_type = request.header("Lambda-Extension-Function-Error-Type")
        if error_type is None:
            raise refusals.missing_error_type()
        if life.managed and not _EXTENSION_ERROR.fullmatch(error_type):
            error_type = default
        extension.apply(call)
        extension.error_type = error_type
        life.fail(Fault(error_type, f"Extension {extension.name} reported {error_type}"))
        apis.changed.notify_all()
    return ACCEPTED


def _identify(life: Life, request: Request) -> Extension:
    return life.registry.identify(request.header("Lambda-Extension-Identifier"))


def subscribe_telemetry(apis: Apis, request: Request, _id: str) -> Answer:
    """PUT /2022-07-01/telemetry."""
    return _subscribe(apis, TELEMETRY, request)


def subscribe_logs(apis: Apis, request: Request, _id: str) -> Answer:
    """PUT /2020-08-15/logs."""
    return _subscribe(apis, LOGS, request)


def _subscribe(apis: Apis, api: str, request: Request) -> Answer:
    if api not in apis.supported:
        raise refusals.not_supported(api)
    with apis.changed:
        extension = _identify(apis.life(), request)
    wanted = subscriptions.parse(api, request.body, apis.schemas)
    apis.telemetry.subscribe(extension.name, wanted, time.time())
    return Answer(200, b'"OK"', JSON)


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
