"""The page: one file with its own style and script, both named by their hashes in its policy, and nothing else. Pure.

`static/` holds uPlot 1.6.32 (MIT, uPlot.LICENSE) as npm has it; the rest is ours.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.page import figures, overview, trouble
from adaptive_batching.logs.report.page.markup import Html, data, esc, join, round_
from adaptive_batching.logs.report.page.traces import traces
from adaptive_batching.logs.report.text import window
from adaptive_batching.logs.report.words import money, when, zone_name

if TYPE_CHECKING:
    from datetime import tzinfo

UPLOT = "1.6.32"
#: What a server sends with the page, beside the policy that stands in it.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
_LINKS = {
    "time": "Over time",
    "durations": "Durations",
    "functions": "Functions",
    "errors": "Errors",
    "patterns": "Patterns",
    "limits": "Timeouts",
    "lead": "Lead time",
    "traces": "Traces",
}
_POINTS = ("p50_ms", "p95_ms", "p99_ms", "max_ms")


@cache
def _static(name: str) -> str:
    """Return a file of this package. No `</` that would end its element early may stand in it: a test looks."""
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(scripts: list[str], styles: list[str]) -> str:
    """Return the policy under which a browser runs these scripts and styles, and loads nothing at all."""
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {' '.join(map(_hash, styles))};"
        " base-uri 'none'; form-action 'none'"
    )


def page(document: dict[str, Any], zone: tzinfo) -> str:
    """Return the page for a report; its times are those of a zone."""
    scripts = [_static("uPlot.iife.min.js"), _static("page.js")]
    style = _static("uPlot.min.css") + _static("page.css")
    body = [
        overview.outstanding(document),
        overview.over_time(document),
        overview.heat(document),
        figures.functions(document),
        trouble.errors(document, zone),
        trouble.patterns(document, zone),
        figures.limits(document, zone),
        figures.lead(document, zone),
        traces(document, zone),
    ]
    links = [
        Html(f'<a href="#{name}">{title}</a>')
        for name, title in _LINKS.items()
        if any(f'id="{name}"' in part for part in body)
    ]
    since, until = window(document)
    name = zone_name(zone, document["generated"])
    shown = f"{when(since, zone)[:-7]} to {when(until, zone)[:-7]} {name}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts, [style])}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>Lambda report, {esc(shown)}</title>",
            f"<style>{style}</style></head><body>",
            '<a class="skip" href="#main">To the report</a>',
            f"<header><div><h1>Lambda report</h1><p><code>{esc(document['source'])}</code> {esc(shown)}</p></div>",
            _switch(),
            "</header>",
            f'<nav aria-label="Sections">{join(links)}</nav>',
            '<main id="main">',
            overview.badge(document),
            overview.tiles(document),
            "<noscript><p>The charts need JavaScript. Tables and traces do not.</p></noscript>",
            *body,
            "</main>",
            _footer(document, when(document["generated"], zone)[:-4], name),
            f'<script type="application/json" id="data">{data(charts(document, zone))}</script>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>",
            "",
        ]
    )


def _switch() -> str:
    choices = "".join(
        f'<label><input type="radio" name="theme" value="{value}"{" checked" if not value else ""}> {name}</label>'
        for value, name in (("", "Auto"), ("light", "Light"), ("dark", "Dark"))
    )
    return f'<fieldset class="choice" id="theme"><legend>Colours</legend>{choices}</fieldset>'


def _footer(document: dict[str, Any], made: str, zone: str) -> str:
    prices = document["prices"]
    cost = (
        f"Cost: billed duration x memory x ${prices['gb_second']:.10f} a GB-second"
        f" (arm64: ${prices['gb_second_arm']:.10f}), and {money(prices['request'] * 1_000_000)} for a million requests."
        f" Prices: {prices['region']}, {prices['as_of']}."
    )
    notes = join([Html(f"<li>{esc(note, 1000)}</li>") for note in [*document["notes"], cost]])
    return (
        f"<footer><h2>What these figures do not say</h2><ul>{notes}</ul>"
        f"<p>Made {esc(made)} {esc(zone)} by adaptive-batching logs report."
        f" Charts: uPlot {UPLOT}, MIT licence, © Leon Sorokin.</p></footer>"
    )


def charts(document: dict[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Return what the script draws. Moments are seconds since the epoch, shifted to read as those of the zone."""
    over, lead = document["over_time"], document["lead_time"]

    def shifted(iso: str) -> float:
        moment = datetime.fromisoformat(iso)
        offset = moment.astimezone(zone).utcoffset()
        return round(moment.timestamp() + (offset.total_seconds() if offset else 0.0), 3)

    timeouts = {one["function"]: one["timeout_ms"] for one in document["functions"]}
    maps = [
        {"timeout": timeouts.get(one["function"]), "cells": [figure for cell in one["cells"] for figure in cell]}
        for one in overview.maps(document)
    ]
    points = lead["points"] if lead else []
    return {
        "start": shifted(over["start"]),
        "width": over["width_s"],
        "bins": over["bins"],
        "invocations": over["invocations"],
        "failed": over["failed"],
        "running": over["running"],
        **{name.removesuffix("_ms"): round_(over[name]) for name in _POINTS},
        "rowsPerDecade": document["durations"]["rows_per_decade"],
        "maps": maps,
        "lead": [[shifted(at) for at, _ in points], round_([seconds for _, seconds in points])],
        "patterns": [{"name": one["name"], **one["over_time"]} for one in document["patterns"] if one["lines"]],
    }
