"""The calls of the Extensions API, the Logs API and the Telemetry API (docs/lambda-protocol.md, 3 to 5)."""

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
from adaptive_batching.sandbox.protocol.context import ACCEPTED, ApiContext, json_answer
from adaptive_batching.sandbox.protocol.generation import Failure, Generation
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


def register(context: ApiContext, request: Request, _id: str) -> Answer:
    """Register an extension: POST /2020-01-01/extension/register."""
    body = _parse_register(request.body)
    with context.changed:
        name = request.header("Lambda-Extension-Name")
        extension = context.generation.registry.register(name, body.events or [], str(uuid.uuid4()))
        context.changed.notify_all()
    known: dict[str, str] = {
        "functionName": context.function.name,
        "functionVersion": context.function.version,
        "handler": context.function.handler,
    }
    features = (request.header("Lambda-Extension-Accept-Feature") or "").split(",")
    if "accountId" in (feature.strip() for feature in features):
        known["accountId"] = context.function.account
    return json_answer(known, {"Lambda-Extension-Identifier": extension.identifier})


def event_next(context: ApiContext, request: Request, _id: str) -> Answer | None:
    """Block until there is an event for the extension. Return None if the generation ends first."""
    with context.changed:
        generation = context.generation
        extension = _identify(generation, request)
        extension.apply(ExtensionCall.NEXT)
        context.changed.notify_all()
        context.changed.wait_for(lambda: extension.inbox or generation.ended)
        if not extension.inbox:
            return None
        event = extension.inbox.popleft()
        extension.apply(ExtensionCall.DELIVER)
        context.changed.notify_all()
    if event["eventType"] == "INVOKE":
        return json_answer(event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})
    return Answer(200, json.dumps(event).encode())


def init_error(context: ApiContext, request: Request, _id: str) -> Answer:
    """Fail the generation, because an extension could not initialise."""
    return _extension_error(context, request, ExtensionCall.REPORT_INIT_ERROR, "Extension.InitError")


def exit_error(context: ApiContext, request: Request, _id: str) -> Answer:
    """Fail the generation, because an extension must exit."""
    return _extension_error(context, request, ExtensionCall.REPORT_EXIT_ERROR, "Extension.ExitError")


def _extension_error(context: ApiContext, request: Request, call: ExtensionCall, default: str) -> Answer:
    with context.changed:
        generation = context.generation
        extension = _identify(generation, request)
        error_type = request.header("Lambda-Extension-Function-Error-Type")
        if error_type is None:
            raise refusals.missing_error_type()
        if generation.managed and not _EXTENSION_ERROR.fullmatch(error_type):
            error_type = default
        extension.apply(call)
        extension.error_type = error_type
        generation.fail(Failure(error_type, f"Extension {extension.name} reported {error_type}"))
        context.changed.notify_all()
    return ACCEPTED


def _identify(generation: Generation, request: Request) -> Extension:
    return generation.registry.identify(request.header("Lambda-Extension-Identifier"))


def subscribe_telemetry(context: ApiContext, request: Request, _id: str) -> Answer:
    """Subscribe to the Telemetry API: PUT /2022-07-01/telemetry."""
    return _subscribe(context, TELEMETRY, request)


def subscribe_logs(context: ApiContext, request: Request, _id: str) -> Answer:
    """Subscribe to the Logs API: PUT /2020-08-15/logs."""
    return _subscribe(context, LOGS, request)


def _subscribe(context: ApiContext, api: str, request: Request) -> Answer:
    if api not in context.supported:
        raise refusals.not_supported(api)
    with context.changed:
        extension = _identify(context.generation, request)
    wanted = subscriptions.parse(api, request.body, context.schemas)
    context.telemetry.subscribe(extension.name, wanted, time.time())
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
