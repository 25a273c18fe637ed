"""HTML as text: escaping, tables, the data of the charts. Pure. All that a page says of a log goes through here."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.words import cut, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What JSON leaves as it is and HTML does not: a data block ends at `</script`, whatever stands around it.
_DANGEROUS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def esc(text: object, most: int = 300, *, lines: bool = False) -> Html:
    """Return a text for an element or a quoted attribute: control characters as text, at most so many characters."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(plain(cut(str(text), most), lines=lines)))


def attribute(name: str, value: object) -> Html:
    """Return an attribute with a blank before it, or nothing if it has no value."""
    return Html(f' {name}="{esc(value)}"') if value else Html()


def data(value: object) -> Html:
    """Return a value as JSON that may stand in a script element."""
    text = json.dumps(value, separators=(",", ":"))
    for one, other in _DANGEROUS.items():
        text = text.replace(one, other)
    return Html(text)


def join(parts: Sequence[object], between: str = "") -> Html:
    """Return parts one behind the other, each escaped unless it is HTML."""
    return Html(between.join(esc(part) for part in parts))


def number(text: object, value: float | None = None, kind: str = "") -> Html:
    """Return a cell with a figure, aligned right; `value` is what it is sorted by, `kind` a class."""
    by = "" if value is None else f' data-v="{value:.6g}"'
    return Html(f"<td{attribute('class', f'n {kind}'.strip())}{by}>{esc(text)}</td>")


def cell(text: object, kind: str = "") -> Html:
    """Return a cell with a text; `kind`: a class."""
    return Html(f"<td{attribute('class', kind)}>{esc(text)}</td>")


def name(text: object) -> Html:
    """Return the cell that names its row."""
    return Html(f'<th scope="row">{esc(text)}</th>')


def code(text: object) -> Html:
    """Return a cell with an id."""
    return Html(f'<td class="id"><code>{esc(text)}</code></td>')


def head(*names: str) -> Html:
    """Return the headings of a table. `#Mean|of the durations`: figures, with an explanation; `@Began`: times."""
    return join([_heading(*one.partition("|")[::2]) for one in names])


def _heading(text: str, about: str) -> Html:
    kind = {"#": "n", "@": "t"}.get(text[:1], "")
    shown = esc(text[1:] if kind else text)
    return Html(f'<th scope="col"{attribute("class", kind)}{attribute("title", about)}>{shown}</th>')


def table(caption: str, headings: Html, rows: Sequence[Sequence[Html]], *, sorts: bool = False) -> Html:
    """Return a table, which scrolls by itself where it is too wide. `sorts`: the script lets it be sorted."""
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return Html(
        f'<div class="scroll" role="region" aria-label="{esc(caption)}" tabindex="0">'
        f"<table{attribute('class', 'sorts' if sorts else '')}><caption>{esc(caption)}</caption>"
        f"<thead><tr>{headings}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )


def section(name: str, title: str, about: object, *parts: object) -> Html:
    """Return a section with a heading and a sentence about it."""
    return Html(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{esc(title)}</h2>'
        f'<p class="about">{esc(about, 2000)}</p>{join(parts)}</section>'
    )


def chart(name: str, title: str, about: str) -> Html:
    """Return the place of a chart, which the script fills, and of its numbers, which it lists when they are opened."""
    return Html(
        f'<figure class="chart"><figcaption><b>{esc(title)}</b> <span>{esc(about)}</span></figcaption>'
        f'<div id="{name}" class="plot" role="img" aria-label="{esc(title)}: {esc(about)}"></div>'
        f'<details class="numbers" data-for="{name}"><summary>Numbers</summary></details></figure>'
    )


def round_(values: Sequence[Any]) -> list[Any]:
    """Return figures with four digits that say something: a chart shows no more."""
    return [None if one is None else one if isinstance(one, int) else float(f"{one:.4g}") for one in values]
