"""The traces that are shown as waterfalls: the slowest, and the latest of those that failed, with their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.bins import iso
from adaptive_batching.logs.report.figures.tables import rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: How many traces of each kind, the most invocations and lines of one, and the longest line, in characters.
MOST, MOST_INVOCATIONS, MOST_LINES, LINE_LENGTH = 5, 40, 40, 400
#: A milestone is missed if more than this share of the traces with the same first milestone have it.
USUAL = 0.5


def summary(connection: DuckDBPyConnection) -> dict[str, Any]:
    """Return how many traces there are that the logs name, how many failed, and those that are shown."""
    count, failed = connection.execute(
        "select count(*), count(*) filter (failed) from traces where is_named"
    ).fetchone() or (0, 0)
    # An invocation that belongs to no trace is one of its own, but only where there is no other.
    slowest = _ids(connection, "where is_named" if count else "", "finish_us - begin_us desc, trace")
    latest = _ids(connection, "where failed", "begin_us desc, trace")
    return {
        "named": count,
        "failed": failed,
        "slowest": [trace(connection, one) for one in slowest],
        "failures": [trace(connection, one) for one in latest],
    }


def _ids(connection: DuckDBPyConnection, where: str, order: str) -> list[str]:
    return [
        one
        for (one,) in connection.execute(f"select trace from traces {where} order by {order} limit {MOST}").fetchall()
    ]


def trace(connection: DuckDBPyConnection, which: str) -> dict[str, Any]:
    """Return one trace: its invocations by their beginning, its lines, and the milestones that it never reached.

    Offsets are from the beginning of the trace, init included.
    """
    (whole,) = rows(connection, "select * from traces where trace = ?", [which])
    begin = int(str(whole["begin_us"]))
    found = rows(
        connection,
        f"""select function, request_id, environment, attempt, (begin_us - {begin}) / 1000 as offset_ms,
                (end_us - begin_us) / 1000 as ran_ms, duration_ms, init_ms, status, failed, error, cost
            from traced join invocations using (environment, request_id, attempt) where trace = ?
            order by start_us, environment, request_id, attempt limit {MOST_INVOCATIONS}""",
        [which],
    )
    for one in found:
        one["error"] = None if one["error"] is None else str(one["error"])[:LINE_LENGTH]
    lines, left_out = _lines(connection, which, begin)
    return {
        "trace": which,
        "at": iso(begin),
        "seconds": (int(str(whole["finish_us"])) - begin) / 1e6,
        "failed": whole["failed"],
        "cost": whole["cost"],
        "invocation_count": whole["invocations"],
        "invocations": found,
        "lines": lines,
        "lines_left_out": left_out,
        "never_reached": _never_reached(connection, which),
    }


def _lines(connection: DuckDBPyConnection, which: str, begin: int) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of a trace's functions, and how many are left out: those of the middle, but no errors first."""
    found = rows(
        connection,
        f"""
        with own as (
            select distinct environment, request_id from traced where trace = ?
        ), lines as (
            select (epoch_us(ts) - {begin}) / 1000 as offset_ms, coalesce(function, '?') as function, level,
                left(rtrim(message), {LINE_LENGTH}) as text, error is not null as is_error, milestone,
                span, duration_ms, request_id, ts, environment, sequence, line, count(*) over () as total,
                row_number() over (order by error is null and coalesce(level, '') not in ('ERROR', 'FATAL'),
                    least(n, total - n + 1), n) as worth
            from (
                select *, row_number() over (order by ts, environment, sequence, line) as n, count(*) over () as total
                from logs semi join own using (environment, request_id)
                where type = 'function' and ts is not null and (trace_id is null or trace_id = ? or not exists (
                    select 1 from traced where trace = ? and is_named))
            )
        )
        select offset_ms, function, request_id, level, text, is_error, milestone, span, duration_ms, total
        from lines where worth <= {MOST_LINES}
        order by ts, environment, sequence, line""",
        [which, which, which],
    )
    total = int(str(found[0]["total"])) if found else 0
    for one in found:
        del one["total"]
    return found, total - len(found)


def _never_reached(connection: DuckDBPyConnection, which: str) -> list[dict[str, Any]]:
    return rows(
        connection,
        """
        with firsts as (select trace, arg_min(milestone, (at_us, sequence)) as first from milestones group by trace),
        alike as (select trace from firsts where first = (select first from firsts where trace = ?))
        select milestone, count(distinct trace) / (select count(*) from alike) as share
        from milestones semi join alike using (trace)
        where milestone not in (select milestone from milestones where trace = ?)
        group by milestone having share > ? order by min(at_us), milestone""",
        [which, which, USUAL],
    )
