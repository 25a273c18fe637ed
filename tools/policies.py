"""docs/policies.md and its two charts, from benchmarks/results/policies.json (`make bench` measures that)."""

from __future__ import annotations

import json
from math import exp, log, log10
from typing import TYPE_CHECKING, Any

from benchmarks.policies.rules import BOUND, adaptive
from benchmarks.policies.tables import CENTS, COLUMNS, END, SLACK, Verdict, age, cells, share
from tools.page import DOCS, ROOT, filled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Rows = dict[str, dict[str, Any]]

RESULT = ROOT / "benchmarks" / "results" / "policies.json"
OURS, OTHERS, AHEAD = "#d9480f", "#868e96", "#2b8a3e"  # mode `adaptive`; other rules; who knows the future
LEAST_DOLLARS, MOST_DOLLARS = 0.005, 50.0  # the axes of a panel, both logarithmic
LEAST_AGE, MOST_AGE = 0.1, 100_000.0  # s
PANEL, ACROSS, MARGIN = 180, 4, 34  # pixels of a panel, panels in a row, pixels around
STYLE = "<style>text{fill:#343a40;font-family:sans-serif}@media(prefers-color-scheme:dark){text{fill:#dee2e6}}</style>"


def pages() -> dict[Path, str]:
    """Return what the page and the charts have to contain."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    seeds, max_delay = result["seeds"], result["maxDelay"]
    first = next(iter(seeds.values()))
    page = DOCS / "policies.md"
    return {
        page: filled(
            page.read_text(encoding="utf-8"),
            reached=reached(seeds, max_delay),
            summary=summary(first, max_delay),
            tables=tables(first),
        ),
        DOCS / "policies-traces.svg": panels(first),
        DOCS / "policies-all.svg": overview(first),
    }


def reached(seeds: dict[str, dict[str, Rows]], max_delay: float) -> str:
    """Return what came of the promise, for each seed."""
    text = "| | " + " | ".join(f"seed {seed}" for seed in seeds) + " |\n|---|" + "---|" * len(seeds) + "\n"
    verdicts = [Verdict(traces, max_delay) for traces in seeds.values()]
    rows: list[tuple[str, Iterable[str]]] = [
        ("late, on the worst trace (2 % is aimed at)", (share(one.most_late) for one in verdicts)),
        (
            f"traces with p99 within MAX_DELAY + {SLACK:g} s (18 of 22 are aimed at)",
            (f"{one.in_time} of {one.traces}" for one in verdicts),
        ),
        (
            f"most that a rule at least as fresh at p99 saves, per million ({100 * CENTS:g} cents are aimed at)",
            (f"{100 * one.most_cents:.1f} cents" for one in verdicts),
        ),
        (
            f"cost beside “{END}”, geometric mean (a half is aimed at)",
            (f"{100 * one.mean:.0f} %" for one in verdicts),
        ),
        ("more cold starts, on the worst trace", (share(one.most_cold) for one in verdicts)),
    ]
    return text + "".join(f"| {what} | {' | '.join(values)} |\n" for what, values in rows)


def summary(traces: dict[str, Rows], max_delay: float) -> str:
    """Return one line for each trace: mode `adaptive`, the bound, and the end of every invocation."""
    name = adaptive(max_delay)
    text = (
        "| trace | adaptive: $/million | p99 | late | more cold | knows the future | every end | every 20 s: $, p99 |\n"
    )
    text += "|---|---|---|---|---|---|---|---|\n"
    for trace, rows in traces.items():
        ours, periodic = rows[name], rows["every 20 s"]
        text += (
            f"| {trace} | {ours['dollars_per_million']:.2f} | {age(ours['p99'])} | {share(ours['late'])} "
            f"| {share(ours['more_cold'])} | {rows[BOUND]['dollars_per_million']:.2f} "
            f"| {rows[END]['dollars_per_million']:.2f} "
            f"| {periodic['dollars_per_million']:.2f}, {age(periodic['p99'])} |\n"
        )
    return text


def tables(traces: dict[str, Rows]) -> str:
    """Return every figure."""
    text = ""
    for trace, rows in traces.items():
        text += f"\n### {trace}\n\n| rule | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}\n"
        text += "".join(f"| {rule} | {' | '.join(cells(row))} |\n" for rule, row in rows.items())
    return text + "\n"


def colour(rule: str) -> str:
    """Return the colour of a rule's points."""
    return OURS if rule.startswith("adaptive") else AHEAD if rule == BOUND else OTHERS


