"""Figures by function and in total, and the invocations that are near their timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.bins import iso
from adaptive_batching.logs.report.figures.tables import rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from adaptive_batching.logs.report.figures.tables import Terms

#: The most invocations near their timeout that are listed: the longest for their timeout.
NEAREST = 20
#: The figures of a function that --fail-if may name, and that the CSV has.
FIGURES = (
    "invocations",
    "failed",
    "failed_rate",
    "timeouts",
    "mean_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
    "cold_starts",
    "init_p95_ms",
    "memory_mb",
    "memory_used_mb",
    "timeout_ms",
    "near_timeout",
    "too_short",
    "running_most",
    "unreported",
    "billed_ms",
    "gb_seconds",
    "cost",
)
_NEAR = "duration_ms >= ? * timeout_ms and not timed_out"
_SHORT = "duration_ms < ? * timeout_ms and not failed"
#: How many ran at once after each beginning and each end. What ends makes room before what begins in that moment; each
#: counts for a microsecond at least.
RUNNING = """
    select function, at_us, sum(step) over (partition by function order by at_us, step rows unbounded preceding) as own,
        sum(step) over (order by at_us, step rows unbounded preceding) as running
    from (select function, begin_us as at_us, 1 as step from invocations
          union all select function, greatest(finish_us, begin_us + 1), -1 from invocations)"""


def by_function(connection: DuckDBPyConnection, terms: Terms) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the figures in total, and those of each function, sorted by name."""
    query = f"""
        select function, count(*) as invocations, count(*) filter (failed) as failed,
            count(*) filter (failed) / nullif(count(*), 0) as failed_rate, count(*) filter (timed_out) as timeouts,
            avg(duration_ms) as mean_ms, quantile_cont(duration_ms, 0.5) as p50_ms,
            quantile_cont(duration_ms, 0.95) as p95_ms, quantile_cont(duration_ms, 0.99) as p99_ms,
            max(duration_ms) as max_ms, count(init_ms) as cold_starts, quantile_cont(init_ms, 0.95) as init_p95_ms,
            max(memory_mb) as memory_mb, max(used_mb) as memory_used_mb, arg_max(timeout_ms, begin_us) as timeout_ms,
            if(count(timeout_ms) = 0, null, count(*) filter ({_NEAR})) as near_timeout,
            if(count(timeout_ms) = 0 or ? is null, null, count(*) filter ({_SHORT})) as too_short,
            count(*) filter (not reported) as unreported,
            sum(billed_ms) as billed_ms, sum(gb_seconds) as gb_seconds, sum(cost) as cost
        from invocations group by grouping sets ((function), ()) order by function nulls first"""
    found = rows(connection, query, [terms.near, terms.short, terms.short])
    most = dict(connection.execute(f"select function, max(own) from ({RUNNING}) group by function").fetchall())
    (at_all,) = connection.execute(f"select max(running) from ({RUNNING})").fetchone() or (0,)
    for one in found:
        one["running_most"] = int(at_all or 0) if one["function"] is None else int(most.get(one["function"], 0))
    ordered = [{"function": one["function"], **{name: one[name] for name in FIGURES}} for one in found]
    total = {**ordered[0], "memory_mb": None, "memory_used_mb": None, "timeout_ms": None}
    del total["function"]
    return total, ordered[1:]


def near_timeout(connection: DuckDBPyConnection, terms: Terms) -> list[dict[str, Any]]:
    """Return the invocations that took most of their timeout, without those that reached it."""
    found = rows(
        connection,
        f"""select function, request_id, environment, begin_us, duration_ms, timeout_ms from invocations where {_NEAR}
            order by duration_ms / timeout_ms desc, begin_us, environment, request_id limit {NEAREST}""",
        [terms.near],
    )
    return [{"at": iso(one.pop("begin_us")), **one} for one in found]
