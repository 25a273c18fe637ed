"""The summary that `run` and `serve` print at the end: invocations, deliveries and faults."""

from __future__ import annotations

import shutil
import textwrap
from statistics import median
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.notices import unregistered
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.faults import Faults
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.lifecycle.results import Result


#: Characters of the names of the rows.
_INDENT = 14


def summarise(results: Sequence[Result], environments: Sequence[Environment], faults: Faults) -> list[str]:
    """Return the lines of the summary."""
    metrics = [result.report.get("metrics", {}) for result in results]
    durations = [one["durationMs"] for one in metrics if "durationMs" in one]
    inits = [one["initDurationMs"] for one in metrics if "initDurationMs" in one]
    overheads = [
        span["durationMs"]
        for result in results
        for span in result.report.get("spans", [])
        if span["name"] == "extensionOverhead"
    ]
    subscribers = [subscriber for one in environments for subscriber in one.telemetry.subscribers()]
    failed = sum(result.function_error is not None for result in results)
    records = sum(len(delivery.events) for one in subscribers for delivery in one.deliveries)
    telemetry = (
        f"{sum(len(one.deliveries) for one in subscribers):,} deliveries, {records:,} records, "
        f"{sum(one.failures for one in subscribers):,} failed attempts, "
        f"{sum(one.dropped for one in subscribers):,} dropped, "
        f"{sum(one.undelivered() for one in subscribers):,} never delivered"
    )
    number = len(environments)
    lines = [
        f"invocations   {len(results):,}, {failed:,} failed, {counted(number, 'environment')}",
        f"init          {_spread(inits)}",
        f"duration      {_spread(durations)}",
        f"  of which extension overhead  {_spread(overheads)}",
        *row("telemetry", telemetry),
    ]
    lines += [f"fault         {line}" for line in faults.summary()]
    lines += [f"lost on purpose  {line.rstrip()}" for one in environments for line in one.lost_lines]
    lines += unregistered(sorted({name for one in environments for name in one.unregistered}))
    return lines


def row(name: str, text: str) -> list[str]:
    """Return a named line of the summary, folded at the width of the terminal, if there is one.

    A pipe or a file gets one line, which can be searched.
    """
    line = f"{name:<{_INDENT}}{text}"
    width = shutil.get_terminal_size((len(line), 0)).columns
    return textwrap.wrap(line, max(width, 2 * _INDENT), subsequent_indent=" " * _INDENT, break_on_hyphens=False)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    if len(values) == 1:
        return f"{values[0]:.1f} ms"
    return f"median {median(values):.1f} ms, longest {max(values):.1f} ms"
