"""The top of the page: whether anything is missing, figures in total, what to look at first, charts over time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.page.markup import Html, attribute, chart, esc, join, section
from adaptive_batching.logs.report.words import count, duration, money, percent, width
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
#: The most heat maps. The document has more.
MOST_MAPS = 12
#: A lead time is worth a look if the longest is so many times the usual one.
_STRETCHED = 3
_LONG = 8  # characters of a figure that takes a smaller type


def badge(document: Document) -> Html:
    """Return whether anything is missing."""
    complete = document["complete"]
    kind, sign = ("good", "✓") if complete["whole"] else ("bad", "!")
    name, _, rest = complete["sentence"].partition(": ")
    return Html(f'<p class="badge {kind}"><b><span aria-hidden="true">{sign}</span> {esc(name)}</b> {esc(rest)}</p>')


def tiles(document: Document) -> Html:
    """Return the figures in total."""
    total = document["total"]
    failed = f"{percent(total['failed_rate'])} of all" if total["failed"] else "none"
    near = total["near_timeout"]
    inits = f"init p95 {duration(total['init_p95_ms'])}" if total["cold_starts"] else "none"
    longer = f"p95 {duration(total['p95_ms'])}, p99 {duration(total['p99_ms'])}"
    parts = [
        _tile("Invocations", count(total["invocations"]), counted(len(document["functions"]), "function")),
        _tile("Failed", count(total["failed"]), failed, bad=total["failed"] > 0),
        _tile(
            "Timeouts",
            count(total["timeouts"]),
            "timeouts are not known" if near is None else f"{count(near)} more near it",
            bad=total["timeouts"] > 0,
        ),
        _tile("Duration, p50", duration(total["p50_ms"]), longer),
        _tile("Cold starts", count(total["cold_starts"]), inits),
        _tile("Running at once", count(total["running_most"]), "at most"),
        _tile("Cost", money(total["cost"]), f"{count(total['gb_seconds'])} GB-seconds and the requests"),
    ]
    return Html(f'<dl class="tiles">{join(parts)}</dl>')


def _tile(name: str, value: str, about: str, *, bad: bool = False) -> Html:
    kind = f"tile{' bad' if bad else ''}{' long' if len(value) > _LONG else ''}"
    return Html(
        f"<div{attribute('class', kind)}><dt>{esc(name)}</dt><dd><b>{esc(value)}</b> "
        f"<span>{esc(about)}</span></dd></div>"
    )


def outstanding(document: Document) -> Html:
    """Return what to look at first, each a link to its section."""
    found = [*_found(document), *_late(document), *_repeated(document)]
    if not found:
        return Html()
    links = join([Html(f'<li><a href="#{where}">{esc(sentence, 400)}</a></li>') for where, sentence in found])
    return Html(
        f'<section id="first" aria-labelledby="first-h"><h2 id="first-h">Look at first</h2><ul>{links}</ul></section>'
    )


#: What was found -> the section that shows it.
_WHERE = {"failing": "errors", "slow": "traces", "queue": "lead"}


def _found(document: Document) -> Iterator[tuple[str, str]]:
    for one in document["findings"]:
        shown = one["kind"] != "queue" or (document["lead_time"] or {}).get("traces")
        yield _WHERE[one["kind"]] if shown else "functions", one["sentence"]


def _late(document: Document) -> Iterator[tuple[str, str]]:
    for one in sorted(document["functions"], key=lambda one: -(one["timeouts"] + (one["near_timeout"] or 0)))[:1]:
        if not (one["timeouts"] or one["near_timeout"]):
            continue
        near = f", {count(one['near_timeout'])} more took {document['near'] * 100:g} % of the timeout or longer"
        where = "limits" if document["near_timeout"] else "functions"
        yield where, f"{one['function']}: {counted(one['timeouts'], 'timeout')}{near if one['near_timeout'] else ''}"
    lead = document["lead_time"]
    if lead and lead["traces"] and lead["max_s"] > _STRETCHED * lead["p50_s"]:
        usual, most = duration(lead["p50_s"] * 1000), duration(lead["max_s"] * 1000)
        yield "lead", f"Lead time: usually {usual}, up to {most}"
    if lead and lead["stopped"]:
        stopped = counted(sum(one["traces"] for one in lead["stopped"]), "trace")
        most = "the last" if len(lead["stopped"]) == 1 else "most often the last"
        yield "lead", f"{stopped} did not reach {lead['to']}; {most} milestone: {lead['stopped'][0]['milestone']}"


def _repeated(document: Document) -> Iterator[tuple[str, str]]:
    bin_width = width(document["over_time"]["width_s"])
    for one in document["patterns"]:
        if one["lines"] and one["name"] != "ERROR":  # errors are above
            most = counted(max(one["over_time"]["invocations"]), "invocation")
            yield "patterns", f"“{one['name']}”: {counted(one['lines'], 'line')}, up to {most} within {bin_width}"


def over_time(document: Document) -> Html:
    """Return the charts over time."""
    bin_width = width(document["over_time"]["width_s"])
    lead = document["lead_time"]
    about = (
        f"Each point stands for {bin_width}. Point at a chart to read its values; drag to zoom, double-click for all."
    )
    parts: list[object] = [
        Html('<div class="charts">'),
        chart("c-invocations", "Invocations and errors", f"per {bin_width}, by when they began"),
        chart("c-percentiles", "Duration", "percentiles of the invocations that began then; logarithmic"),
        chart("c-running", "Running at once", "the most in that time, from platform.start to the last line"),
    ]
    if lead and lead["traces"]:
        ends = f"from {lead['from']} to {lead['to']}; a queue is a rising line"
        parts.append(chart("c-lead", "Lead time by arrival", ends))
    return section("time", "Over time", about, *parts, Html("</div>"))


def heat(document: Document) -> Html:
    """Return the places of the heat maps."""
    shown = maps(document)
    if not shown:
        return Html()
    left = len(document["durations"]["functions"]) - len(shown)
    about = "Every invocation: when it began and how long it took (logarithmic). The stronger the colour, the more."
    about += " The dashed line is the timeout."
    if left:
        about += f" {counted(left, 'function')} with fewer invocations left out."
    figures = [
        Html(
            f'<figure class="map"><figcaption><b>{esc(one["function"])}</b> '
            f"<span>{counted(sum(cell[2] for cell in one['cells']), 'invocation')}</span></figcaption>"
            f'<canvas data-map="{place}" role="img" aria-label="Durations of {esc(one["function"])} over time">'
            "</canvas></figure>"
        )
        for place, one in enumerate(shown)
    ]
    return section("durations", "Durations", about, Html('<div class="maps">'), *figures, Html("</div>"))


def maps(document: Document) -> list[dict[str, Any]]:
    """Return the heat maps that are shown: of the functions with the most invocations."""
    every = document["durations"]["functions"]
    return sorted(every, key=lambda one: (-sum(cell[2] for cell in one["cells"]), one["function"]))[:MOST_MAPS]
