"""What invokes the functions of a template: the event sources that SAM and CloudFormation describe. Pure.

Source: the event sources of AWS::Serverless::Function in the SAM specification, AWS::Lambda::EventSourceMapping in the
CloudFormation reference, and the defaults of CreateEventSourceMapping in the Lambda API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.option_types import Bounds
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape.description import FUNCTIONS, MAPPING
from adaptive_batching.sandbox.landscape.rest.routes import ANY, Route
from adaptive_batching.sandbox.template.file import shown, split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.sandbox.template.template import Template

#: What invokes functions and is run here.
API, SQS, DYNAMODB, SCHEDULE = "Api", "SQS", "DynamoDB", "Schedule"
#: The response type by which a function names the records of a batch that failed.
PARTIAL = "ReportBatchItemFailures"
#: Seconds of the units in a rate.
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_ANY_METHOD = "X-AMAZON-APIGATEWAY-ANY-METHOD"
#: What AWS takes. -1 is no limit, where that is the default.
_BOUNDS = {
    "BatchSize": Bounds(1, 10_000),
    "MaximumBatchingWindowInSeconds": Bounds(0, 300),
    "MaximumConcurrency": Bounds(2, 1000),
    "MaximumRetryAttempts": Bounds(0, 10_000),
    "MaximumRecordAgeInSeconds": Bounds(60, 604_800),
}
#: The largest batch of a queue without a batching window, and that of a FIFO queue, which cannot have one.
_AT_ONCE = 10
#: Settings of an event source mapping that change what a function gets, and are not modelled.
_NOT_MODELLED = {
    "FilterCriteria": "every record is delivered",
    "ParallelizationFactor": "batches run one at a time",
    "TumblingWindowInSeconds": "no state is handed on",
}
_TRUE = (True, "true", "True")
_SERVICE = 2  # the part of an ARN that names its service


@dataclass(frozen=True)
class QueueMapping:
    """An SQS event source. `queue` is an ARN, `window` in seconds, `most` the MaximumConcurrency, None without one."""

    function: str
    queue: str
    batch_size: int = 10
    window: float = 0.0
    most: int | None = None
    partial: bool = False


@dataclass(frozen=True)
class StreamMapping:
    """A DynamoDB event source. `stream` and `on_failure` are ARNs, `window` and `max_age` in seconds.

    `retries` and `max_age` are -1 if only the end of the records' retention bounds them.
    """

    function: str
    stream: str
    latest: bool = False
    batch_size: int = 100
    window: float = 0.0
    retries: int = -1
    max_age: float = -1.0
    bisect: bool = False
    partial: bool = False
    on_failure: str = ""


@dataclass(frozen=True)
class Rate:
    """A schedule. `every` is in seconds, `payload` what the function gets instead of the event, "" for the event."""

    function: str
    name: str
    every: float
    payload: str = ""


@dataclass
class Sources:
    """All event sources of a template. `notes` say, in a sentence each, what is not run or not modelled."""

    routes: list[Route] = field(default_factory=list)
    queues: list[QueueMapping] = field(default_factory=list)
    streams: list[StreamMapping] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(template: Template) -> Sources:
    """Return the event sources of a template's functions. Raises SandboxError.

    Read it when its tables and queues are made: their ARNs and URLs are then known.
    """
    found = Sources()
    types = template.resources()
    functions = {name: template.name(name) for name, kind in types.items() if kind in FUNCTIONS}
    for logical_id, function in functions.items():
        for name, raw in template.raw(logical_id, "Events").items():
            _event(found, template, raw, Where(logical_id, name, function))
    for logical_id in (name for name, kind in types.items() if kind == MAPPING):
        properties = template.properties(logical_id)
        arn = str(properties.get("EventSourceArn", ""))
        service = arn.split(":")[_SERVICE] if arn.count(":") > _SERVICE else ""
        where = Where(logical_id, "", str(properties.get("FunctionName", "")).rpartition(":")[2])
        if where.function not in functions.values():
            found.notes.append(f"{where} is not run: {where.function or 'nothing'} is not a function of the template")
        elif service == "sqs":
            _queue(found, {**properties, "Queue": arn}, where)
        elif service == "dynamodb":
            _stream(found, {**properties, "Stream": arn}, where)
        else:
            found.notes.append(f"{where} is not run: its source is {shown(arn)}, not a queue or a stream of a table")
    return found


@dataclass(frozen=True)
class Where:
    """The event source that is read: its function's logical id, its own name there, and the function's name."""

    logical_id: str
    name: str
    function: str

    def __str__(self) -> str:
        return f"{self.logical_id}.{self.name}" if self.name else self.logical_id


def _event(found: Sources, template: Template, raw: object, where: Where) -> None:
    """Add one event source of a function of SAM."""
    kind = str(raw.get("Type")) if isinstance(raw, dict) else ""
    reading: dict[str, Callable[[Sources, Mapping[str, Any], Where], None]] = {
        SQS: _queue,
        DYNAMODB: _stream,
        SCHEDULE: _rate,
    }
    given = (raw.get("Properties") if isinstance(raw, dict) else None) or {}
    if kind == API:
        _route(found, template, given, where)
    elif kind in reading:
        reading[kind](found, template.plain(given, str(where)), where)
    else:
        found.notes.append(f"{where} is not run: events of type {kind or shown(raw)} are not made here")


def _route(found: Sources, template: Template, given: Mapping[str, Any], where: Where) -> None:
    settings = template.globals("Api")
    name, argument = split(given.get("RestApiId"))
    if name == "Ref" and str(argument) in template.resources():
        settings = {**settings, **template.properties(str(argument), ("StageName", "BinaryMediaTypes", "Auth"))}
    if settings.get("Auth") or given.get("Auth"):
        found.notes.append(f"{where} has an authorizer or a key, which is not checked here: every request is taken")
    path, method = (template.plain(given.get(one), f"{where}.{one}") for one in ("Path", "Method"))
    if not isinstance(path, str) or not isinstance(method, str) or not path.startswith("/"):
        raise SandboxError(
            f"{where} has the path {shown(path)} and the method {shown(method)}; write both, as in /items and get"
        )
    method = ANY if method.upper() == _ANY_METHOD else method.upper()
    types = template.plain(settings.get("BinaryMediaTypes") or [], f"{where}.BinaryMediaTypes")
    stage = str(template.plain(settings.get("StageName", "Prod"), f"{where}.StageName"))
    taken = next((one for one in found.routes if (one.method, one.path) == (method, path)), None)
    if taken:
        found.notes.append(f"{where} is not served: {method} {path} is that of {taken.function} already")
        return
    found.routes.append(Route(method, path, where.function, stage, tuple(str(one) for one in types)))


def _queue(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where):
        return
    most = (given.get("ScalingConfig") or {}).get("MaximumConcurrency")
    size, window = (_number(given, *one, where) for one in (("BatchSize", 10), ("MaximumBatchingWindowInSeconds", 0)))
    if size > _AT_ONCE and not window:
        raise SandboxError(
            f"{where}.BatchSize is {size}, which AWS refuses without MaximumBatchingWindowInSeconds; it takes 1 to 10"
        )
    found.queues.append(
        QueueMapping(
            where.function,
            _arn(given, "Queue", where),
            size,
            window,
            None if most is None else _number({"MaximumConcurrency": most}, "MaximumConcurrency", 0, where),
            _is_partial(given, where),
        )
    )


def _stream(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where):
        return
    target = ((given.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or ""
    if target and not str(target).startswith("arn:aws:sqs:"):
        found.notes.append(f"{where}.OnFailure is not sent: {shown(target)} is not a queue")
        target = ""
    found.streams.append(
        StreamMapping(
            where.function,
            _arn(given, "Stream", where),
            str(given.get("StartingPosition")) == "LATEST",
            _number(given, "BatchSize", 100, where),
            _number(given, "MaximumBatchingWindowInSeconds", 0, where),
            _number(given, "MaximumRetryAttempts", -1, where),
            _number(given, "MaximumRecordAgeInSeconds", -1, where),
            given.get("BisectBatchOnFunctionError") in _TRUE,
            _is_partial(given, where),
            str(target),
        )
    )


def _rate(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where) or given.get("State") == "DISABLED":
        return
    expression = str(given.get("Schedule", ""))
    matched = _RATE.fullmatch(expression)
    if not matched or not int(matched[1]):
        found.notes.append(f"{where} is not run: {expression!r} is not a rate, such as rate(5 minutes)")
        return
    name = str(given.get("Name") or f"{where.logical_id}{where.name}")
    every = int(matched[1]) * _UNITS[matched[2]]
    found.rates.append(Rate(where.function, name, every, str(given.get("Input") or "")))


def _is_off(found: Sources, given: Mapping[str, Any], where: Where) -> bool:
    """Return whether a source is disabled, and note what of it is not modelled."""
    if str(given.get("Enabled", "true")).lower() == "false":
        found.notes.append(f"{where} is not run: it is disabled in the template")
        return True
    for name, instead in _NOT_MODELLED.items():
        if given.get(name) and str(given[name]) != "1":
            found.notes.append(f"{where}.{name} is not modelled: {instead}")
    return False


def _arn(given: Mapping[str, Any], name: str, where: Where) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.startswith("arn:"):
        raise SandboxError(f"{where}.{name} is {shown(value)}, not an ARN")
    return value


def _number(given: Mapping[str, Any], name: str, default: int, where: Where) -> int:
    value = given.get(name, default)
    try:
        found = int(str(value))
    except ValueError:
        raise SandboxError(f"{where}.{name} is {shown(value)}, not a whole number") from None
    if found not in _BOUNDS[name] and not (found == -1 == default):
        raise SandboxError(f"{where}.{name} is {found}, which AWS refuses; it takes {_BOUNDS[name]}")
    return found


def _is_partial(given: Mapping[str, Any], where: Where) -> bool:
    """Return whether a function names the records that failed."""
    types = given.get("FunctionResponseTypes") or []
    if types not in ([], [PARTIAL]):
        raise SandboxError(f"{where}.FunctionResponseTypes is {shown(types)}, which AWS refuses; it takes [{PARTIAL}]")
    return bool(types)
