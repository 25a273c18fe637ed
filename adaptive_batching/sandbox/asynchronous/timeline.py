"""A scenario for a person and for a program: its timeline, its metrics by minute, its diagnosis. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.asynchronous import metrics
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Retried, Run, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adaptive_batching.sandbox.asynchronous.diagnosis import Diagnosis
    from adaptive_batching.sandbox.asynchronous.queue import Decision
    from adaptive_batching.sandbox.asynchronous.virtual import History, Moment

_DAY = 86_400
_HEAD = ("time", "event", "age ms", "what")
#: The metrics of which the table has a row, in the order in which the guide looks at them.
_SHOWN = (metrics.AGE, metrics.ERRORS, metrics.THROTTLES, metrics.DROPPED)


def lines(history: History, diagnosis: Diagnosis, start: float) -> list[str]:
    """Return the text. `start` is the second of the day at which time 0 is."""
    return [*_timeline(history, start), *_metrics(history, start), *_diagnosis(diagnosis)]


def as_json(history: History, diagnosis: Diagnosis, start: float) -> dict[str, Any]:
    """Return all of it as a value for json.dumps. `at` and ages are in seconds from the beginning."""
    return {
        "start": clock(start),
        "timeline": [
            {
                "time": clock(start + one.at),
                "at": one.at,
                "event": one.decision.event.request_id,
                "what": type(one.decision).__name__.lower(),
                **_facts(one),
            }
            for one in history.moments
        ],
        "metrics": {
            name: {"statistic": metrics.statistic(name), **{_minute(one): value for one, value in minutes.items()}}
            for name, minutes in metrics.by_minute(history.data, start).items()
        },
        "diagnosis": {
            "kind": diagnosis.kind,
            "received": diagnosis.figures.received,
            "dropped": diagnosis.figures.dropped,
            "throttled": diagnosis.figures.throttled,
            "errors": diagnosis.figures.errors,
            "cause": diagnosis.cause,
            "remedy": diagnosis.remedy,
        },
    }


def clock(second: float) -> str:
    """Return a second of the day as HH:MM:SS."""
    whole = int(second) % _DAY
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def said(moment: Moment) -> str:
    """Return what was decided, for a person. "" for what the run's own line says already."""
    decision = moment.decision
    if isinstance(decision, Run):
        return "runs" if moment.duration is None else f"runs {_seconds(moment.duration)}"
    if isinstance(decision, Throttled):
        return f"throttled, again in {_seconds(decision.again)}"
    if isinstance(decision, Retried):
        why = "error" if decision.event.errors else "the sandbox failed"
        return f"{why}, again in {_seconds(decision.again)}"
    if isinstance(decision, Dropped):
        return f"dropped: {decision.reason}"
    return ""


def _timeline(history: History, start: float) -> list[str]:
    rows = [
        (clock(start + one.at), one.decision.event.request_id, _age(one.decision), what)
        for one in history.moments
        if (what := said(one))
    ]
    wide = max(len(row[2]) for row in [_HEAD, *rows])
    return [f"{at:<10}{event:<5}  {age:>{wide}}  {what}" for at, event, age, what in [_HEAD, *rows]]


def _age(decision: Decision) -> str:
    return f"{decision.age * 1000:,.0f}" if isinstance(decision, Run | Throttled) else "-"


def _metrics(history: History, start: float) -> list[str]:
    found = metrics.by_minute(history.data, start)
    shown = [name for name in _SHOWN if name == metrics.DROPPED or any(found.get(name, {}).values())]
    minutes = sorted({minute for name in shown for minute in found.get(name, {})})
    if not minutes:
        return []
    span = range(minutes[0], minutes[-1] + 1)
    head = ["metric", "statistic", *map(_minute, span)]
    rows = [[name, metrics.statistic(name), *(_value(found[name], one) for one in span)] for name in shown]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)  # noqa: PLR2004 - the two columns of names
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    ]


def _minute(minute: int) -> str:
    return clock(minute * metrics.MINUTE)[:5]


def _value(values: Mapping[int, float], minute: int) -> str:
    return f"{values[minute]:,.0f}" if minute in values else "-"


def _diagnosis(diagnosis: Diagnosis) -> list[str]:
    return [("diagnosis  " if number == 0 else " " * 11) + line for number, line in enumerate(diagnosis.lines())]


def _facts(moment: Moment) -> dict[str, Any]:
    decision = moment.decision
    if isinstance(decision, Run):
        return {"age": decision.age, "duration": moment.duration}
    if isinstance(decision, Throttled):
        return {"age": decision.age, "again": decision.again}
    if isinstance(decision, Retried):
        return {"again": decision.again}
    return {"reason": decision.reason} if isinstance(decision, Dropped) else {}


def _seconds(number: float) -> str:
    return f"{number:,.0f} s" if number == int(number) else f"{number:,.1f} s"
