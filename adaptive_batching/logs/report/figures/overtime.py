"""Figures over time: invocations and errors, percentiles, how many ran at once, and every duration as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.bins import ROWS, ROWS_PER_DECADE, Bins, bins, iso
from adaptive_batching.logs.report.figures.tables import rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SERIES = ("invocations", "failed", "timeouts", "cold_starts", "p50_ms", "p95_ms", "p99_ms", "max_ms")
_COUNTS = 4  # so many of them are 0 where nothing is, and the others not known


def divided(connection: DuckDBPyConnection) -> Bins | None:
    """Return the bins for the invocations and lines of the window; None if there are not any."""
    first, last = connection.execute("""
        select least(min(begin_us), (select epoch_us(min(ts)) from logs)),
            greatest(max(finish_us), (select epoch_us(max(ts)) from logs)) from invocations""").fetchone() or (
        None,
        None,
    )
    return None if first is None or last is None else bins(first, last)


def series(connection: DuckDBPyConnection, over: Bins) -> dict[str, Any]:
    """Return one list per figure, each with one value per bin. An invocation counts when it begins."""
    found = rows(
        connection,
        """select (begin_us - ?) // ? as bin, count(*) as invocations, count(*) filter (failed) as failed,
               count(*) filter (timed_out) as timeouts, count(init_ms) as cold_starts,
               quantile_cont(duration_ms, 0.5) as p50_ms, quantile_cont(duration_ms, 0.95) as p95_ms,
               quantile_cont(duration_ms, 0.99) as p99_ms, max(duration_ms) as max_ms
           from invocations group by bin""",
        [over.start, over.width * 1_000_000],
    )
    by_bin = {one["bin"]: one for one in found}
    lists: dict[str, list[Any]] = {}
    for place, name in enumerate(_SERIES):
        nothing = 0 if place < _COUNTS else None
        lists[name] = [by_bin[number][name] if number in by_bin else nothing for number in range(over.count)]
    return {
        "start": iso(over.start),
        "end": iso(over.start + over.count * over.width * 1_000_000),
        "width_s": over.width,
        "bins": over.count,
        **lists,
        "running": _running(connection, over),
    }


def _running(connection: DuckDBPyConnection, over: Bins) -> list[int]:
    """Return how many ran at once in each bin, at most. At the start of a bin, those still run that ran before."""
    found = connection.execute(
        """with steps as (
               select begin_us as at_us, 1 as step from invocations
               union all select greatest(finish_us, begin_us + 1), -1 from invocations
               union all select unnest(?::bigint[]), 0
           ), counted as (
               select at_us, sum(step) over (order by at_us, step rows unbounded preceding) as running from steps
           )
           select (at_us - ?) // ? as bin, max(running) from counted group by bin""",
        [over.starts, over.start, over.width * 1_000_000],
    ).fetchall()
    most = dict(found)
    return [int(most.get(number, 0)) for number in range(over.count)]


def heat(connection: DuckDBPyConnection, over: Bins) -> dict[str, Any]:
    """Return how many invocations of each function began in each bin and took so long: `[bin, row, count]` each.

    Row r holds the durations from 10^(r / rows_per_decade) ms on; the outermost rows also what is beyond them.
    """
    found = connection.execute(
        f"""select function, (begin_us - ?) // ? as bin,
                least(greatest(floor(log10(greatest(duration_ms, 1)) * {ROWS_PER_DECADE}), 0), {ROWS - 1})::int as row,
                count(*)
            from invocations where duration_ms is not null group by all order by function, bin, row""",
        [over.start, over.width * 1_000_000],
    ).fetchall()
    functions: dict[str, list[list[int]]] = {}
    for function, bin_, row, count in found:
        functions.setdefault(function, []).append([bin_, row, count])
    cells = [{"function": function, "cells": cells} for function, cells in functions.items()]
    return {"rows": ROWS, "rows_per_decade": ROWS_PER_DECADE, "functions": cells}
