"""What counts as failed, as running and as complete: one function each. Pure, except that `complete` runs its query."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from adaptive_batching import wording
from adaptive_batching.logs.sql import text
from adaptive_batching.logs.sql.columns import counted, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_STACK = "(json_exists(fields, '$.stackTrace') or json_exists(fields, '$.stack'))"
_NODE = " or ".join(f"contains(record, {quoted(word)} || chr(9) || '{{')" for word in text.NODE)
#: SQL: whether a line of the view `logs` is that of an error which nothing caught. Lambda says status success of an
#: invocation whose handler raised, so the line is all there is.
UNHANDLED = f"""(error is not null and type = 'function' and case
    when fields is null then (starts_with(record, '[ERROR] ') and contains(record, {quoted(text.TRACEBACK)}))
        or {_NODE}
    else json_exists(fields, '$.errorType') and {_STACK} and not json_exists(fields, '$.message') end)"""
#: SQL: whether a line is one that Node's runtime writes, in format JSON, for an error that was thrown and for one that
#: the function logged alike.
THROWN_OR_LOGGED = """(error is not null and type = 'function' and fields is not null
    and json_exists(fields, '$.message.errorType') and json_exists(fields, '$.message.stackTrace'))"""


#: SQL: whether such a line was written because the error was thrown: it is the last JSON line of its request, since
#: the runtime writes after the function. (What the function wrote to stdout itself may arrive later.) An aggregate.
_THROWN = f"""coalesce(max(sequence) filter ({THROWN_OR_LOGGED})
    = max(sequence) filter (type = 'function' and fields is not null), false)"""
#: SQL: whether a request, or an attempt of one, failed: an aggregate over its lines in the view `logs`.
FAILED = f"(count(*) filter (status <> 'success' or {UNHANDLED}) > 0 or {_THROWN})"


def failed() -> str:
    """Return a query for the requests that failed: environment, request_id, function, status, error.

    A request failed if a status of it is not success, or if it has the line of an error that nothing caught.
    """
    return f"""
    select environment, request_id, any_value(function) as function,
        max(status) filter (status <> 'success') as status,
        coalesce(arg_min(error, sequence) filter ({UNHANDLED}),
                 case when {_THROWN} then arg_max(error, sequence) filter ({THROWN_OR_LOGGED}) end) as error
    from logs where request_id is not null group by environment, request_id having {FAILED}"""


def running() -> str:
    """Return a query for the requests that ran: environment, request_id, function, begin, finish (timestamps).

    A request runs from its platform.start to its last line. (Its platform.report may get lost, and comes late.)
    """
    return """
    select environment, request_id, any_value(function) as function,
        min(ts) filter (type = 'platform.start') as begin, max(ts) as finish
    from logs where request_id is not null group by environment, request_id
    having begin is not null"""


@dataclass(frozen=True)
class Completeness:
    """What is known about lines that are not there, and about those that are there twice."""

    lines: int = 0
    environments: int = 0
    missing: int = 0  # numbers between the first and the last of an environment that no line has
    doubles: int = 0  # lines whose number another line of the environment has
    unreadable: int = 0  # lines that are not JSON objects with time and type
    damaged: int = 0  # objects that could not be read, or not to their end
    miscounted: int = 0  # objects with more or fewer lines than their metadata says
    lost: int = 0  # records that the extension reports as lost
    dropped: int = 0  # records that Lambda dropped before the extension got them
    foreign: int = 0  # keys that are not of this layout

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, double or unreadable."""
        wrong = (self.missing, self.doubles, self.unreadable, self.damaged, self.miscounted, self.lost, self.dropped)
        return not any(wrong)

    @property
    def sentence(self) -> str:
        """Return what the commands end with."""
        what = [
            (self.missing, "missing"),
            (self.doubles, "double"),
            (self.unreadable, "unreadable"),
            (self.lost, "lost by the extension"),
            (self.dropped, "dropped by Lambda"),
        ]
        wrong = [f"{count:,} {name}" for count, name in what if count]
        for count, name in (
            (self.damaged, "cannot be read whole"),
            (self.miscounted, "of another length than recorded"),
        ):
            wrong += [f"{wording.counted(count, 'object')} {name}"] if count else []
        said = f"{wording.counted(self.lines, 'line')} of {wording.counted(self.environments, 'environment')}"
        return f"{'complete' if self.whole else 'incomplete'}: {said}, {', '.join(wrong) or 'none missing'}"


def complete(connection: DuckDBPyConnection, *, since: bool, foreign: int = 0) -> Completeness:
    """Count what is missing, double and unreadable in the view `logs`.

    Numbers are compared with all lines that were read (`lines`), since a line's neighbour may be outside the window. If
    the window has no beginning (`since` is false), an environment begins with number 1.
    """
    first = "min(sequence)" if since else "1"
    found = connection.execute(f"""
        with seen as (
            select environment, {first} as low, max(sequence) as high from logs
            where sequence is not null and environment is not null group by environment
        ), numbers as (
            select environment, any_value(high - low + 1) as wanted, count(distinct sequence) as there,
                count(*) as lines
            from seen join lines using (environment) where sequence between low and high group by environment
        )
        select (select count(*) from logs where type <> 'insights.unreadable'),
            count(*), coalesce(sum(wanted - there), 0), coalesce(sum(lines - there), 0),
            (select count(*) from logs where type = 'insights.unreadable'),
            (select count(*) from objects where damage is not null),
            (select count(*) from objects where damage is null and records <> lines),
            (select coalesce(sum(lost - if(lost >= before, before, 0)), 0) from (
                select ts, environment, sequence, {_number("lost")} as lost,
                    lag(lost, 1, 0) over (partition by environment order by sequence) as before
                from lines where type = 'extension.report') semi join logs using (environment, sequence)),
            (select coalesce(sum({_number("droppedRecords")}), 0)
                from logs where type = 'platform.logsDropped')
        from numbers""").fetchone()
    assert found is not None  # noqa: S101 - an aggregate has one row
    names = [field.name for field in fields(Completeness)]
    return Completeness(**dict(zip(names, map(int, [*found, foreign]), strict=True)))


def _number(name: str) -> str:
    """Return the SQL of a count that Lambda or the extension reports; a record may be any text."""
    return counted(f"json_extract_string(if(json_valid(record), record, null), '$.{name}')")
