"""Invocations and lines for tests: what a test does not care about has a value."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adaptive_batching.logs.trace.invocations import Invocation
from adaptive_batching.logs.trace.waterfall import Line

BEGIN = datetime(2026, 11, 20, 17, 41, 41, 211_000)  # noqa: DTZ001 - the views are in UTC, without a zone


def after(ms: float) -> datetime:
    return BEGIN + timedelta(milliseconds=ms)


def invocation(function: str, begin: float, ms: float | None = 100.0, **more: Any) -> Invocation:  # noqa: ANN401
    """One that begins so many milliseconds after BEGIN."""
    made = Invocation(
        function=function,
        environment=f"e-{function}",
        request=f"r-{function}-{begin}",
        attempt=1,
        begin=after(begin),
        last=after(begin + (ms or 0)),
        duration_ms=ms,
        init_ms=None,
        billed_ms=ms,
        memory_mb=128.0,
        used_mb=64.0,
        status="success",
        failed=False,
        error=None,
        lines=1,
    )
    return replace(made, **more)


def line(one: Invocation, ms: float, **more: Any) -> Line:  # noqa: ANN401
    """A line of an invocation, so many milliseconds after BEGIN."""
    empty: dict[str, Any] = dict.fromkeys(
        ("level", "message", "error", "milestone", "span", "duration_ms", "trace", "record")
    )
    fixed = {"function": one.function, "environment": one.environment, "request": one.request, "type": "function"}
    return Line(**{"ts": after(ms), **fixed, **empty, **more})
