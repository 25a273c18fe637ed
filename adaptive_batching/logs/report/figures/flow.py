"""Figures of traces: lead times between two milestones, where traces stopped, and waits from function to function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.bins import iso
from adaptive_batching.logs.report.figures.tables import rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The most lead times that are kept (the slowest, and every n-th of the others), and how many of them are listed.
MOST_POINTS, SLOWEST = 1500, 20
#: The most pairs of functions.
MOST_PAIRS = 50


def usual_milestones(connection: DuckDBPyConnection) -> tuple[str, str] | None:
    """Return the milestones with which most traces begin and, of those traces, end; None if no trace has two."""
    found = connection.execute("""
        with begun as (
            select first from milestone_ends where first <> last group by first order by count(*) desc, first limit 1
        )
        select first, last from milestone_ends semi join begun using (first) where first <> last
        group by first, last order by count(*) desc, last limit 1""").fetchone()
    return None if found is None else (str(found[0]), str(found[1]))


def lead_time(connection: DuckDBPyConnection, wanted: tuple[str, str] | None) -> dict[str, Any] | None:
    """Return the times from the first `begin` to the last `end` of each trace that has both.

    Without a wish, the usual milestones are taken. None: no trace has two milestones, and none were wished for.
    """
    ends = wanted or usual_milestones(connection)
    if ends is None:
        return None
    connection.execute(
        """create or replace temp table leads as
           select trace, begin_us, end_us, (end_us - begin_us) / 1e6 as seconds, last from (
               select trace, min(at_us) filter (milestone = ?) as begin_us, max(at_us) filter (milestone = ?) as end_us
               from milestones where milestone in (?, ?) group by trace
           ) join milestone_ends using (trace) where begin_us is not null""",
        [*ends, *ends],
    )
    arrived = "from leads where end_us >= begin_us"
    summary = rows(
        connection,
        f"""select count(*) as traces, quantile_cont(seconds, 0.5) as p50_s, quantile_cont(seconds, 0.95) as p95_s,
                max(seconds) as max_s {arrived}""",
    )[0]
    slowest = rows(
        connection, f"select trace, begin_us, seconds {arrived} order by seconds desc, trace limit {SLOWEST}"
    )
    points = connection.execute(f"""
        with ranked as (select begin_us, seconds, row_number() over (order by seconds desc, trace) as slow,
            row_number() over (order by begin_us, trace) as n, count(*) over () as total {arrived})
        select begin_us, seconds from ranked
        where slow <= {MOST_POINTS // 3} or n % ceil(total / {MOST_POINTS - MOST_POINTS // 3})::bigint = 0
        order by begin_us, seconds""").fetchall()
    stopped = rows(
        connection,
        """select last as milestone, count(*) as traces, arg_max(trace, (begin_us, trace)) as trace from leads
           where end_us is null or end_us < begin_us group by last order by traces desc, last""",
    )
    return {
        "from": ends[0],
        "to": ends[1],
        **summary,
        "slowest": [{"at": iso(one.pop("begin_us")), **one} for one in slowest],
        "points": [[iso(begin), seconds] for begin, seconds in points],
        "stopped": stopped,
    }


def waits(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return how long it took from function to function in the traces that the logs name, the longest first.

    An invocation waits from the end of all that started before it in its trace to its own start, init included. Each
    wait is a row of the table `waited`, which this makes.
    """
    connection.execute(_WAITED)
    return rows(
        connection,
        f"""
        select before as "from", function as "to", count(*) as times, quantile_cont(ms, 0.5) as p50_ms,
            quantile_cont(ms, 0.95) as p95_ms, max(ms) as max_ms
        from waited group by before, function order by p95_ms desc, before, function limit {MOST_PAIRS}""",
    )


_WAITED = """
    create or replace temp table waited as
    with steps as (
        select trace, function, start_us,
            lag(function) over within as before,
            max(end_us) over (within rows between unbounded preceding and 1 preceding) as over_us
        from traced join invocations using (environment, request_id, attempt) where is_named
        window within as (partition by trace order by start_us, environment, request_id, attempt)
    )
    select trace, before, function, over_us as from_us, greatest(start_us - over_us, 0) / 1000 as ms
    from steps where before is not null"""
