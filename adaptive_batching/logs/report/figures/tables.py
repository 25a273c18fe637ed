"""The tables that the other figures are read from: one row per invocation, and which invocations a trace has.

An *invocation* is one attempt: a request that is begun twice in an environment (an asynchronous event that is tried
again keeps its id) counts twice, a line that was shipped twice does not. It is there if its platform.start,
platform.runtimeDone or platform.report is within the window. It runs from its platform.start to the last line of the
request. In a trace it works from its start, init included, for its duration; without one, to its last line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching import prices
from adaptive_batching.logs.sql.columns import measured
from adaptive_batching.logs.sql.rules import FAILED, THROWN_OR_LOGGED, UNHANDLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Terms:
    """What the figures depend on beside the logs. Shares are of the timeout."""

    near: float = 0.8
    short: float | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)  # function -> seconds
    gb_second: float | None = None  # dollars; None: the list price of the architecture
    arm: Sequence[str] = ()  # glob patterns of functions on arm64


#: The lines that are a request's own: those of init, of extensions and of the end of an environment only stand there.
_OWN = "('function', 'platform.start', 'platform.runtimeDone', 'platform.report', 'platform.end', 'platform.fault')"
_METRICS = (
    "$.metrics.durationMs",
    "$.metrics.billedDurationMs",
    "$.metrics.memorySizeMB",
    "$.metrics.maxMemoryUsedMB",
    "$.metrics.initDurationMs",
    "$.metrics.restoreDurationMs",
    "$.errorType",
)

#: The attempts of requests that were begun more than once in an environment; others have one and are not here.
_ATTEMPTS = """
    create or replace temp table attempts as
    select environment, request_id, attempt, if(attempt = 1, 0, sequence) as low,
        lead(sequence, 1, 9223372036854775807) over (partition by environment, request_id order by sequence) as high
    from (
        select environment, request_id, sequence,
            row_number() over (partition by environment, request_id order by sequence) as attempt,
            count(*) over (partition by environment, request_id) as attempts
        from (select distinct environment, request_id, sequence from logs
            where type = 'platform.start' and request_id is not null and environment is not null)
    ) where attempts > 1"""

#: The view `logs` with the number of the attempt that a line belongs to.
_TOLD = """
    create or replace temp view told as select l.*, coalesce(a.attempt, 1) as attempt
    from logs l left join attempts a on l.environment = a.environment and l.request_id = a.request_id
        and l.sequence >= a.low and l.sequence < a.high"""

_TIMEOUT = "json_extract_string(metadata, '$.\"timeout-ms\"')"
_TIMEOUTS = f"""
    create or replace temp table told_timeouts as
    select environment, any_value(function) as function, arg_max(ms, first_ts) as ms, max(first_ts) as told from (
        select environment, function, first_ts,
            {measured(_TIMEOUT)} as ms
        from objects where metadata is not null and metadata <> '{{}}'
    ) where ms > 0 group by environment"""


def _invocations(terms: Terms) -> tuple[str, list[object]]:
    """Return the statement that makes the table, and its parameters."""
    metrics, done = (", ".join(f"'{path}'" for path in paths) for paths in (_METRICS, (_METRICS[0], _METRICS[-1])))
    arm = " or ".join("function glob ?" for _ in terms.arm) or "false"
    statement = f"""
    create or replace temp table invocations as
    with own as (
        select environment, request_id, attempt, coalesce(function, '?') as function, ts, type, status,
            error, sequence, case when error is not null then record end as record,
            case when error is not null then fields when fields is not null then '{{}}' end as fields,
            case when type = 'platform.report' then json_extract_string(fields, [{metrics}]) end as m,
            case when type = 'platform.runtimeDone' then json_extract_string(fields, [{done}]) end as d
        from told where request_id is not null and environment is not null and ts is not null and type in {_OWN}
    ), grouped as (
        select environment, request_id, attempt, any_value(function) as function,
            min(ts) filter (type = 'platform.start') as started, min(ts) as first, max(ts) as finish,
            arg_max(m, sequence) filter (type = 'platform.report') as r,
            arg_max(d, sequence) filter (type = 'platform.runtimeDone') as d,
            count(*) filter (type = 'platform.report') > 0 as reported,
            max(status) filter (status <> 'success') as status,
            bool_or(coalesce(status = 'timeout', false)) as timed_out,
            {FAILED} as failed,
            coalesce(arg_min(error, sequence) filter ({UNHANDLED}),
                     arg_max(error, sequence) filter ({THROWN_OR_LOGGED})) as error
        from own group by environment, request_id, attempt
        having bool_or(type in ('platform.start', 'platform.report', 'platform.runtimeDone'))
    ), read as (
        select environment, request_id, attempt, function, coalesce(started, first) as begin, finish,
            coalesce({measured("r[1]")}, {measured("d[1]")}) as duration_ms,
            {measured("r[2]")} as billed_ms, {measured("r[3]")} as memory_mb, {measured("r[4]")} as used_mb,
            {measured("coalesce(r[5], r[6])")} as init_ms,
            coalesce(status, 'success') as status, timed_out, failed,
            if(failed, error, null) as error,
            coalesce(r[7], d[2], status) as error_type, reported, {arm} as arm
        from grouped
    )
    select read.*, epoch_us(begin) as begin_us, epoch_us(finish) as finish_us,
        epoch_us(begin) - coalesce(init_ms * 1000, 0)::bigint as start_us,
        coalesce(epoch_us(begin) + (duration_ms * 1000)::bigint, epoch_us(finish)) as end_us,
        coalesce(map(?::varchar[], ?::double[])[read.function], here.ms, there.ms) as timeout_ms,
        billed_ms / 1000 * memory_mb / 1024 as gb_seconds,
        coalesce(billed_ms / 1000 * memory_mb / 1024, 0) * coalesce(?, if(arm, ?, ?)) + ? as cost
    from read
    left join told_timeouts here using (environment)
    left join (select function, arg_max(ms, told) as ms from told_timeouts group by function) there
        on there.function = read.function
    order by begin, environment, request_id, attempt"""
    return statement, [
        *terms.arm,
        list(terms.timeouts),
        [seconds * 1000 for seconds in terms.timeouts.values()],
        terms.gb_second,
        prices.GB_SECOND["arm64"],
        prices.GB_SECOND["x86_64"],
        prices.REQUEST,
    ]


#: Which traces an invocation belongs to: those that its lines name, else its X-Ray trace, else it is one of its own.
_TRACED = f"""
    create or replace temp table traced as
    with named as (
        select environment, request_id, attempt, trace_id, max(xray_id) as xray_id
        from told
        where request_id is not null and (trace_id is not null or xray_id is not null) and type in {_OWN}
        group by 1, 2, 3, 4
    )
    select i.environment, i.request_id, i.attempt, coalesce(t.trace_id, x.xray_id, i.request_id) as trace,
        t.trace_id is not null or x.xray_id is not null as is_named
    from invocations i
    left join (select * from named where trace_id is not null) t using (environment, request_id, attempt)
    left join (select environment, request_id, attempt, max(xray_id) as xray_id from named group by 1, 2, 3) x
        using (environment, request_id, attempt)"""

#: One row per trace: from the start of its first invocation, init included, to the end of its last.
_TRACES = """
    create or replace temp table traces as
    select trace, bool_or(is_named) as is_named, count(*) as invocations, bool_or(failed) as failed,
        min(start_us) as begin_us, max(end_us) as finish_us, sum(cost) as cost
    from traced join invocations using (environment, request_id, attempt) group by trace"""

#: The milestones of traces, each line one; and of each trace its first and its last.
_MILESTONES = """
    create or replace temp table milestones as
    select trace_id as trace, milestone, epoch_us(ts) as at_us, sequence from logs
    where milestone is not null and trace_id is not null and ts is not null"""
_ENDS = """
    create or replace temp table milestone_ends as
    select trace, arg_min(milestone, (at_us, sequence)) as first, arg_max(milestone, (at_us, sequence)) as last
    from milestones group by trace"""
#: A milestone is missed if more than this share of the traces with the same first milestone have it.
USUAL = 0.5
_USUAL = f"""
    create or replace temp table usual as
    with alike as (select trace, first, count(*) over (partition by first) as every from milestone_ends)
    select first, milestone, count(distinct trace) / any_value(every) as share, min(at_us) as at_us
    from alike join milestones using (trace) group by first, milestone having share > {USUAL}"""


def prepare(connection: DuckDBPyConnection, terms: Terms) -> None:
    """Make the view `told` (`logs` with `attempt`) and the tables that the figures are read from."""
    for statement in (_ATTEMPTS, _TOLD, _TIMEOUTS):
        connection.execute(statement)
    connection.execute(*_invocations(terms))
    for statement in (_TRACED, _TRACES, _MILESTONES, _ENDS, _USUAL):
        connection.execute(statement)


def rows(connection: DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Run a query and return its rows with the names of the columns."""
    done = connection.execute(query, list(parameters))
    names = [column[0] for column in done.description or ()]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]
