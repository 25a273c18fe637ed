"""The metrics that Lambda sends to CloudWatch for a function, as data of their decisions. Pure.

Source: "Types of metrics for Lambda functions" in the Lambda developer guide, and AWS's guide to the metrics of
asynchronous invocations. Times are in seconds, from the beginning that the caller has.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.asynchronous.queue import Decision, Dropped, Run, Throttled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECEIVED, AGE, DROPPED = "AsyncEventsReceived", "AsyncEventAge", "AsyncEventsDropped"
INVOCATIONS, ERRORS, THROTTLES = "Invocations", "Errors", "Throttles"
DURATION, CONCURRENT = "Duration", "ConcurrentExecutions"
DEAD_LETTER_ERRORS, DELIVERY_FAILURES = "DeadLetterErrors", "DestinationDeliveryFailures"
MAXIMUM, SUM = "Maximum", "Sum"
#: Metric -> its unit. The others are counts.
UNITS = {AGE: "Milliseconds", DURATION: "Milliseconds"}
#: Metric -> the statistic that says most. Of the others it is the sum.
_STATISTICS = {AGE: MAXIMUM, DURATION: MAXIMUM, CONCURRENT: MAXIMUM}
MINUTE = 60


@dataclass(frozen=True)
class Datum:
    """One value of one metric. `at` is a time in seconds."""

    name: str
    value: float
    at: float

    @property
    def unit(self) -> str:
        """The unit, as CloudWatch names it."""
        return UNITS.get(self.name, "Count")


def statistic(name: str) -> str:
    """Return the statistic in which a metric is looked at."""
    return _STATISTICS.get(name, SUM)


def received(now: float) -> list[Datum]:
    """Return the data of an event that was accepted."""
    return [Datum(RECEIVED, 1, now)]


def throttled(now: float) -> list[Datum]:
    """Return the data of one throttle, of either kind of invocation."""
    return [Datum(THROTTLES, 1, now), Datum(ERRORS, 0, now)]


def decided(decision: Decision, now: float) -> list[Datum]:
    """Return the data of a decision. A run has more when it has ended: `ended`."""
    if isinstance(decision, Run):
        return [Datum(AGE, decision.age * 1000, now)]
    if isinstance(decision, Throttled):
        return [Datum(AGE, decision.age * 1000, now), *throttled(now)]
    if isinstance(decision, Dropped):
        return [Datum(DROPPED, 1, now)]
    return []


def ended(start: float, duration: float, concurrent: int, *, error: bool, asynchronous: bool) -> list[Datum]:
    """Return the data of a run, stamped with its start. `duration` is in seconds.

    `concurrent` is the number of the function's runs at that moment, this one included.
    """
    data = {INVOCATIONS: 1, ERRORS: int(error), THROTTLES: 0, DURATION: duration * 1000, CONCURRENT: concurrent}
    if asynchronous and not error:
        data[DROPPED] = 0
    return [Datum(name, value, start) for name, value in data.items()]


def by_minute(data: Iterable[Datum], offset: float = 0.0) -> Mapping[str, Mapping[int, float]]:
    """Return metric -> minute -> value in the statistic that says most. `offset` is added to each time, in seconds."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in data:
        found[one.name][int((one.at + offset) // MINUTE)].append(one.value)
    return {
        name: {minute: max(values) if statistic(name) == MAXIMUM else sum(values) for minute, values in minutes.items()}
        for name, minutes in found.items()
    }


def total(data: Iterable[Datum], name: str) -> int:
    """Return the sum of a metric of counts."""
    return int(sum(one.value for one in data if one.name == name))
