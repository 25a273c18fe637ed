"""The traces of the page: a waterfall each, with the lines of its functions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.page.markup import Html, attribute, esc, join, section
from adaptive_batching.logs.report.page.waterfall import WIDTH, Axis, axis, spans
from adaptive_batching.logs.report.words import duration, money, percent, when
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

#: The most bytes of the lines of one trace on the page, so that hostile lines do not make it as large as they like.
MOST_BYTES = 12_000
_LINE = 300  # characters of a line
_SPANS = 8  # sub-bars of an invocation
_HEIGHT = 14  # of a row, in units


def traces(document: dict[str, Any], zone: tzinfo) -> Html:
    """Return the slowest traces, and the latest of those that failed."""
    found = document["traces"]
    shown = {one["trace"] for one in found["slowest"]}
    failures = [one for one in found["failures"] if one["trace"] not in shown]
    if not (found["slowest"] or failures):
        return Html()
    about = "No line names a trace, so each invocation stands for itself."
    if found["named"]:
        about = f"{counted(found['named'], 'trace')}, {found['failed']:,} failed."
        about += " To scale, but for waits longer than a tenth of the work, which are breaks."
    about += " The lighter part of a bar is the init before it."
    parts: list[object] = [
        Html("<h3>Slowest</h3>"),
        *(_trace(one, zone, opened=not place) for place, one in enumerate(found["slowest"])),
    ]
    if found["failures"]:
        same = len(found["failures"]) - len(failures)
        above = f" ({same} of them above)" if same else ""
        parts.append(Html(f"<h3>Failed, the latest first{above}</h3>"))
        parts += [_trace(one, zone, opened=not place) for place, one in enumerate(failures)]
    return section("traces", "Traces", about, *parts)


def _trace(one: dict[str, Any], zone: tzinfo, *, opened: bool) -> Html:
    functions = counted(len({each["function"] for each in one["invocations"]}), "function")
    what = f"{functions}, {counted(one['invocation_count'], 'invocation')}, {money(one['cost'])}"
    failed = Html(' <span class="flag">failed</span>') if one["failed"] else Html()
    head = join(
        [
            Html(f"<time>{esc(when(one['at'], zone))}</time>"),
            Html(f"<b>{esc(duration(one['seconds'] * 1000))}</b>{failed}"),
            Html(f"<span>{esc(what)}</span>"),
            Html(f"<code>{esc(one['trace'])}</code>"),
        ],
        " ",
    )
    return Html(
        f'<details class="trace"{" open" if opened else Html()}><summary>{head}</summary>'
        f'<div class="fall">{join(list(_rows(one)))}</div>{_lines(one)}</details>'
    )


def _rows(one: dict[str, Any]) -> Iterator[Html]:
    ran = spans(one["invocations"])
    scale = axis(ran)
    waits = sorted(scale.waits, key=lambda wait: wait.begin)
    breaks = "".join(_band(scale, wait.begin, wait.end) for wait in waits if wait.broken)
    for invocation, (begin, end) in zip(one["invocations"], ran, strict=True):
        while waits and waits[0].end <= begin + 1e-6:
            wait = waits.pop(0)
            left, width = scale.bar(wait.begin, wait.end)
            kind = "break" if wait.broken else "wait"
            line = f'<line class="{kind}" x1="{left:.1f}" x2="{left + width:.1f}" y1="7" y2="7"/>'
            yield _row("waiting", line, breaks, duration(wait.ms), "quiet")
        yield _invocation(invocation, (begin, end), scale, breaks)
        yield from _spans(one["lines"], invocation, scale, breaks)
    if one["invocation_count"] > len(one["invocations"]):
        more = one["invocation_count"] - len(one["invocations"])
        yield Html(f'<p class="quiet">and {counted(more, "invocation")} more</p>')
    for each in one["never_reached"]:
        told = f"{each['milestone']} ({percent(each['share'])} of the traces that begin like this do)"
        yield Html(f'<p class="missed">never reached: {esc(told)}</p>')


def _invocation(one: dict[str, Any], ran: tuple[float, float], scale: Axis, breaks: str) -> Html:
    begin, end = ran
    bars = ""
    if one["init_ms"]:
        left, width = scale.bar(begin, one["offset_ms"])
        bars += f'<rect class="init" x="{left:.1f}" width="{width:.1f}" y="3" height="8"/>'
    left, width = scale.bar(one["offset_ms"], end)
    bars += (
        f'<rect class="{"failed" if one["failed"] else "ran"}" x="{left:.1f}" width="{width:.1f}" y="1" height="12"/>'
    )
    took = duration(one["ran_ms"]) + (f", init {duration(one['init_ms'])}" if one["init_ms"] else "")
    if one["failed"]:
        took += f", {one['status']}" if one["status"] != "success" else ", failed"
    return _row(one["function"], bars, breaks, took, "failure" if one["failed"] else "")


def _spans(lines: Sequence[dict[str, Any]], one: dict[str, Any], scale: Axis, breaks: str) -> Iterator[Html]:
    own = [each for each in lines if each["request_id"] == one["request_id"] and each["span"] and each["duration_ms"]]
    for each in own[:_SPANS]:
        end = each["offset_ms"]
        left, width = scale.bar(end - each["duration_ms"], end)
        yield _row(
            each["span"],
            f'<rect class="span" x="{left:.1f}" width="{width:.1f}" y="4" height="6"/>',
            breaks,
            duration(each["duration_ms"]),
            "sub",
        )


def _band(scale: Axis, begin: float, end: float) -> str:
    left, right = scale.at(begin), scale.at(end)
    return f'<rect class="band" x="{left:.1f}" width="{right - left:.1f}" y="0" height="{_HEIGHT}"/>'


def _row(name: str, bars: str, breaks: str, told: str, kind: str) -> Html:
    drawing = (
        f'<svg viewBox="0 0 {WIDTH:.0f} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{breaks}{bars}</svg>'
    )
    return Html(f'<div class="row {kind}"><span>{esc(name, 64)}</span>{drawing}<span>{esc(told)}</span></div>')


def _lines(one: dict[str, Any]) -> Html:
    rows, size, left_out = [], 0, one["lines_left_out"]
    for line in one["lines"]:
        level = (line["level"] or "").lower()
        kind = "bad" if line["is_error"] or level in ("error", "fatal") else "warn" if level == "warn" else ""
        row = Html(
            f'<tr{attribute("class", kind)}><td class="n">+{esc(duration(line["offset_ms"]))}</td>'
            f"<td>{esc(line['function'], 64)}</td>"
            f"<td>{esc(line['level'] or '')}</td><td><code>{esc(line['text'], _LINE, lines=True)}</code></td></tr>"
        )
        size += len(row.encode())
        if size > MOST_BYTES:
            left_out += 1
        else:
            rows.append(row)
    if not rows and not left_out:
        return Html('<p class="quiet">its functions have logged nothing</p>')
    more = Html(f'<p class="quiet">{counted(left_out, "line")} left out</p>') if left_out else Html()
    body = join(rows, "\n")
    head = '<thead class="away"><tr><th>After</th><th>Function</th><th>Level</th><th>Line</th></tr></thead>'
    return Html(f'<div class="scroll"><table class="lines">{head}<tbody>{body}</tbody></table></div>{more}')
