"""A folder of shipped objects: three functions, traces with milestones, errors, a timeout, and hostile lines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fakes.shipped import BEGIN, Line, Shipped, done, report, started, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

HOSTILE = '</script><img src=x onerror="alert(1)">\x1b[31m\u202e&amp;'
TRACES = 6


def conference(folder: Path) -> None:
    """Six traces: the fourth times out in `save`, the fifth raises there, the last has hostile lines."""
    submit, save, mail = (Shipped(folder, name, environment=f"{name:0<12}") for name in ("submit", "save", "mail"))
    for number in range(TRACES):
        at = BEGIN + timedelta(minutes=number)
        trace = f"t{number}"
        submit(*invocation(f"s{number}", at, 40, [said(trace, "RECEIVED")], init_ms=200.0 if number == 0 else None))
        if number == 3:
            lines = [said(trace, message="Too many connections")]
            save(*invocation(f"v{number}", at + timedelta(seconds=1), 3000, lines, status="timeout"))
            continue
        if number == 4:
            error = (
                '[ERROR] ValueError: this subject cannot be saved\nTraceback (most recent call last):\n  File "a.py"\n'
            )
            save(*invocation(f"v{number}", at + timedelta(seconds=1), 100, [said(trace), error]))
            continue
        hostile = [said(trace, message=HOSTILE), f"ERROR {HOSTILE}\n"] if number == TRACES - 1 else []
        save(*invocation(f"v{number}", at + timedelta(seconds=1), 2500, [said(trace, "SAVED"), *hostile]))
        later = at + timedelta(seconds=1 if number else 30, milliseconds=3000)
        put = {"traceId": trace, "message": "sent", "span": "Post", "durationMs": 20}
        mail(*invocation(f"m{number}", later, 300, [put, said(trace, "SENT")]))


def said(trace: str, milestone: str | None = None, message: str = "a line") -> dict[str, object]:
    line: dict[str, object] = {"traceId": trace, "level": "INFO", "message": message}
    return line | ({"milestone": milestone} if milestone else {})


def invocation(
    request: str,
    at: datetime,
    ms: int,
    lines: Sequence[object],
    *,
    status: str = "success",
    init_ms: float | None = None,
) -> list[Line]:
    end = at + timedelta(milliseconds=ms)
    step = timedelta(milliseconds=ms) / (len(lines) + 1)
    return [
        started(request, time=at),
        *(text(line, request=request, time=at + step * place) for place, line in enumerate(lines, 1)),
        done(request, status=status, time=end, ms=ms),
        report(request, status=status, time=end, ms=ms, memory=512, used=100, init_ms=init_ms),
    ]
