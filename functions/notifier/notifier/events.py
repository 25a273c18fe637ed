"""What an event of the notifier says: alarms and failed events to tell, or that it is time to look at the queues. Pure.

Sources: "Using AWS Lambda with Amazon SNS", "Capturing records of Lambda asynchronous invocations" (developer guide),
"Amazon SNS message format" of CloudWatch alarms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from notifier.letters import about, failure
from notifier.notices import Clue, Notice, identifier, marker, moment

#: The namespace of the metrics that filters make, up to the function's name.
FILTERED = "adaptive-batching/"
#: Metrics that go up without a request that fails: no line says more than the alarm does.
LINELESS = {
    *("RecordsLost", "ShippingErrors"),
    *("Invocations", "Throttles", "Duration", "IteratorAge", "OffsetLag", "AsyncEventAge", "AsyncEventsReceived"),
    *("ConcurrentExecutions", "UnreservedConcurrentExecutions", "ClaimedAccountConcurrency"),
}
#: How long after its last period an alarm may come, in milliseconds.
LATENESS = 180_000


class UnknownEventError(ValueError):
    """An event is none that the notifier is made for. The message names its members, not their values."""


@dataclass(frozen=True)
class Arrived:
    """What to tell, and whether to look at the queues and at what was kept."""

    notices: tuple[Notice, ...] = ()
    look: bool = False


def read(event: object, queues: frozenset[str] = frozenset()) -> Arrived:
    """Return what an event says. `queues` are the names of those that are looked at.

    An alarm of one of them is no notice but a reason to look: its letters tell more. Raises UnknownEventError.
    """
    if isinstance(event, dict):
        if event.get("source") == "aws.events" and event.get("detail-type") == "Scheduled Event":
            return Arrived(look=True)
        if isinstance(records := event.get("Records"), list) and records:
            each = [_published(one, queues) for one in records]
            return Arrived(tuple(notice for one in each for notice in one.notices), any(one.look for one in each))
        detail = event.get("detail") if "detail-type" in event else event
        if isinstance(detail, dict) and isinstance(detail.get("requestContext"), dict):
            return Arrived(_record(detail))
    members = ", ".join(sorted(map(str, event))[:20]) if isinstance(event, dict) else type(event).__name__
    raise UnknownEventError(f"not an alarm, a failed event or a schedule: {members}")


def _published(record: Any, queues: frozenset[str]) -> Arrived:  # noqa: ANN401 - any JSON
    """Read one message of a topic."""
    sns = record.get("Sns") if isinstance(record, dict) and record.get("EventSource") == "aws:sns" else None
    if not isinstance(sns, dict):
        raise UnknownEventError("a record that is not of a topic: a queue as the source of events loses its messages")
    name, kept = marker(str(sns.get("MessageId", ""))), json.dumps({"Records": [record]})
    try:
        message = json.loads(str(sns.get("Message", "")))
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict) and "AlarmName" in message:
        return _alarm(message, name, kept, queues)
    if isinstance(message, dict) and isinstance(message.get("requestContext"), dict):
        return Arrived(tuple(replace(one, kept=kept) for one in _record(message)))
    attributes = {key: _member(value, "Value") for key, value in _mapping(sns.get("MessageAttributes")).items()}
    at = moment(sns.get("Timestamp"))
    return Arrived((replace(about(str(sns.get("Message", "")), attributes, {}, at), id=name, where="", kept=kept),))


def _alarm(alarm: dict[str, Any], name: str, kept: str, queues: frozenset[str]) -> Arrived:
    trigger = _mapping(alarm.get("Trigger"))
    metric = _metric(trigger)
    dimensions = {str(_member(one, "name")): str(_member(one, "value")) for one in _listed(metric.get("Dimensions"))}
    if dimensions.get("QueueName") in queues:
        return Arrived(look=True)
    at = moment(alarm.get("StateChangeTime"))
    notice = Notice(name, "alarm", str(alarm["AlarmName"]), at, said=str(alarm.get("NewStateReason", "")), kept=kept)
    if alarm.get("NewStateValue") != "ALARM":
        return Arrived((replace(notice, what=f"alarm is {alarm.get('NewStateValue')}:"),))
    if metric.get("MetricName") in LINELESS:
        return Arrived((notice,))
    periods = _number(trigger.get("EvaluationPeriods"), 1) + 1
    window = 1000 * _number(metric.get("Period"), 60) * periods + LATENESS
    # The filters of deploy/monitoring.yaml name the function in the namespace, all others of Lambda's in a dimension.
    named = str(metric.get("Namespace")).partition(FILTERED)
    function = dimensions.get("FunctionName") or (named[2] if not named[0] else "")
    clue = Clue(functions=(function,) if function else (), since=at - window, until=at)
    return Arrived((replace(notice, clue=clue),))


def _metric(trigger: dict[str, Any]) -> dict[str, Any]:
    """Return the metric of an alarm: of one that computes, the first that it computes with."""
    for one in _listed(trigger.get("Metrics")):
        statistic = _mapping(_member(one, "MetricStat"))
        if metric := _mapping(statistic.get("Metric")):
            return {**metric, "Period": statistic.get("Period")}
    return trigger


def _record(record: dict[str, Any]) -> tuple[Notice, ...]:
    """Read the record of an event or a batch that failed; that of a success tells nothing."""
    found = failure(record)
    if found is None:
        return ()
    request = identifier(_mapping(record.get("requestContext")).get("requestId"))
    where = found.clue.functions[0] if found.clue and found.clue.functions else ""
    name = marker(request or json.dumps(record, sort_keys=True))
    return (replace(found, id=name, what="failed event of", where=where, kept=json.dumps(record)),)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _member(value: object, name: str) -> object:
    return _mapping(value).get(name, "")


def _number(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value <= 86_400 else default  # noqa: PLR2004 - a day