def place(dollars: float, seconds: float, width: float, height: float) -> tuple[float, float]:
    """Return where a point lies in a panel, from its upper left corner."""
    x = log10(max(seconds, LEAST_AGE) / LEAST_AGE) / log10(MOST_AGE / LEAST_AGE)
    y = log10(max(dollars, LEAST_DOLLARS) / LEAST_DOLLARS) / log10(MOST_DOLLARS / LEAST_DOLLARS)
    return width * min(x, 1.0), height * (1 - min(y, 1.0))


def dot(row: tuple[float, float], rule: str, left: float, top: float, width: float, height: float) -> str:
    """Return the point of one rule, with its name to point at."""
    dollars, seconds = row
    x, y = place(dollars, seconds, width, height)
    return (
        f'<circle cx="{left + x:.1f}" cy="{top + y:.1f}" r="4" fill="{colour(rule)}" fill-opacity="0.8">'
        f"<title>{rule}: ${dollars:.2f}, {age(seconds)}</title></circle>"
    )


def frame(left: float, top: float, width: float, height: float) -> list[str]:
    """Return a panel's frame, with a line at each power of ten of both axes."""
    parts = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{OTHERS}"/>']
    for power in range(-2, 2):
        _, y = place(10.0**power, 1, width, height)
        parts.append(
            f'<text x="{left - 4}" y="{top + y + 4:.1f}" font-size="9" text-anchor="end">{10.0**power:g}</text>'
        )
    for power in range(-1, 6, 2):
        x, _ = place(1, 10.0**power, width, height)
        below = f'x="{left + x:.1f}" y="{top + height + 11}"'
        parts.append(f'<text {below} font-size="9" text-anchor="middle">{10.0**power:g}</text>')
    return parts


def panels(traces: dict[str, Rows]) -> str:
    """Return the chart of cost against p99, a panel for each trace."""
    step = PANEL + MARGIN + 12
    height = MARGIN + step * -(-len(traces) // ACROSS) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {MARGIN + step * ACROSS} {height}" font-size="12">',
        STYLE,
        (
            f'<text x="{MARGIN}" y="16">$ per million invocations (upwards) and p99 of the age in seconds; '
            "orange: adaptive, 5 to 300 s; green: knows the future; grey: other rules</text>"
        ),
    ]
    for number, (trace, rows) in enumerate(traces.items()):
        left, top = MARGIN + step * (number % ACROSS), MARGIN + 14 + step * (number // ACROSS)
        parts.append(f'<text x="{left}" y="{top - 5}" font-weight="bold">{trace}</text>')
        parts += frame(left, top, PANEL, PANEL)
        parts += [
            dot((row["dollars_per_million"], row["p99"]), rule, left, top, PANEL, PANEL) for rule, row in rows.items()
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def overview(traces: dict[str, Rows]) -> str:
    """Return the chart of all traces at once: geometric means of cost and p99, and the worst late share beside them."""
    width, height, legend = 420, 420, 300
    parts = [
        (
            '<svg xmlns="http://www.w3.org/2000/svg" font-size="11" '
            f'viewBox="0 0 {width + 2 * MARGIN + legend} {height + 2 * MARGIN}">'
        ),
        STYLE,
        (
            f'<text x="{MARGIN}" y="16">geometric means over {len(traces)} traces: $ per million invocations '
            "(upwards), p99 of the age in seconds; in brackets: late on the worst trace</text>"
        ),
        *frame(MARGIN, MARGIN, width, height),
    ]
    for number, rule in enumerate(next(iter(traces.values())), 1):
        dollars = mean(rows[rule]["dollars_per_million"] for rows in traces.values())
        seconds = mean(rows[rule]["p99"] for rows in traces.values())
        late = max(rows[rule]["late"] for rows in traces.values())
        x, y = place(dollars, seconds, width, height)
        parts.append(dot((dollars, seconds), rule, MARGIN, MARGIN, width, height))
        parts.append(f'<text x="{MARGIN + x + 5:.1f}" y="{MARGIN + y - 4:.1f}" font-size="9">{number}</text>')
        name = f"{number}  {rule} ({share(late)})"
        below = f'x="{MARGIN + width + 16}" y="{MARGIN + 16 * number}"'
        parts.append(f"<text {below}>{name}</text>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def mean(values: Iterable[float]) -> float:
    """Return the geometric mean; a value below a thousandth counts as one."""
    logs = [log(max(value, 0.001)) for value in values]
    return exp(sum(logs) / len(logs))
