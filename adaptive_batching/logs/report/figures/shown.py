"""The traces that are shown as waterfalls: the slowest, and the latest of those that failed, with their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptive_batching.logs.report.bins import iso
from adaptive_batching.logs.report.figures.tables import rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: How many traces of each kind, the most invocations and lines of one, and the longest line, in characters.
MOST, MOST_INVOCATIONS, MOST_LINES, LINE_LENGTH = 5, 40, 40, 400


def summary(connection: DuckDBPyConnection) -> dict[str, Any]:
    """Return how many traces there are that the logs name, how many failed, and those that are shown."""
    count, failed = connection.execute(
        "select count(*), count(*) filter (failed) from traces where is_named"
    ).fetchone() or (0, 0)
    # An invocation that belongs to no trace is one of its own, but only where there is no other.
    slowest = _ids(connection, "where is_named" if count else "", "finish_us - begin_us desc, trace")
    latest = _ids(connection, "where failed", "begin_us desc, trace")
    found = traces(connection, list(dict.fromkeys([*slowest, *latest])))
    return {
        "named": count,
        "failed": failed,
        "slowest": [found[one] for one in slowest],
        "failures": [found[one] for one in latest],
    }


def _ids(connection: DuckDBPyConnection, where: str, order: str) -> list[str]:
    query = f"select trace from traces {where} order by {order} limit {MOST}"
    return [one for (one,) in connection.execute(query).fetchall()]


def traces(connection: DuckDBPyConnection, wanted: list[str]) -> dict[str, dict[str, Any]]:
    """Return traces by their ids: their invocations by their start, their lines, the milestones never reached.

    Offsets are from the beginning of the trace, init included.
    """
    connection.execute(
        """create or replace temp table shown as
           select traces.* from traces where trace in (select unnest(?::varchar[]))""",
        [wanted],
    )
    found = {
        one["trace"]: {
            "trace": one["trace"],
            "at": iso(one["begin_us"]),
            "seconds": (one["finish_us"] - one["begin_us"]) / 1e6,
            "failed": one["failed"],
            "cost": one["cost"],
            "invocation_count": one["invocations"],
            "invocations": [],
            "lines": [],
            "lines_left_out": 0,
            "never_reached": [],
        }
        for one in rows(connection, "select * from shown")
    }
    for each in rows(connection, _INVOCATIONS):
        found[each.pop("trace")]["invocations"].append(each)
    for each in rows(connection, _LINES):
        own = found[each.pop("trace")]
        own["lines"].append(each)
        own["lines_left_out"] = each.pop("total") - len(own["lines"])
    for each in rows(connection, _NEVER_REACHED):
        found[each.pop("trace")]["never_reached"].append(each)
    return found


_INVOCATIONS = f"""
    select trace, function, request_id, environment, attempt, (i.begin_us - shown.begin_us) / 1000 as offset_ms,
        (end_us - i.begin_us) / 1000 as ran_ms, duration_ms, init_ms, status, i.failed,
        left(error, {LINE_LENGTH}) as error, i.cost
    from shown join traced using (trace) join invocations i using (environment, request_id, attempt)
    qualify {MOST_INVOCATIONS} >= row_number() over (
        partition by trace order by start_us, environment, request_id, attempt)
    order by trace, start_us, environment, request_id, attempt"""

#: Of a trace with too many lines, errors are kept first, then those near its beginning and its end.
_LINES = f"""
    with own as (
        select trace, environment, request_id, attempt, traced.is_named, begin_us from shown join traced using (trace)
    ), lines as (
        select trace, (epoch_us(ts) - begin_us) / 1000 as offset_ms, coalesce(function, '?') as function, request_id,
            level, left(rtrim(message), {LINE_LENGTH}) as text, error is not null as is_error, milestone, span,
            duration_ms, ts, environment, sequence, line, count(*) over (partition by trace) as total,
            row_number() over (partition by trace order by ts, environment, sequence, line) as n
        from told join own using (environment, request_id, attempt)
        where type = 'function' and ts is not null and (trace_id is null or trace_id = trace or not is_named)
    )
    select trace, offset_ms, function, request_id, level, text, is_error, milestone, span, duration_ms, total from lines
    qualify row_number() over (partition by trace order by
        not is_error and coalesce(level, '') not in ('ERROR', 'FATAL'), least(n, total - n + 1), n) <= {MOST_LINES}
    order by trace, ts, environment, sequence, line"""

_NEVER_REACHED = """
    select shown.trace, milestone, share
    from shown join milestone_ends using (trace) join usual using (first)
    where (shown.trace, milestone) not in (select (trace, milestone) from milestones)
    order by shown.trace, at_us, milestone"""
