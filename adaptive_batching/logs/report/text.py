"""The report as text for a terminal, and as CSV. Pure: the document in, lines out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from adaptive_batching.console import table
from adaptive_batching.logs.report.figures.functions import FIGURES
from adaptive_batching.logs.report.words import (
    count,
    cut,
    duration,
    money,
    percent,
    plain,
    when,
    width,
    zone_name,
)
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

#: The most rows of a table; JSON and the page have more.
MOST = 15
_WIDEST = 60  # characters of a name, a type or an example


def text(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield the lines of the report."""
    yield from head(document, zone)
    yield from _first(document)
    yield from _functions(document)
    yield from _limits(document, zone)
    yield from _errors(document, zone)
    yield from _lead(document, zone)
    yield from _waits(document)
    yield from _patterns(document, zone)
    yield ""
    yield from document["notes"]


def head(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield what was read, and the figures in total."""
    total = document["total"]
    name = zone_name(zone, document["generated"])
    since, until = window(document)
    yield f"{plain(document['source'])}  {when(since, zone)[:-4]} to {when(until, zone)[:-4]} {name}"
    parts = [
        counted(total["invocations"], "invocation"),
        f"{count(total['failed'])} failed" + (f" ({percent(total['failed_rate'])})" if total["failed"] else ""),
        counted(total["timeouts"], "timeout"),
        counted(total["cold_starts"], "cold start"),
        f"{count(total['running_most'])} at once",
        f"p50 {duration(total['p50_ms'])}",
        f"p95 {duration(total['p95_ms'])}",
        money(total["cost"]),
    ]
    yield "  ".join(parts)


def window(document: dict[str, Any]) -> tuple[str, str]:
    """Return the window that was asked for, or else the one that the charts show."""
    over = document["over_time"]
    return document["since"] or over["start"], document["until"] or over["end"]


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    yield from (f"  {line}" for line in table(names, rows[:MOST], right=frozenset(right)))
    if len(rows) > MOST:
        yield f"  and {len(rows) - MOST:,} more (--format json)"


def _first(document: dict[str, Any]) -> Iterator[str]:
    if document["findings"]:
        yield from ("", "look at first")
        yield from (f"  {plain(one['sentence'])}" for one in document["findings"])


def _functions(document: dict[str, Any]) -> Iterator[str]:
    names = ["function", "invocations", "failed", "timeouts", "mean", "p50", "p95", "p99", "max"]
    names += ["cold", "init p95", "memory", "at once", "cost"]
    rows = [
        (
            plain(one["function"]),
            count(one["invocations"]),
            count(one["failed"]),
            count(one["timeouts"]),
            *(duration(one[f"{name}_ms"]) for name in ("mean", "p50", "p95", "p99", "max")),
            count(one["cold_starts"]),
            duration(one["init_p95_ms"]),
            f"{count(one['memory_used_mb'])} of {count(one['memory_mb'])} MB",
            count(one["running_most"]),
            money(one["cost"]),
        )
        for one in document["functions"]
    ]
    yield from _table("functions", names, rows, names[1:])


def _limits(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    rows = [
        (
            when(one["at"], zone),
            plain(one["function"]),
            duration(one["duration_ms"]),
            duration(one["timeout_ms"]),
            percent(one["duration_ms"] / one["timeout_ms"]),
            plain(one["request_id"]),
        )
        for one in document["near_timeout"]
    ]
    near = f"near the timeout, {document['near'] * 100:g} % of it and more: smaller chunks of work"
    yield from _table(
        near, ("begun", "function", "took", "timeout", "of it", "request"), rows, ("took", "timeout", "of it")
    )
    short = [
        (
            plain(one["function"]),
            count(one["too_short"]),
            percent(one["too_short"] / one["invocations"]),
            duration(one["timeout_ms"]),
        )
        for one in document["functions"]
        if one["too_short"]
    ]
    title = f"short, less than {(document['short'] or 0) * 100:g} % of the timeout: larger chunks of work"
    names = ("function", "invocations", "of all", "timeout")
    yield from _table(title, names, short, names[1:])


def _errors(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    rows = [
        (
            cut(plain(one["type"]), _WIDEST),
            plain(one["function"]),
            count(one["lines"]),
            count(one["invocations"]),
            when(one["last"], zone),
            cut(plain(one["example"] or ""), _WIDEST),
        )
        for one in document["errors"]
    ]
    names = ("type", "function", "lines", "invocations", "last", "example")
    yield from _table("errors", names, rows, ("lines", "invocations"))


def _lead(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    lead = document["lead_time"]
    if lead is None:
        return
    if lead["traces"]:
        p50, p95, most = (duration(lead[name] * 1000) for name in ("p50_s", "p95_s", "max_s"))
        ends = f"{plain(lead['from'])} to {plain(lead['to'])}"
        title = f"lead time from {ends}: {counted(lead['traces'], 'trace')}, p50 {p50}, p95 {p95}, max {most}"
    else:
        title = f"lead time: no trace has {plain(lead['from'])} and then {plain(lead['to'])}"
        yield from ("", title)
    rows = [(when(one["at"], zone), duration(one["seconds"] * 1000), plain(one["trace"])) for one in lead["slowest"]]
    yield from _table(title, ("arrived", "took", "trace"), rows[:MOST], ("took",))
    rows = [(plain(one["milestone"]), count(one["traces"]), plain(one["trace"])) for one in lead["stopped"]]
    yield from _table(
        f"traces that did not reach {plain(lead['to'])}", ("last milestone", "traces", "the latest"), rows, ("traces",)
    )


def _waits(document: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            plain(one["from"]),
            plain(one["to"]),
            count(one["times"]),
            *(duration(one[name]) for name in ("p50_ms", "p95_ms", "max_ms")),
        )
        for one in document["waits"]
    ]
    names = ("from", "to", "times", "p50", "p95", "max")
    yield from _table("waits from function to function", names, rows, names[2:])


def _patterns(document: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    over = document["over_time"]
    rows = [
        (
            cut(plain(one["name"]), _WIDEST),
            count(one["lines"]),
            count(one["invocations"]),
            count(one["environments"]),
            count(max(one["over_time"]["invocations"], default=0)),
            count(max(one["over_time"]["environments"], default=0)),
            when(one["last"], zone),
        )
        for one in document["patterns"]
        if one["lines"]
    ]
    bin_width = width(over["width_s"])
    names = ("pattern", "lines", "invocations", "environments", "inv. at most", "env. at most", "last")
    yield from _table(f"patterns; at most: within {bin_width}", names, rows, names[1:6])


def as_csv(document: dict[str, Any]) -> str:
    """Return the functions, one row each: the figures as they stand in the JSON document."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["function", *FIGURES])
    for one in document["functions"]:
        writer.writerow([plain(one["function"]), *("" if one[name] is None else one[name] for name in FIGURES)])
    return out.getvalue()
