"""What to look at first, in a sentence each: what fails, which span takes long, in front of what requests queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.figures.tables import rows
from adaptive_batching.logs.report.words import cut, duration, percent, plain
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The most functions that fail; the longest exception, in characters; the most spans within one that are named.
MOST_FAILING, LONGEST, MOST_WITHIN = 2, 120, 3
#: A span is slow if half of its times take so long, and requests queue if their waits grow by so much (ms).
SLOW_MS = GROWN_MS = 1000.0
#: Requests queue if those at the end wait so many times as long as those at the start, of so many at least.
GROWN, FEWEST = 2, 8


def findings(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return what was found, the failing functions first. It is read from the tables of `prepare` and `flow.waits`."""
    return [*_failing(connection), *_slow(connection), *_queues(connection)]


_FAILING = f"""
    with failing as (
        select function, count(*) as invocations, count(*) filter (failed) as failed
        from invocations group by function having count(*) filter (failed) > 0
        order by count(*) filter (failed) desc, function limit {MOST_FAILING}
    ), exceptions as (
        select function, coalesce(error, error_type) as exception, count(*) as times
        from invocations where failed group by 1, 2
    ), hurt as (
        select distinct function, trace from invocations join traced using (environment, request_id, attempt)
        where failed and is_named
    ), missed as (
        select function, milestone, count(*) as traces, min(usual.at_us) as at_us
        from hurt join milestone_ends using (trace) join usual using (first)
        where (trace, milestone) not in (select (trace, milestone) from milestones) group by function, milestone
    )
    select failing.*,
        (select arg_max(exception, (times, exception)) from exceptions where function = failing.function) as exception,
        (select arg_min(milestone, (at_us, milestone)) from missed where function = failing.function) as never_reached,
        (select arg_min(traces, (at_us, milestone)) from missed where function = failing.function) as traces
    from failing order by failed desc, function"""


def _failing(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the functions that fail most: their most frequent exception, and the first milestone that it cost."""
    found = []
    for one in rows(connection, _FAILING):
        one["exception"] = None if one["exception"] is None else cut(one["exception"], LONGEST)
        share = percent(one["failed"] / one["invocations"])
        sentence = f"{one['function']} failed in {one['failed']:,} of {counted(one['invocations'], 'invocation')}"
        sentence += f" ({share}): {one['exception'] or 'no line says why'}"
        if one["never_reached"] is not None:
            sentence += f"; {counted(one['traces'], 'trace')} never reached {one['never_reached']}"
        found.append(_finding("failing", sentence, one))
    return found


#: Each line with a span, once, however often it was shipped. It ended when it was logged.
_SPANS = """
    create or replace temp table spans as
    select environment, request_id, attempt, coalesce(function, '?') as function, span, sequence, duration_ms,
        epoch_us(ts) - (duration_ms * 1000)::bigint as from_us, epoch_us(ts) as to_us
    from told
    where span is not null and duration_ms is not null and type = 'function' and ts is not null
        and request_id is not null and environment is not null and sequence is not null
    qualify row_number() over (partition by environment, sequence) = 1"""
#: The one that takes most time in all, of those that are slow: an outer one before those within it.
_SLOWEST = f"""
    select function, span, count(*) as times, quantile_cont(duration_ms, 0.5) as p50_ms
    from spans group by function, span having quantile_cont(duration_ms, 0.5) >= {SLOW_MS}
    order by sum(duration_ms) desc, function, span limit 1"""
#: What was logged before the end of an invocation's span, and ended after its beginning, is within it.
_WITHIN = """
    create or replace temp table within as
    select outer_.environment, outer_.sequence, inner_.span, greatest(inner_.from_us, outer_.from_us) as from_us,
        least(inner_.to_us, outer_.to_us) as to_us
    from spans outer_ join spans inner_ using (environment, request_id, attempt)
    where outer_.function = ? and outer_.span = ? and inner_.sequence < outer_.sequence
        and inner_.to_us > outer_.from_us"""
_NAMED = f"""
    select span, quantile_cont(ms, 0.5) as p50_ms from (
        select span, sum(to_us - from_us) / 1000 as ms from within group by environment, sequence, span
    ) group by span order by sum(ms) desc, span limit {MOST_WITHIN}"""
#: Of spans that overlap, each moment counts once.
_UNACCOUNTED = """
    with covered as (
        select environment, sequence, greatest(0, to_us - greatest(from_us, coalesce(max(to_us) over (
            partition by environment, sequence order by from_us, to_us
            rows between unbounded preceding and 1 preceding), from_us))) as us
        from within
    ), sums as (select environment, sequence, sum(us) / 1000 as ms from covered group by environment, sequence)
    select quantile_cont(greatest(duration_ms - coalesce(ms, 0), 0), 0.5)
    from spans left join sums using (environment, sequence) where function = ? and span = ?"""


def _slow(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the slowest span, the spans within it, and what of it is in none of them."""
    connection.execute(_SPANS)
    found = []
    for one in rows(connection, _SLOWEST):
        which = [one["function"], one["span"]]
        connection.execute(_WITHIN, which)
        one["within"] = rows(connection, _NAMED)
        (one["unaccounted_ms"],) = connection.execute(_UNACCOUNTED, which).fetchone() or (None,)
        took = f"{one['span']} in {one['function']} takes {duration(one['p50_ms'])} (median of {one['times']:,})"
        parts = [f"{each['span']} {duration(each['p50_ms'])}" for each in one["within"]]
        rest = f"{duration(one['unaccounted_ms'])} of it in no other span"
        found.append(_finding("slow", f"{took}: {', '.join([*parts, rest])}", one))
    return found


#: The pair of functions between which waits have grown most, from the first quarter to the last.
_GROWN = f"""
    with numbered as (
        select before, function, ms, ntile(4) over (partition by before, function order by from_us, trace) as quarter
        from waited
    ), pairs as (
        select before as "from", function as "to", count(*) as times,
            quantile_cont(ms, 0.5) filter (quarter = 1) as start_ms,
            quantile_cont(ms, 0.5) filter (quarter = 4) as end_ms
        from numbered group by before, function having count(*) >= {FEWEST}
    )
    select * from pairs where end_ms - start_ms >= {GROWN_MS} and end_ms >= {GROWN} * start_ms
    order by end_ms - start_ms desc, "from", "to" limit 1"""


def _queues(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return in front of which function requests queue: what the first quarter of them waited, and the last."""
    found = []
    for one in rows(connection, _GROWN):
        start, end = duration(one["start_ms"]), duration(one["end_ms"])
        sentence = f"requests from {one['from']} queue in front of {one['to']}: they wait {start} at the start"
        found.append(_finding("queue", f"{sentence} and {end} at the end", one))
    return found


def _finding(kind: str, sentence: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "sentence": plain(sentence), **figures}
