"""The tables of errors and patterns. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.page.markup import Html, cell, chart, esc, head, join, name, number, section, table
from adaptive_batching.logs.report.words import count, when, width

if TYPE_CHECKING:
    from datetime import tzinfo

Document = dict[str, Any]
#: The most rows of a table on the page. The document has more.
MOST_ROWS = 30
#: What is counted of patterns; the chart shows the first until another is chosen.
_COUNTED = ("invocations", "environments", "lines")


def errors(document: Document, zone: tzinfo) -> Html:
    """Return the errors by type."""
    names = head(
        "Type",
        "Function",
        "#Lines|that name the error; none if the platform alone tells of it",
        "#Invocations",
        "@First",
        "@Last",
        "Latest",
    )
    rows = [
        [
            cell(one["type"]),
            cell(one["function"], "f"),
            number(count(one["lines"]), one["lines"]),
            number(count(one["invocations"]), one["invocations"]),
            cell(when(one["first"], zone)[:-4], "t"),
            cell(when(one["last"], zone)[:-4], "t"),
            cell(
                Html(f"<code>{esc(one['example'] or '')}</code> <small>{esc(one['request_id'] or '')}</small>"), "wide"
            ),
        ]
        for one in document["errors"][:MOST_ROWS]
    ]
    if not rows:
        return section("errors", "Errors", "No line names an error, and no invocation failed.")
    about = "Lines of functions that name an error, handled or not, and failed invocations of which the platform tells."
    return section("errors", "Errors", about, table("By type and function", names, rows))


def patterns(document: Document, zone: tzinfo) -> Html:
    """Return the patterns, with their chart if any was found."""
    found = [one for one in document["patterns"] if one["lines"]]
    absent = ", ".join(f"“{one['name']}”" for one in document["patterns"] if not one["lines"])
    nowhere = f"Not found: {absent}." if absent else ""
    if not found:
        return section("patterns", "Patterns", nowhere)
    bin_width = width(document["over_time"]["width_s"])
    names = head(
        "Pattern",
        "#Lines",
        "#Invocations|that have such a line",
        "#Environments|that have such a line",
        f"#Invocations at most|within {bin_width}",
        f"#Environments at most|within {bin_width}",
        "Functions",
        "@Last",
    )
    rows = [
        [
            name(one["name"]),
            *(number(count(one[which])) for which in ("lines", "invocations", "environments")),
            *(number(count(max(one["over_time"][which]))) for which in ("invocations", "environments")),
            cell(", ".join(one["functions"])),
            cell(when(one["last"], zone)[:-4], "t"),
        ]
        for one in found
    ]
    about = f"How many invocations, environments and lines had them at any moment. {nowhere}"
    parts = [_choice(), chart("c-patterns", "Patterns over time", f"per {bin_width}"), table("In all", names, rows)]
    return section("patterns", "Patterns", about, *parts)


def _choice() -> Html:
    labels = [
        Html(f'<label><input type="radio" name="counted" value="{which}"{"" if place else " checked"}> {which}</label>')
        for place, which in enumerate(_COUNTED)
    ]
    return Html(f'<fieldset class="choice"><legend>Counted</legend>{join(labels)}</fieldset>')
