"""The command `adaptive-batching async diagnose`."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Command, Mistake, Option, refusing
from adaptive_batching.option_types import FUNCTION, REGION, Number, Url, format_option
from adaptive_batching.sandbox.asynchronous.diagnosis import diagnose as judge
from adaptive_batching.sandbox.cli.asynchronous.commands import COMMANDS
from adaptive_batching.values.bounds import Bounds

if TYPE_CHECKING:
    from adaptive_batching.sandbox.asynchronous.configuration import Configuration
    from adaptive_batching.sandbox.asynchronous.diagnosis import Diagnosis

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SINCE = re.compile(r"([1-9]\d{0,3})([mhd])")
#: CloudWatch keeps data by the minute for this long.
_LONGEST = timedelta(days=15)


class _Since(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """A length of time."""

    name = "time"

    def convert(self, value: str | timedelta, _param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time. Raises Mistake."""
        if isinstance(value, timedelta):
            return value
        found = _SINCE.fullmatch(value)
        if not found or (since := timedelta(**{_UNITS[found[2]]: int(found[1])})) > _LONGEST:
            raise Mistake(f"--since {value!r} is not a time such as 90m, 3h or 2d, of 15 days at most", ctx)
        return since


def _diagnose(
    *, function: str, expect: int | None, since: timedelta, endpoint_url: str | None, region: str | None, output: str
) -> int:
    """Print the diagnosis. Return 0 if nothing is wrong, else 1. Raises Mistake, exit code 2, if that is unclear."""
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.sandbox.cli.asynchronous.figures import CannotSayError, Place, read  # noqa: PLC0415

    with refusing(CannotSayError):
        figures, held = read(Place(function, endpoint_url, region), since, expect)
    judged = judge(figures)
    out, _ = consoles()
    if output == "json":
        out.say(json.dumps(_as_json(judged, held), indent=2))
    else:
        for line in [*judged.lines(), *_whereabouts(judged, held)]:
            out.say(line)
    return int(judged.found)


def _whereabouts(judged: Diagnosis, held: Configuration) -> list[str]:
    """Return where the events that were dropped went."""
    if not judged.figures.dropped:
        return []
    kept = [arn for arn in (held.dead_letter, held.on_failure) if arn]
    if kept:
        return [f"Dropped events are in {' and '.join(kept)}."]
    return ["Dropped events are gone: there is neither a dead-letter queue nor a destination on failure."]


def _as_json(judged: Diagnosis, held: Configuration) -> dict[str, Any]:
    one = judged.figures
    return {
        "kind": judged.kind,
        "cause": judged.cause,
        "remedy": judged.remedy,
        "received": one.received,
        "expected": one.expected,
        "dropped": one.dropped,
        "throttled": one.throttled,
        "errors": one.errors,
        "greatestAgeSeconds": one.age,
        "settings": {
            "reservedConcurrency": held.reserved,
            "maximumEventAgeInSeconds": held.max_age,
            "maximumRetryAttempts": held.retries,
            "deadLetter": held.dead_letter or None,
            "onFailure": held.on_failure or None,
        },
    }


diagnose = Command(
    "diagnose",
    callback=_diagnose,
    help=f"Say {COMMANDS['diagnose'][1]}.",
    params=[
        Option(["--function"], type=FUNCTION, required=True, metavar="NAME", help="name or ARN of the function"),
        Option(
            ["--expect"],
            type=Number(int, Bounds(0)),
            metavar="N",
            help="how many events were sent, to find out whether all of them came",
        ),
        Option(
            ["--since"], type=_Since(), default=timedelta(hours=3), metavar="TIME", help="90m, 3h or 2d (default: 3h)"
        ),
        Option(["--endpoint-url"], type=Url(), metavar="URL", help="that of `sandbox serve --aws` (default: AWS)"),
        Option(["--region"], type=REGION, help="the function's region (default: that of the AWS settings)"),
        format_option("text", "json"),
    ],
)
