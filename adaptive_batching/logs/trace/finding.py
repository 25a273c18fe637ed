"""Which requests belong to a trace, as SQL. Pure.

An id is a request's, a trace's (as loggers write it, or X-Ray's), or the value of any field. A request leads to the
traces that its lines name, and these to all requests that name them too. It goes no further: an invocation that takes
a batch of ten messages belongs to ten traces, which have nothing else in common.
"""

from __future__ import annotations

import json
import re

from adaptive_batching.logs.language import literals

#: The columns of a line of a trace.
LINE = (
    *("ts", "function", "environment", "request_id", "type", "level", "message", "error", "milestone"),
    *("span", "duration_ms", "trace_id", "record"),
)
_ROOT = re.compile(r"Root=([^;\s]+)")
_ORDER = "ts, environment, sequence, line"


def plain(text: str) -> str:
    """Return the id in a text: the Root of an X-Ray header, else the text without blanks around it."""
    root = _ROOT.search(text)
    return root[1] if root else text.strip()


def seeds(given: str) -> str:
    """Return the statement that makes the table `seeds` (trace): the ids of the traces that an id leads to.

    It is empty if no line has the id. The value of a field is looked for only if it is the id of nothing.
    """
    wanted = literals.text(given)
    return f"""
    create or replace temp table seeds as
    with exact as (
        select distinct request_id from logs
        where request_id is not null and (request_id = {wanted} or xray_id = {wanted})
    ), named as (select exists (select 1 from logs where trace_id = {wanted}) as it),
    found as (
        select trace_id, xray_id from logs
        where not (select it from named) and request_id in (select request_id from exact)
        union all
        select trace_id, xray_id from logs
        where not (select it from named) and not exists (select 1 from exact) and {_has_value(given)}
    )
    select distinct trace from (select unnest([trace_id, xray_id]) as trace from found) where trace is not null
    union select {wanted} where (select it from named) or exists (select 1 from exact)"""


def requests(given: str) -> str:
    """Return the statement that makes the table `requests` (function, environment, request_id), after `seeds`."""
    return f"""
    create or replace temp table requests as
    select distinct function, environment, request_id from logs
    where request_id is not null and (trace_id in (from seeds) or xray_id in (from seeds)
        or request_id in (from seeds) or (not exists (from seeds) and {_has_value(given)}))"""


def lines() -> str:
    """Return the query for the lines of these requests, without those that name another trace."""
    return f"""
    select {", ".join(f"logs.{name}" for name in LINE)} from logs
    where (logs.trace_id is null or not exists (from seeds) or logs.trace_id in (from seeds))
        and (exists (select 1 from requests r where r.request_id = logs.request_id and r.function = logs.function
                and r.environment = logs.environment)
            or (logs.request_id is null and logs.trace_id in (from seeds)))
    order by {_ORDER}"""


def milestones(beginning: str) -> str:
    """Return the query for the milestones of all traces that begin with this one: milestone, traces that have it, all.

    They come in the order in which traces usually reach them.
    """
    return f"""
    with reached as (
        select trace_id, milestone, min(ts) as ts from logs
        where trace_id is not null and milestone is not null group by trace_id, milestone
    ), alike as (
        select trace_id, min(ts) as ts from reached group by trace_id
        having arg_min(milestone, (ts, milestone)) = {literals.text(beginning)}
    )
    select milestone, count(*), (select count(*) from alike)
    from reached join alike using (trace_id)
    group by milestone order by avg(epoch_us(reached.ts) - epoch_us(alike.ts)), milestone"""


def _has_value(given: str) -> str:
    """Return the condition that a member of the line's JSON, at any depth, is this text or number."""
    behind = r"\s*[,}\]]"
    written = {re.escape(json.dumps(given)), re.escape(json.dumps(given, ensure_ascii=False))}
    patterns = [rf"{one}{behind}" for one in sorted(written)]
    if re.fullmatch(r"-?\d+(\.\d+)?", given):
        patterns.append(rf"[:\[,]\s*{re.escape(given)}{behind}")
    tests = " or ".join(f"regexp_matches(fields, {literals.text(pattern)})" for pattern in patterns)
    return f"coalesce({tests}, false)"
