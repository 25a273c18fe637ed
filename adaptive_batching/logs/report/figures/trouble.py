"""Errors by type, and patterns over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from adaptive_batching.logs.report.bins import Bins, iso
from adaptive_batching.logs.report.figures.tables import rows
from adaptive_batching.logs.report.patterns import Pattern, PatternsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

#: The most rows of errors, the longest type and the longest example, in characters.
MOST, TYPE_LENGTH, EXAMPLE_LENGTH = 100, 120, 300
_INVOCATIONS = "count(distinct (environment, request_id, attempt)) filter (request_id is not null)"


def errors(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the errors by type and function, the most frequent first.

    An error is a line that names one, handled or not; a failed invocation without such a line counts by the status or
    the error type that the platform gives it, with no lines.
    """
    found = rows(
        connection,
        f"""
        with lines as (
            select left(split_part(error, ':', 1), {TYPE_LENGTH}) as type, coalesce(function, '?') as function,
                count(*) as lines, {_INVOCATIONS} as invocations,
                epoch_us(min(ts)) as first_us, epoch_us(max(ts)) as last_us,
                left(arg_max(error, (ts, sequence)), {EXAMPLE_LENGTH}) as example,
                arg_max(request_id, (ts, sequence)) as request_id
            from told where error is not null and type = 'function' and ts is not null group by 1, 2
        ), silent as (
            select left(coalesce(error_type, status), {TYPE_LENGTH}) as type, function, 0 as lines,
                count(*) as invocations, min(finish_us) as first_us, max(finish_us) as last_us, null as example,
                arg_max(request_id, (finish_us, request_id)) as request_id
            from invocations where failed and error is null
                and (environment, request_id, attempt) not in (select (environment, request_id, attempt) from told
                    where error is not null and type = 'function'
                        and environment is not null and request_id is not null)
            group by 1, 2
        )
        select type, function, sum(lines)::bigint as lines, sum(invocations)::bigint as invocations,
            min(first_us) as first_us, max(last_us) as last_us, max(example) as example,
            arg_max(request_id, last_us) as request_id
        from (select * from lines union all select * from silent) group by type, function
        order by greatest(sum(lines), sum(invocations)) desc, type, function limit {MOST}""",
    )
    for one in found:
        one["first"], one["last"] = iso(one.pop("first_us")), iso(one.pop("last_us"))
    return found


def check(connection: DuckDBPyConnection, patterns: Sequence[Pattern]) -> None:
    """Raise PatternsError if a regular expression is not one of RE2."""
    for one in patterns:
        try:
            connection.execute("select regexp_matches('', ?)", [one.regex])
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].partition(": ")[2]
            raise PatternsError(f"the regex {one.regex!r} of {one.name!r} is not one of RE2: {reason}") from None


def patterns(connection: DuckDBPyConnection, wanted: Sequence[Pattern], over: Bins) -> list[dict[str, Any]]:
    """Return for each pattern how many lines have it, and how many invocations and environments, by bin and in all."""
    check(connection, wanted)
    conditions, parameters = [], []
    for one in wanted:
        matched = "contains(record, ?)" if one.text else "regexp_matches(record, ?)"
        there = " or ".join("function glob ?" for _ in one.functions)
        conditions.append(f"({matched}{there and f' and ({there})'})")
        parameters += [one.text or one.regex, *one.functions]
    listed = ", ".join(f"case when {condition} then {place} end" for place, condition in enumerate(conditions))
    connection.execute(
        f"""create or replace temp table matched as
            select unnest(list_filter(places, lambda place: place is not null)) as place, * exclude (places) from (
                select [{listed}] as places, (epoch_us(ts) - ?) // ? as bin, function, environment, request_id,
                    attempt, epoch_us(ts) as at_us
                from told
                where type in ('function', 'extension') and ts is not null and ({" or ".join(conditions)}))""",
        [*parameters, over.start, over.width * 1_000_000, *parameters],
    )
    counts = f"count(*) as lines, {_INVOCATIONS} as invocations, count(distinct environment) as environments"
    every = {
        one["place"]: one
        for one in rows(
            connection,
            f"""
        select place, {counts}, list_sort(list(distinct coalesce(function, '?'))) as functions, min(at_us) as first_us,
            max(at_us) as last_us from matched group by place""",
        )
    }
    cells = {
        (one["place"], one["bin"]): one
        for one in rows(
            connection,
            f"""
        select place, bin, {counts} from matched group by place, bin""",
        )
    }
    found = []
    for place, one in enumerate(wanted):
        whole = every.get(place, {})
        entry: dict[str, Any] = {"name": one.name, **({"text": one.text} if one.text else {"regex": one.regex})}
        for name in ("lines", "invocations", "environments"):
            entry[name] = whole.get(name, 0)
        entry["functions"] = whole.get("functions", [])
        entry["first"] = iso(whole["first_us"]) if whole else None
        entry["last"] = iso(whole["last_us"]) if whole else None
        entry["over_time"] = {
            name: [cells.get((place, number), {}).get(name, 0) for number in range(over.count)]
            for name in ("lines", "invocations", "environments")
        }
        found.append(entry)
    return found
