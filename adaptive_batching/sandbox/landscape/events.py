"""What invokes the functions of a template: the event sources that SAM and CloudFormation describe. Pure.

Source: the event sources of AWS::Serverless::Function in the SAM specification, AWS::Lambda::EventSourceMapping in the
CloudFormation reference, and the defaults of CreateEventSourceMapping in the Lambda API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape import properties
from adaptive_batching.sandbox.landscape.description import FIFO, FUNCTIONS, MAPPING
from adaptive_batching.sandbox.landscape.rest.routes import ANY, Route
from adaptive_batching.sandbox.template.file import shown, split, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adaptive_batching.sandbox.landscape.description import Queue
    from adaptive_batching.sandbox.template.template import Template

#: What invokes functions and is run here.
API, SQS, DYNAMODB, SCHEDULE = "Api", "SQS", "DynamoDB", "Schedule"
#: Seconds of the units in a rate.
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_ANY_METHOD = "X-AMAZON-APIGATEWAY-ANY-METHOD"
#: The largest batch of a queue without a batching window, and that of a FIFO queue, which cannot have one.
_AT_ONCE = 10
#: Settings of an event source mapping that change what a function gets, and are not modelled.
_NOT_MODELLED = {
    "FilterCriteria": "every record is delivered",
    "ParallelizationFactor": "batches run one at a time",
    "TumblingWindowInSeconds": "no state is handed on",
}
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


def check_timeouts(sources: Sources, queues: Iterable[Queue], timeouts: Mapping[str, float]) -> None:
    """Raise SandboxError where a queue shows its messages again before its function has timed out, as AWS does.

    `timeouts` are those of the functions by their names, in seconds.
    """
    known = {one.arn: one for one in queues}
    for mapping in sources.queues:
        queue, timeout = known.get(mapping.queue), timeouts[mapping.function]
        if queue and queue.visibility < timeout:
            raise SandboxError(
                f"{queue.logical_id}.VisibilityTimeout is {queue.visibility}, below the timeout of {mapping.function}, "
                f"{timeout:g} seconds; AWS refuses such an event source and recommends six times the timeout"
            )


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
    plain = template.plain(given, str(where)) if kind in reading else given
    if not isinstance(plain, dict):
        raise SandboxError(f"{where}.Properties is {shown(plain)}, not a mapping")
    if kind == API:
        _route(found, template, plain, where)
    elif kind in reading:
        reading[kind](found, plain, where)
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
    properties.check({"BinaryMediaTypes": types}, properties.API, str(where))
    stage = str(template.plain(settings.get("StageName", "Prod"), f"{where}.StageName"))
    taken = next((one for one in found.routes if (one.method, one.path) == (method, path)), None)
    if taken:
        found.notes.append(f"{where} is not served: {method} {path} is that of {taken.function} already")
        return
    found.routes.append(Route(method, path, where.function, stage, tuple(str(one) for one in types)))


def _queue(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where):
        return
    properties.check(given, properties.SOURCE, str(where))
    most = given.get("ScalingConfig", {}).get("MaximumConcurrency")
    size, window = _number(given, "BatchSize", 10), _number(given, "MaximumBatchingWindowInSeconds", 0)
    queue = _arn(given, "Queue", where)
    if queue.endswith(FIFO) and window:
        raise SandboxError(
            f"{where}.MaximumBatchingWindowInSeconds is {window}, which AWS refuses for a FIFO queue; leave it out"
        )
    if queue.endswith(FIFO) and size > _AT_ONCE:
        raise SandboxError(f"{where}.BatchSize is {size}, which AWS refuses for a FIFO queue; it takes 1 to 10")
    if size > _AT_ONCE and not window:
        raise SandboxError(
            f"{where}.BatchSize is {size}, which AWS refuses without MaximumBatchingWindowInSeconds; it takes 1 to 10"
        )
    found.queues.append(
        QueueMapping(
            where.function,
            queue,
            size,
            window,
            None if most is None else int(str(most)),
            bool(given.get("FunctionResponseTypes")),
        )
    )


def _stream(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where):
        return
    properties.check(given, properties.SOURCE, str(where))
    target = str(given.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""))
    if target and not target.startswith("arn:aws:sqs:"):
        found.notes.append(f"{where}.OnFailure is not sent: {shown(target)} is not a queue")
        target = ""
    found.streams.append(
        StreamMapping(
            where.function,
            _arn(given, "Stream", where),
            given.get("StartingPosition") == "LATEST",
            _number(given, "BatchSize", 100),
            _number(given, "MaximumBatchingWindowInSeconds", 0),
            _number(given, "MaximumRetryAttempts", -1),
            _number(given, "MaximumRecordAgeInSeconds", -1),
            text(given.get("BisectBatchOnFunctionError")) == "true",
            bool(given.get("FunctionResponseTypes")),
            target,
        )
    )


def _rate(found: Sources, given: Mapping[str, Any], where: Where) -> None:
    if _is_off(found, given, where) or given.get("State") == "DISABLED":
        return
    properties.check(given, properties.SCHEDULE, str(where))
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


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    return int(str(given.get(name, default)))
