"""The tables of functions, timeouts, lead times and waits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.page.markup import Html, cell, code, head, join, name, number, section, table
from adaptive_batching.logs.report.words import count, duration, money, percent, when
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from datetime import tzinfo

Document = dict[str, Any]
#: The most rows of a table on the page. The document has more.
MOST_FUNCTIONS, MOST_ROWS, MOST_LEADS = 100, 30, 10


def functions(document: Document) -> Html:
    """Return the table of functions."""
    names = head(
        "Function",
        "#Invocations|attempts: one that is tried again counts again",
        "#Failed|status other than success, or an error that nothing caught",
        "#Timeouts",
        "#Mean|of the durations",
        "#p50|half of the durations are shorter",
        "#p95|95 % of the durations are shorter",
        "#p99|99 % of the durations are shorter",
        "#Max|the longest duration",
        "#Cold starts|invocations with an init before them",
        "#Init p95|95 % of the inits are shorter",
        "#Memory used|at most, of what is configured",
        "#At once|running at the same time, at most",
        "#Cost|billed duration x memory x price, and the requests",
    )
    rows = [_function(one) for one in document["functions"][:MOST_FUNCTIONS]]
    left = len(document["functions"]) - len(rows)
    more = f" The first {MOST_FUNCTIONS} by name, of {len(document['functions']):,}." if left else ""
    about = f"Select a heading to sort.{more}"
    return section("functions", "Functions", about, table("By function", names, rows, sorts=True))


def _function(one: dict[str, Any]) -> list[Html]:
    failed = f"{count(one['failed'])} ({percent(one['failed_rate'])})" if one["failed"] else "0"
    return [
        name(one["function"]),
        number(count(one["invocations"]), one["invocations"]),
        number(failed, one["failed"], "bad" if one["failed"] else ""),
        number(count(one["timeouts"]), one["timeouts"], "bad" if one["timeouts"] else ""),
        *(number(duration(one[f"{which}_ms"]), one[f"{which}_ms"]) for which in ("mean", "p50", "p95", "p99", "max")),
        number(count(one["cold_starts"]), one["cold_starts"]),
        number(duration(one["init_p95_ms"]), one["init_p95_ms"]),
        _memory(one),
        number(count(one["running_most"]), one["running_most"]),
        number(money(one["cost"]), one["cost"]),
    ]


def _memory(one: dict[str, Any]) -> Html:
    used, size = one["memory_used_mb"], one["memory_mb"]
    if used is None or not size:
        return number("-")
    meter = f'<meter min="0" max="1" high="0.9" value="{min(used / size, 1):.3f}" aria-hidden="true"></meter>'
    return number(Html(f"{count(used)} of {count(size)} MB{meter}"), used / size)


def limits(document: Document, zone: tzinfo) -> Html:
    """Return what is near its timeout, and what is far from it."""
    near = [
        [
            cell(when(one["at"], zone), "t"),
            cell(one["function"], "f"),
            number(duration(one["duration_ms"])),
            number(duration(one["timeout_ms"])),
            number(percent(one["duration_ms"] / one["timeout_ms"])),
            code(one["request_id"]),
        ]
        for one in document["near_timeout"]
    ]
    short = [
        [
            name(one["function"]),
            number(count(one["too_short"])),
            number(percent(one["too_short"] / one["invocations"])),
            number(duration(one["timeout_ms"])),
        ]
        for one in document["functions"][:MOST_FUNCTIONS]
        if one["too_short"]
    ]
    parts = []
    if near:
        title = f"Near the timeout, {document['near'] * 100:g} % of it and more: smaller chunks of work"
        parts.append(table(title, head("@Began", "Function", "#Took", "#Timeout", "#Of it", "Request"), near))
    if short:
        title = f"Short, less than {document['short'] * 100:g} % of the timeout: larger chunks of work"
        parts.append(table(title, head("Function", "#Invocations", "#Of all", "#Timeout"), short))
    about = "How much of its timeout the work takes. Invocations that reached it are counted as timeouts, not here."
    return section("limits", "Timeouts", about, *parts) if parts else Html()


def lead(document: Document, zone: tzinfo) -> Html:
    """Return the slowest lead times, where traces stopped, and the waits between functions."""
    found = document["lead_time"]
    slowest = _slowest(found, zone) if found and found["slowest"] else Html()
    beside = join([_stopped(found) if found and found["stopped"] else Html(), _waits(document)])
    if not (slowest or beside):
        return Html()
    about = "From the first to the last of two milestones of a trace, and what lies between its functions."
    parts = [Html(f"<div>{one}</div>") for one in (slowest, beside) if one]
    return section("lead", "Lead time and waits", about, Html('<div class="pair">'), *parts, Html("</div>"))


def _slowest(found: dict[str, Any], zone: tzinfo) -> Html:
    figures = ", ".join(f"{which} {duration(found[f'{which}_s'] * 1000)}" for which in ("p50", "p95", "max"))
    rows = [
        [cell(when(one["at"], zone), "t"), number(duration(one["seconds"] * 1000)), code(one["trace"])]
        for one in found["slowest"][:MOST_LEADS]
    ]
    title = f"Slowest from {found['from']} to {found['to']}; {counted(found['traces'], 'trace')}, {figures}"
    return table(title, head("@Arrived", "#Took", "Trace"), rows)


def _stopped(found: dict[str, Any]) -> Html:
    rows = [
        [cell(one["milestone"]), number(count(one["traces"])), code(one["trace"])]
        for one in found["stopped"][:MOST_ROWS]
    ]
    return table(f"Traces that did not reach {found['to']}", head("Last milestone", "#Traces", "The latest"), rows)


def _waits(document: Document) -> Html:
    if not document["waits"]:
        return Html()
    rows = [
        [
            cell(one["from"]),
            cell(one["to"]),
            number(count(one["times"])),
            *(number(duration(one[which])) for which in ("p50_ms", "p95_ms", "max_ms")),
        ]
        for one in document["waits"][:MOST_ROWS]
    ]
    return table("Waits from function to function", head("From", "To", "#Times", "#p50", "#p95", "#Max"), rows)
