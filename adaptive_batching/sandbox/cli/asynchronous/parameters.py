"""The options of `run` and `serve` for asynchronous invocations, and what they are together with a template's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adaptive_batching.command_line import Option
from adaptive_batching.option_types import DAY, File, Number, Text
from adaptive_batching.sandbox.asynchronous.configuration import (
    AGE,
    BOUNDS,
    DEAD_LETTER,
    DESTINATIONS,
    GREATEST_AGE,
    LEAST_AGE,
    MOST_RESERVED,
    MOST_RETRIES,
    ON_FAILURE,
    ON_SUCCESS,
    RESERVED,
    RETRIES,
    target_refusal,
)
from adaptive_batching.sandbox.cli.asynchronous.jitter import JITTER
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    import click

    from adaptive_batching.sandbox.cli.arguments import Given
    from adaptive_batching.sandbox.function import Function

_ARN = Text(r"arn:.+", "an ARN such as arn:aws:sqs:us-east-1:123456789012:queue")


def _option(*words: str, **settings: Any) -> click.Parameter:  # noqa: ANN401 - click's own
    return Option(words, group="concurrency and events", **settings)


OPTIONS: list[click.Parameter] = [
    _option(
        "--reserved-concurrency",
        type=Number(int, Bounds(0, MOST_RESERVED)),
        metavar="N",
        help="runs at a time, beyond which invocations are throttled (default: none reserved)",
    ),
    _option(
        "--max-event-age",
        type=Number(int, Bounds(LEAST_AGE, GREATEST_AGE)),
        metavar="S",
        help=f"seconds after which an event is dropped (default: {GREATEST_AGE:,})",
    ),
    _option(
        "--retries",
        type=Number(int, Bounds(0, MOST_RETRIES)),
        metavar="N",
        help=f"retries after errors of the function (default: {MOST_RETRIES})",
    ),
    _option("--dead-letter", type=_ARN, metavar="ARN", help="queue or topic for the events that are dropped"),
    _option("--on-success", type=_ARN, metavar="ARN", help="destination of the records of events that succeed"),
    _option("--on-failure", type=_ARN, metavar="ARN", help="destination of the records of events that are dropped"),
    _option("--records", type=File(), metavar="FILE", help="append the record of each event that ends, as a JSON line"),
    _option(
        "--aws",
        is_flag=True,
        help="start moto's server for metrics, queues, topics, buses and buckets; --s3 implies it",
    ),
    _option(
        "--time-scale",
        type=Number(float, Bounds(0, DAY, above=True)),
        default=1.0,
        metavar="N",
        help="a second here is N of Lambda's, for waits, ages and metrics (default: 1)",
    ),
    _option("--jitter", is_flag=True, help=f"each wait is up to {JITTER:.0%} shorter or longer, as on AWS, by --seed"),
]


def with_events(function: Function, given: Given) -> Function:
    """Return the function with what the options say of concurrency and events.

    Raises SandboxError for an ARN, and for a number of the template that is out of bounds.
    """
    document: dict[str, Any] = dict(function.event_config or {})
    if given.retries is not None:
        document[RETRIES] = given.retries
    if given.max_event_age is not None:
        document[AGE] = given.max_event_age
    destinations = dict(document.get(DESTINATIONS) or {})
    for use, arn in ((ON_SUCCESS, given.on_success), (ON_FAILURE, given.on_failure)):
        if arn is not None:
            destinations[use] = {"Destination": arn}
    if destinations:
        document[DESTINATIONS] = destinations
    found = replace(
        function,
        event_config=document or None,
        reserved=function.reserved if given.reserved_concurrency is None else given.reserved_concurrency,
        dead_letter=function.dead_letter if given.dead_letter is None else given.dead_letter,
    )
    for name, number in (*((name, document.get(name)) for name in (RETRIES, AGE)), (RESERVED, found.reserved)):
        low, high = BOUNDS[name]
        if number is not None and not low <= number <= high:
            raise SandboxError(f"{given.folder}: {name} is {number}; it must be {low:,} to {high:,}")
    named = [(use, (one or {}).get("Destination") or "") for use, one in destinations.items()]
    for use, arn in [*named, (DEAD_LETTER, found.dead_letter)]:
        if arn and (why := target_refusal(arn, use, found.arn)):
            raise SandboxError(why)
    return found
