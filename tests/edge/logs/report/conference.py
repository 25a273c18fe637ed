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


QUEUED, POISONED = 12, 4


def queueing(folder: Path) -> None:
    """Twelve traces, one a second: `save` takes 3 s and refuses every fourth; `mail` takes 2 s, one after the other."""
    submit, mail = Shipped(folder, "submit"), Shipped(folder, "mail")
    free = BEGIN
    for number in range(QUEUED):
        at, trace = BEGIN + timedelta(seconds=number), f"t{number}"
        submit(*invocation(f"s{number}", at, 40, [said(trace, "RECEIVED")]))
        put = {"traceId": trace, "message": "put", "span": "PutItem", "durationMs": 8}
        whole = {"traceId": trace, "message": "saved", "span": "Save", "durationMs": 3000}
        begun = at + timedelta(milliseconds=100)
        poisoned = number % POISONED == POISONED - 1
        error = {"traceId": trace, "errorType": "ValueError", "errorMessage": "poison", "stackTrace": []}
        lines = [error] if poisoned else [put, whole, said(trace, "SAVED")]
        save = Shipped(folder, "save", environment=f"{number:012}")
        save(*invocation(f"v{number}", begun, 3100, lines, status="error" if poisoned else "success", at_the_end=True))
        if not poisoned:
            free = max(free, begun + timedelta(milliseconds=3150))
            mail(*invocation(f"m{number}", free, 2000, [said(trace, "SENT")]))
            free += timedelta(milliseconds=2000)


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
    at_the_end: bool = False,
) -> list[Line]:
    """The lines of the function are spread over its time, or logged just before its end."""
    end = at + timedelta(milliseconds=ms)
    step = timedelta(milliseconds=1) if at_the_end else timedelta(milliseconds=ms) / (len(lines) + 1)
    first = end - step * (len(lines) + 1) if at_the_end else at
    return [
        started(request, time=at),
        *(text(line, request=request, time=first + step * place) for place, line in enumerate(lines, 1)),
        done(request, status=status, time=end, ms=ms),
        report(request, status=status, time=end, ms=ms, memory=512, used=100, init_ms=init_ms),
    ]
