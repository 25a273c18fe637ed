"""The report: everything that the logs of a window tell, as one document (docs/logs/report.md describes it)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from adaptive_batching.logs.report.bins import bins, iso, microseconds
from adaptive_batching.logs.report.figures import findings, flow, functions, overtime, shown, trouble
from adaptive_batching.logs.report.figures.tables import Terms, prepare
from adaptive_batching.logs.report.patterns import KNOWN, Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adaptive_batching.logs.reading import Logs

#: The version of the document: another number, if a member is taken away or gets another meaning.
FORMAT = 1
THROTTLES = (
    "Throttled requests leave no log: they are not in these figures (CloudWatch's metric Throttles counts them)."
)


@dataclass(frozen=True)
class Wish:
    """What the report is to say."""

    terms: Terms = field(default_factory=Terms)
    patterns: Sequence[Pattern] = KNOWN
    milestones: tuple[str, str] | None = None


def document(
    logs: Logs, wish: Wish, source: str, now: datetime, progress: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Return the report. Raises PatternsError for a regular expression that is not one of RE2."""
    connection, terms = logs.connection, wish.terms
    parts = 7
    prepare(connection, terms)
    progress(1, parts)
    total, each = functions.by_function(connection, terms)
    near = functions.near_timeout(connection, terms)
    progress(2, parts)
    over = overtime.divided(connection) or bins(microseconds(now), microseconds(now))
    over_time, heat = overtime.series(connection, over), overtime.heat(connection, over)
    progress(3, parts)
    errors = trouble.errors(connection)
    progress(4, parts)
    patterns = trouble.patterns(connection, wish.patterns, over)
    progress(5, parts)
    lead = flow.lead_time(connection, wish.milestones)
    waits = flow.waits(connection)
    found = findings.findings(connection)
    progress(6, parts)
    traces = shown.summary(connection)
    progress(7, parts)
    complete = logs.complete()
    since, until = (None if one is None else iso(microseconds(one)) for one in (logs.window.since, logs.window.until))
    return {
        "format": FORMAT,
        "source": source,
        "generated": iso(microseconds(now)),
        "since": since,
        "until": until,
        "complete": {**asdict(complete), "whole": complete.whole, "sentence": complete.sentence},
        "prices": {
            "as_of": prices.AS_OF,
            "region": prices.REGION,
            "gb_second": terms.gb_second or prices.GB_SECOND["x86_64"],
            "gb_second_arm": terms.gb_second or prices.GB_SECOND["arm64"],
            "request": prices.REQUEST,
        },
        "near": terms.near,
        "short": terms.short,
        "notes": notes(total, each),
        "findings": found,
        "total": total,
        "functions": each,
        "near_timeout": near,
        "over_time": over_time,
        "durations": heat,
        "errors": errors,
        "patterns": patterns,
        "lead_time": lead,
        "waits": waits,
        "traces": traces,
    }


def notes(total: dict[str, Any], each: Sequence[dict[str, Any]]) -> list[str]:
    """Return what these figures cannot say, a sentence each."""
    found = [THROTTLES]
    if total["unreported"]:
        which = "1 invocation has" if total["unreported"] == 1 else f"{total['unreported']:,} invocations have"
        found.append(
            f"{which} no platform.report (yet): memory and billed duration are not known, cost is the request's."
        )
    unknown = [one["function"] for one in each if one["timeout_ms"] is None]
    if unknown:
        some = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else "")  # noqa: PLR2004
        found.append(f"The timeout of {some} is not known (--timeout NAME=SECONDS): what is near it is not counted.")
    return found
