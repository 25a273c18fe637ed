"""The figures of a load test as lines of text, and as JSON. Pure. Moments are seconds from the beginning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.load.core.figures import Times, times
from adaptive_batching.wording import counted, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adaptive_batching.load.core.checks import Outcome
    from adaptive_batching.load.core.figures import Figures, Lead, Measured, Second

    Table = Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], list[str]]
    Duration = Callable[[float | None], str]

_SHOWN = ("p50", "p95", "p99", "max")
#: Rows of lead times in text; seconds are put together if there are more.
_ROWS = 30
#: Ids of traces that are named in text.
_NAMED = 3


@dataclass(frozen=True)
class Report:
    """All that is told of a test."""

    target: str
    seed: int
    measured: Measured
    phases: Sequence[Figures]
    whole: Figures
    lead: Lead | None
    outcomes: Sequence[Outcome]
    limit: str | None

    @property
    def passed(self) -> bool:
        """Whether no strict check failed."""
        return all(one.ok or not one.strict for one in self.outcomes)


def text(report: Report, table: Table, duration: Duration) -> list[str]:
    """Return the lines for a person.

    `table` makes lines of a head, rows, and the names of columns to align right; `duration` says a time in seconds.
    """
    rows = [_row(one, duration) for one in report.phases]
    if len(rows) > 1:
        rows.append(_row(report.whole, duration))
    lines = table(
        ["phase", "arrivals", "requests", "answers", *(name for name in _SHOWN)],
        rows,
        ["arrivals", "requests", *_SHOWN],
    )
    lines += [f"{'errors':9}  {kind}: {count:,}" for kind, count in report.whole.errors.items()]
    lines.append(f"{'generator':9}  {_generator(report, duration)}")
    if report.limit:
        lines.append(f"{'note':9}  {report.limit}")
    if report.lead:
        lines += ["", *_lead(report.lead, table, duration)]
    if report.outcomes:
        lines += ["", *(_check(one) for one in report.outcomes)]
    return lines


def _row(one: Figures, duration: Duration) -> list[str]:
    latency = one.latency
    answers = "  ".join(f"{code}: {count:,}" for code, count in one.codes.items()) or "none"
    return [
        one.name,
        f"{one.arrivals:,}",
        f"{one.requests:,}",
        answers,
        *(duration(value) for value in (latency.p50, latency.p95, latency.p99, latency.most)),
    ]


def _generator(report: Report, duration: Duration) -> str:
    whole, measured = report.whole, report.measured
    late = [duration(one) for one in (whole.lateness.p50, whole.lateness.p99, whole.lateness.most)]
    said = ["late {} (p50), {} (p99), {} (max)".format(*late)]
    said.append(f"{measured.most:,} of {measured.places:,} places taken at most")
    said.append(f"{whole.unsent:,} not sent in time")
    if whole.unanswered:
        said.append(f"{whole.unanswered:,} without an answer yet")
    return ", ".join([*said, f"seed {report.seed}"])


def _lead(lead: Lead, table: Table, duration: Duration) -> list[str]:
    reached = lead.answered - len(lead.missing)
    lines = [f"lead time to {lead.milestone}: {reached:,} of {counted(lead.answered, 'answered trace')} reached it"]
    if lead.without_id:
        lines.append(f"{counted(lead.without_id, 'answer')} named no trace, so nothing is known of them")
    if lead.missing:
        named = ", ".join(lead.missing[:_NAMED]) + (", …" if len(lead.missing) > _NAMED else "")
        lines.append(f"not reached: {named}")
    if lead.seconds:
        names = ["p50", "p95", "max"]
        rows = [
            [name, f"{arrivals:,}", f"{count:,}", duration(one.p50), duration(one.p95), duration(one.most)]
            for name, arrivals, count, one in _seconds(lead)
        ]
        rows.append(
            [
                "all",
                f"{lead.answered:,}",
                f"{reached:,}",
                *map(duration, (lead.whole.p50, lead.whole.p95, lead.whole.most)),
            ]
        )
        lines += table(["second", "arrived", "reached", *names], rows, ["second", *names])
    return lines


def _seconds(lead: Lead) -> list[tuple[str, int, int, Times]]:
    """Return the rows: a second each, or several put together if there are many."""
    last = lead.seconds[-1].second
    width = max(1, math.ceil((last + 1) / _ROWS))
    groups: dict[int, list[Second]] = {}
    for one in lead.seconds:
        groups.setdefault(one.second // width * width, []).append(one)
    return [
        (
            f"{first}" if width == 1 else f"{first}-{first + width - 1}",
            sum(one.arrivals for one in some),
            sum(len(one.leads) for one in some),
            times(lead for one in some for lead in one.leads),
        )
        for first, some in groups.items()
    ]


def _check(one: Outcome) -> str:
    values = ", ".join(
        f"{name} {'was not measured' if value is None else f'is {_figure(value)}'}"
        for name, value in one.values.items()
    )
    head = "ok" if one.ok else "failed" if one.strict else "failed, not strict"
    return f"ensure  {head}: {one.text}{f' ({values})' if values else ''}"


def _figure(value: float) -> str:
    """Return a figure with two decimals, and more of them where it is below 1."""
    return written(round(value, 2) if abs(value) >= 1 else float(f"{value:.4g}"))


def members(report: Report) -> dict[str, Any]:
    """Return the report as JSON."""
    measured, lead = report.measured, report.lead
    found: dict[str, Any] = {
        "target": report.target,
        "seed": report.seed,
        "started": measured.started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(measured.took, 3),
        "interrupted": measured.interrupted,
        "phases": [_figures(one) for one in report.phases],
        "all": _figures(report.whole),
        "generator": {
            "latenessMs": _times(report.whole.lateness),
            "notSent": report.whole.unsent,
            "mostInFlight": measured.most,
            "maxInFlight": measured.places,
            "limit": report.limit,
        },
    }
    if lead:
        found["leadTime"] = {
            "milestone": lead.milestone,
            "answered": lead.answered,
            "withoutId": lead.without_id,
            "notReached": list(lead.missing),
            "leadMs": _times(lead.whole),
            "bySecond": [
                {
                    "second": one.second,
                    "arrived": one.arrivals,
                    "reached": len(one.leads),
                    "leadMs": _times(times(one.leads)),
                }
                for one in lead.seconds
            ],
        }
    if report.outcomes:
        found["ensure"] = [
            {"check": one.text, "strict": one.strict, "ok": one.ok, "values": dict(one.values)}
            for one in report.outcomes
        ]
    return found


def _figures(one: Figures) -> dict[str, Any]:
    return {
        "name": one.name,
        "arrivals": one.arrivals,
        "notSent": one.unsent,
        "withoutAnswerYet": one.unanswered,
        "requests": one.requests,
        "codes": {str(code): count for code, count in one.codes.items()},
        "errors": dict(one.errors),
        "failed": one.failed,
        "latencyMs": _times(one.latency),
    }


def _times(one: Times) -> Mapping[str, float | None]:
    values = {"min": one.least, "mean": one.mean, "p50": one.p50, "p95": one.p95, "p99": one.p99, "max": one.most}
    return {name: None if value is None else round(value * 1000, 3) for name, value in values.items()}
