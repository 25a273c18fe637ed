"""Draw scenarios as an SVG: a lane for each event, with its runs, throttles and drop, and their ages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from adaptive_batching.sandbox.asynchronous.metrics import MINUTE
from adaptive_batching.sandbox.asynchronous.queue import Dropped, Run, Throttled
from adaptive_batching.sandbox.asynchronous.timeline import clock, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.asynchronous.virtual import History, Moment

#: The measures of a drawing, in pixels. A lane is the strip of one event.
_WIDTH, _LEFT, _RIGHT, _TOP, _LANE = 960, 60, 30, 56, 64
#: Ages from which on there is room for a label, in seconds.
_LABELLED = 7
_COLOURS = {Run: "#2f7d4f", Throttled: "#c98a1b", Dropped: "#b3362b"}
_TEXT = 'font-family="sans-serif" font-size="12" fill="#333"'


@dataclass(frozen=True)
class Scene:
    """One scenario: its title, what happened, and the second of the day at which time 0 is."""

    title: str
    history: History
    start: float


def svg(scenes: Sequence[Scene]) -> str:
    """Return a drawing of the scenarios, one below the other."""
    parts: list[str] = []
    top = 0
    for scene in scenes:
        drawn, height = _scene(scene, top)
        parts += drawn
        top += height
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    paper = f'<rect width="{_WIDTH}" height="{top}" fill="#fff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', paper, *parts, "</svg>", ""])


def _scene(scene: Scene, top: int) -> tuple[list[str], int]:
    moments = scene.history.moments
    events = sorted({one.decision.event.number: one.decision.event.request_id for one in moments}.items())
    lanes = {request_id: top + _TOP + number * _LANE + _LANE // 2 for number, (_, request_id) in enumerate(events)}
    longest = max((one.at + (one.duration or 0.0) for one in moments), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    bottom = top + _TOP + len(lanes) * _LANE
    drawn = [f'<text x="{_LEFT}" y="{top + 22}" {_TEXT} font-weight="bold">{escape(scene.title)}</text>']
    first = int(scene.start // MINUTE) + 1
    for minute in range(first, int((scene.start + longest) // MINUTE) + 1):
        x = _LEFT + (minute * MINUTE - scene.start) * scale
        drawn.append(f'<line x1="{x:.1f}" y1="{top + _TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>')
        drawn.append(
            f'<text x="{x:.1f}" y="{top + 44}" {_TEXT} text-anchor="middle">{clock(minute * MINUTE)[:5]}</text>'
        )
    for request_id, y in lanes.items():
        drawn.append(f'<text x="{_LEFT - 30}" y="{y + 4}" {_TEXT}>{escape(request_id)}</text>')
        drawn.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#eee"/>')
    for one in moments:
        drawn += _moment(one, _LEFT + one.at * scale, lanes[one.decision.event.request_id], scale, scene.start)
    return drawn, bottom - top + 16


def _moment(one: Moment, x: float, y: int, scale: float, start: float) -> list[str]:
    decision = one.decision
    colour = _COLOURS.get(type(decision))
    if colour is None:
        return []
    title = f"<title>{clock(start + one.at)} {escape(said(one))}</title>"
    if isinstance(decision, Run):
        wide = max((one.duration or 0.0) * scale, 3.0)
        shape = f'<rect x="{x:.1f}" y="{y - 9}" width="{wide:.1f}" height="18" fill="{colour}">{title}</rect>'
    elif isinstance(decision, Throttled):
        shape = f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{colour}">{title}</circle>'
    else:
        path = f"M{x - 6:.1f} {y - 6}l12 12m-12 0l12 -12"
        shape = f'<path d="{path}" stroke="{colour}" stroke-width="3" fill="none">{title}</path>'
        before = x > _WIDTH / 2
        at, anchor = (x - 10, "end") if before else (x + 10, "start")
        text = f'<text x="{at:.1f}" y="{y - 12}" {_TEXT} text-anchor="{anchor}">{escape(said(one))}</text>'
        return [shape, text]
    age = f"{decision.age:,.0f} s"
    label = f'<text x="{x:.1f}" y="{y + 24}" {_TEXT} text-anchor="middle">{age}</text>'
    return [shape, label] if decision.age >= _LABELLED else [shape]
