"""Lambda's API for the settings of a function: event invoke config, concurrency, dead-letter queue, its description.

Sources: the pages of the operations in Lambda's API reference, and botocore's model, which a test holds the answers to.
The handlers parse, delegate and render. A change holds also for the events that are queued.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from adaptive_batching.sandbox.asynchronous.configuration import (
    AGE,
    BOUNDS,
    DEAD_LETTER,
    DESTINATIONS,
    MOST_RESERVED,
    ON_FAILURE,
    ON_SUCCESS,
    RESERVED,
    RETRIES,
    target_refusal,
)
from adaptive_batching.sandbox.fleet.answers import INVALID, NOT_FOUND, RefusedError, document, error, invalid
from adaptive_batching.sandbox.http_server import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.fleet.settings import Settings
    from adaptive_batching.sandbox.http_server import Request

#: What stands in place of a variable's value.
MASK = "***"
_USES = (ON_SUCCESS, ON_FAILURE)
_NOTHING = "You must specify at least one of error handling or destination setting."


def put_event_config(fleet: Fleet, request: Request) -> Answer:
    """PutFunctionEventInvokeConfig: replace it."""
    return _event_config(fleet, fleet.settings.change(event_config=_wanted(fleet, request), modified=time.time()))


def update_event_config(fleet: Fleet, request: Request) -> Answer:
    """UpdateFunctionEventInvokeConfig: change the members that are given."""
    with fleet.settings.lock:  # what is merged must not change meanwhile
        before, wanted = _existing(fleet).event_config or {}, _wanted(fleet, request)
        destinations = {**(before.get(DESTINATIONS) or {}), **(wanted.get(DESTINATIONS) or {})}
        merged = {**before, **wanted, **({DESTINATIONS: destinations} if destinations else {})}
        return _event_config(fleet, fleet.settings.change(event_config=merged, modified=time.time()))


def get_event_config(fleet: Fleet, _request: Request) -> Answer:
    """GetFunctionEventInvokeConfig."""
    return _event_config(fleet, _existing(fleet))


def delete_event_config(fleet: Fleet, _request: Request) -> Answer:
    """DeleteFunctionEventInvokeConfig."""
    _existing(fleet)
    fleet.settings.change(event_config=None)
    return Answer(204)


def list_event_configs(fleet: Fleet, request: Request) -> Answer:
    """ListFunctionEventInvokeConfigs: there is one qualifier, and so at most one of them."""
    most = parse_qs(urlsplit(request.path).query).get("MaxItems", ["50"])[0]
    if not most.isdecimal() or not 1 <= int(most) <= 50:  # noqa: PLR2004 - the bounds of the API
        return invalid(most, "maxItems", "Member must have value between 1 and 50")
    found = fleet.settings.current
    rendered = [] if found.event_config is None else [_rendered(fleet, found)]
    return document({"FunctionEventInvokeConfigs": rendered})


def put_concurrency(fleet: Fleet, request: Request) -> Answer:
    """PutFunctionConcurrency."""
    body = _body(request)
    if RESERVED not in body:
        return invalid("null", "reservedConcurrentExecutions", "Member must not be null")
    number = _whole(body, RESERVED)
    if number < 0:
        return invalid(number, "reservedConcurrentExecutions", "Member must have value greater than or equal to 0")
    if number > MOST_RESERVED:
        below = "decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
        return error(400, INVALID, f"Specified {RESERVED} for function {below}")
    fleet.settings.change(reserved=number)
    return document({RESERVED: number})


def get_concurrency(fleet: Fleet, _request: Request) -> Answer:
    """GetFunctionConcurrency: empty if none is reserved."""
    return document(_concurrency(fleet.settings.current))


def delete_concurrency(fleet: Fleet, _request: Request) -> Answer:
    """DeleteFunctionConcurrency."""
    fleet.settings.change(reserved=None)
    return Answer(204)


def get_function(fleet: Fleet, _request: Request) -> Answer:
    """GetFunction."""
    concurrency = _concurrency(fleet.settings.current)
    found = {"Configuration": _configuration(fleet)}
    return document({**found, "Concurrency": concurrency} if concurrency else found)


def get_configuration(fleet: Fleet, _request: Request) -> Answer:
    """GetFunctionConfiguration."""
    return document(_configuration(fleet))


def update_configuration(fleet: Fleet, request: Request) -> Answer:
    """UpdateFunctionConfiguration, for the dead-letter queue alone: the rest is what the sandbox was started with."""
    body = _body(request)
    if others := sorted(set(body) - {DEAD_LETTER}):
        return error(
            400, INVALID, f"{', '.join(others)} cannot be changed here, only {DEAD_LETTER}; restart the sandbox"
        )
    if DEAD_LETTER in body:
        arn = _text(_mapping(body, DEAD_LETTER), "TargetArn")
        if arn and (why := target_refusal(arn, DEAD_LETTER, fleet.function.arn)):
            return error(400, INVALID, why)
        fleet.settings.change(dead_letter=arn)
    return document(_configuration(fleet))


#: Path after /functions/{name}, method, operation. The date before it is the version of the API.
OPERATIONS: list[tuple[str, str, str, Callable[[Fleet, Request], Answer]]] = [
    ("2019-09-25", "/event-invoke-config", "PUT", put_event_config),
    ("2019-09-25", "/event-invoke-config", "POST", update_event_config),
    ("2019-09-25", "/event-invoke-config", "GET", get_event_config),
    ("2019-09-25", "/event-invoke-config", "DELETE", delete_event_config),
    ("2019-09-25", "/event-invoke-config/list", "GET", list_event_configs),
    ("2017-10-31", "/concurrency", "PUT", put_concurrency),
    ("2019-09-30", "/concurrency", "GET", get_concurrency),
    ("2017-10-31", "/concurrency", "DELETE", delete_concurrency),
    ("2015-03-31", "", "GET", get_function),
    ("2015-03-31", "/configuration", "GET", get_configuration),
    ("2015-03-31", "/configuration", "PUT", update_configuration),
]


def _wanted(fleet: Fleet, request: Request) -> dict[str, Any]:
    """Return the event invoke config of a request. Raises RefusedError."""
    body = _body(request)
    wanted: dict[str, Any] = {}
    for name in (RETRIES, AGE):
        if body.get(name) is None:
            continue
        low, high = BOUNDS[name]
        number = _whole(body, name)
        member = f"{name[:1].lower()}{name[1:]}"
        if number > high:
            raise RefusedError(invalid(number, member, f"Member must have value less than or equal to {high}"))
        if number < low:
            raise RefusedError(invalid(number, member, f"Member must have value greater than or equal to {low}"))
        wanted[name] = number
    if body.get(DESTINATIONS) is not None:
        destinations = _mapping(body, DESTINATIONS)
        wanted[DESTINATIONS] = {
            use: _destination(fleet, use, _text(_mapping(destinations, use), "Destination"))
            for use in _USES
            if destinations.get(use) is not None
        }
    if not wanted:
        raise RefusedError(error(400, INVALID, _NOTHING))
    return wanted


def _destination(fleet: Fleet, use: str, arn: str) -> dict[str, str]:
    if arn and (why := target_refusal(arn, use, fleet.function.arn)):
        raise RefusedError(error(400, INVALID, why))
    return {"Destination": arn} if arn else {}


def _existing(fleet: Fleet) -> Settings:
    found = fleet.settings.current
    if found.event_config is None:
        text = f"The function {_latest(fleet)} doesn't have an EventInvokeConfig"
        raise RefusedError(error(404, NOT_FOUND, text))
    return found


def _event_config(fleet: Fleet, found: Settings) -> Answer:
    return document(_rendered(fleet, found))


def _rendered(fleet: Fleet, found: Settings) -> dict[str, Any]:
    config = found.event_config or {}
    destinations = config.get(DESTINATIONS) or {}
    return {
        **config,
        DESTINATIONS: {use: destinations.get(use, {}) for use in _USES},
        "FunctionArn": _latest(fleet),
        "LastModified": round(found.modified, 3),
    }


def _latest(fleet: Fleet) -> str:
    return f"{fleet.function.arn}:{fleet.function.version}"


def _concurrency(found: Settings) -> dict[str, int]:
    return {} if found.reserved is None else {RESERVED: found.reserved}


def _configuration(fleet: Fleet) -> dict[str, Any]:
    function, dead_letter = fleet.function, fleet.settings.current.dead_letter
    found = {
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
        "Environment": {"Variables": dict.fromkeys(function.variables, MASK)},  # any of them may be a secret
        "LoggingConfig": {"LogFormat": function.log_format, "LogGroup": function.log_group},
    }
    return {**found, DEAD_LETTER: {"TargetArn": dead_letter}} if dead_letter else found


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as why:
        text = f"Could not parse request body into json: {why}"
        raise RefusedError(error(400, "InvalidRequestContentException", text)) from None
    if not isinstance(body, dict):
        raise RefusedError(error(400, "InvalidRequestContentException", "The request body is not an object"))
    return body


def _whole(body: Mapping[str, Any], name: str) -> int:
    if isinstance(body[name], bool) or not isinstance(body[name], int):
        raise RefusedError(error(400, "InvalidRequestContentException", f"{name} is not an integer"))
    return int(body[name])


def _mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RefusedError(error(400, "InvalidRequestContentException", f"{name} is not an object"))
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if found is not None and not isinstance(found, str):
        raise RefusedError(error(400, "InvalidRequestContentException", f"{name} is not a string"))
    return found or ""
