"""The chart of docs/benchmarks.md: cold start and memory at the first `event/next`, as bars. SVG, drawn here."""

from __future__ import annotations

from typing import NamedTuple

WIDTH, BAR, GAP, LEFT, TOP = 760, 22, 12, 150, 64
PANEL, SPACE = 250, 50  # width of a panel's bars, and what is left for its figures
OURS, OTHERS = "#d9480f", "#868e96"


class Bar(NamedTuple):
    """One program: milliseconds to its first `event/next`, megabytes resident then."""

    name: str
    milliseconds: float
    megabytes: float
    ours: bool = False


def svg(bars: list[Bar], note: str) -> str:
    """Return the document. Pure."""
    height = TOP + len(bars) * (BAR + GAP) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-size="13" class="chart">',
        "<style>text{fill:#343a40;font-family:sans-serif}@media(prefers-color-scheme:dark){text{fill:#dee2e6}}</style>",
        f'<text x="{LEFT}" y="24" font-weight="bold">cold start, ms to the first event/next</text>',
        f'<text x="{LEFT + PANEL + SPACE}" y="24" font-weight="bold">memory, MB resident then</text>',
        f'<text x="{LEFT}" y="44" font-size="11">one interpreter, whole processes; shorter is better</text>',
    ]
    for number, bar in enumerate(bars):
        y = TOP + number * (BAR + GAP)
        weight = ' font-weight="bold"' if bar.ours else ""
        parts.append(f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end"{weight}>{bar.name}</text>')
        parts += _bar(LEFT, y, bar.milliseconds, max(one.milliseconds for one in bars), ours=bar.ours)
        parts += _bar(LEFT + PANEL + SPACE, y, bar.megabytes, max(one.megabytes for one in bars), ours=bar.ours)
    parts += [f'<text x="{LEFT}" y="{height - 10}" font-size="11">{note}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _bar(x: float, y: float, value: float, most: float, *, ours: bool) -> list[str]:
    width = max(PANEL * value / most, 2)
    colour = OURS if ours else OTHERS
    return [
        f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3" fill="{colour}"/>',
        f'<text x="{x + width + 6:.1f}" y="{y + 16}">{value:.0f}</text>',
    ]
