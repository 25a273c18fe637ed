"""What a line says, as SQL: the expressions that make the columns of the view `logs` from the members of a line. Pure.

A record is an object, or text. Text counts as an object, too, if all of it is one in JSON, or all that follows the head
which the runtime wrote: loggers print JSON. What stands below `message` counts as well, as an object or as its JSON
text: Node's and Python's runtimes put there what the function logged. The function knows best: the innermost level that
has a name is the one that counts.
"""

from __future__ import annotations

from adaptive_batching.logs.sql import text
from adaptive_batching.objects import EARLIEST, LATEST

#: What is looked up in a record -> the names that it may have, the first that is there counts.
NAMES = {
    "text": ("message", "msg", "errorMessage"),
    "level": ("level", "severity", "log_level"),
    "trace_id": ("traceId", "trace_id", "correlation_id", "correlationId"),
    "xray": ("xray_trace_id", "xrayTraceId"),
    "milestone": ("milestone",),
    "span": ("span",),
    "duration": ("durationMs", "duration_ms"),
    "error_type": ("errorType", "exception_name", "error.name", "err.type"),
    "error_text": ("errorMessage", "error.message", "err.message"),
    "exception": ("exception",),
}
#: What is looked up in Lambda's own records.
PLATFORM = ("status", "requestId", "metrics.durationMs", "tracing.value")
#: The columns that a segment keeps, beside those of the view: where the message begins in the text of a record (from
#: 1), and which object `fields` is: 1 the record's, 2 with the members of its `message`.
START, SHAPE = "start", "shape"

#: No number of a line, duration or size is larger.
MOST = 1_000_000_000_000

_OUTER = list(dict.fromkeys(name for names in NAMES.values() for name in names))


def derived(lines: str) -> str:
    """Return a query that makes what a segment keeps from the members of lines.

    `lines` is a relation with the columns time, type, record, requestId, environment, sequence (all VARCHAR), object
    and line. The columns are those of the view `logs` without `function` and `fields`, and START and SHAPE. `message`
    is NULL where `record` has it.
    """
    platform = "starts_with(type, 'platform.')"
    return f"""
    with headed as (
        select *,
            case when {platform} then {_extracted("record", PLATFORM)} end as p,
            case when {platform} or starts_with(record, '{{') then null {_head()} end as h
        from {lines}
    ), leveled as (
        select *, {_level("h['level']")} as head_level from headed
    ), bodied as (
        select *, if(head_level is null, 1, length(h['head']) + 1) as {START} from leveled
    ), parsed as (
        select *,
            case when {platform} then null
                when {START} = 1 then case when starts_with(record, '{{') then {_extracted("record", _OUTER)} end
                when substr(record, {START}, 1) = '{{' then {_extracted(f"substr(record, {START})", _OUTER)} end as x
        from bodied
    ), nested as (
        select *,
            case when starts_with({_of("x", "message")}, '{{') then {_extracted(_of("x", "message"), _OUTER)} end as y,
            case when x is null and not {platform} and ({_suspect()})
                then rtrim(substr(record, {START}), e'\\r\\n') end as t
        from parsed
    ), told as (
        select *,
            {_found("text")} as said,
            {_where_there("y", _first("y", "level"))} as inner_level,
            {_where_there("x", _first("x", "level"))} as outer_level,
            coalesce({_told("tracing.value")}, {_found("xray")}) as xray,
            {_found("error_type")} as error_type, {_found("exception")} as exception,
            if(starts_with(t, '{text.NODE[0]}') or starts_with(t, '{text.NODE[1]}') or starts_with(t, '{text.NODE[2]}'),
               substr(t, strpos(t, '{{')), null) as node,
            try_cast(time as timestamp) as begun, try_cast(sequence as bigint) as counted,
            {text.as_double(f"if(type = 'platform.report', {_told('metrics.durationMs')}, {_found('duration')})")}
                as took
        from nested
    )
    select
        {_in_time("begun")} as ts,
        type,
        coalesce(requestId, {_told("requestId")}) as request_id,
        environment,
        {_of_count("counted")} as sequence,
        coalesce({_level("inner_level")}, {_level("outer_level")}, head_level) as level,
        said as message,
        {_found("trace_id")} as trace_id,
        {_xray("xray")} as xray_id,
        {_found("milestone")} as milestone,
        {_found("span")} as span,
        {_error()} as error,
        {_told("status")} as status,
        {_of_measure("took")} as duration_ms,
        record, object, line,
        {START},
        case when y is not null then 2 when x is not null or {platform} and p is not null then 1 end as {SHAPE}
    from told
    """


#: SQL: the columns `message` and `fields` of the view, made from what a segment keeps.
MESSAGE = f"coalesce(message, rtrim(if({START} = 1, record, substr(record, {START})), e'\\r\\n'))"
_BODY = f"if({START} = 1, record, substr(record, {START}))"
FIELDS = f"""case {SHAPE} when 1 then {_BODY}
    when 2 then json_merge_patch({_BODY}, json_extract_string({_BODY}, '$.message'))::varchar end"""


def moment(value: str) -> str:
    """Return the SQL of the moment in a text; NULL if it is none, or none that a platform's clock has shown.

    (`infinity` and years before 1 and after 9999 are timestamps of DuckDB, and no moments of Python.)
    """
    return _in_time(f"try_cast({value} as timestamp)")


def counted(value: str) -> str:
    """Return the SQL of a count in a text; NULL if it is none. Sums and differences of counts do not overflow."""
    return _of_count(f"try_cast({value} as bigint)")


def measured(value: str) -> str:
    """Return the SQL of a duration (ms) or size in a text; NULL if it is none, infinite, or of more than 30 years."""
    return _of_measure(text.as_double(value))


def _in_time(cast: str) -> str:
    return f"case when {cast} >= timestamp '{EARLIEST}-01-01' and {cast} < timestamp '{LATEST}-01-01' then {cast} end"


def _of_count(cast: str) -> str:
    return f"case when {cast} between 0 and {MOST} then {cast} end"


def _of_measure(cast: str) -> str:
    return f"case when {cast} between -{MOST} and {MOST} then {cast} end"


def quoted(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def _paths(names: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(quoted(f"$.{name}") for name in names) + "]"


def _extracted(value: str, names: tuple[str, ...] | list[str]) -> str:
    """Return the list of what JSON text has under these paths, NULL if it is none. It is parsed only once."""
    return f"try(json_extract_string({value}, {_paths(names)}))"


def _is_object(value: str) -> str:
    return f"(starts_with({value}, '{{') and json_valid({value}))"


def _told(name: str) -> str:
    return _where_there("p", f"p[{PLATFORM.index(name) + 1}]")


def _of(where: str, name: str) -> str:
    return f"{where}[{_OUTER.index(name) + 1}]"


def _first(where: str, what: str) -> str:
    found = [_of(where, name) for name in NAMES[what]]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def _found(what: str) -> str:
    return f"coalesce({_where_there('y', _first('y', what))}, {_where_there('x', _first('x', what))})"


def _where_there(where: str, value: str) -> str:
    """Return a value that is NULL where `where` is: to look into a list that is not there costs as much as into one."""
    return f"case when {where} is not null then {value} end"


def _head() -> str:
    def groups(pattern: str) -> str:
        return f"regexp_extract(record, {quoted(pattern)}, ['head', 'level'])"

    return f"""
        when starts_with(record, '[') then {groups(text.PYTHON_HEAD)}
        when record between '0' and ':' then {groups(text.TIMED_HEAD)}
        when substr(record, 2, 3) = ', [' then {groups(text.RUBY_HEAD)}
        else {groups(text.FIRST_WORD)}"""


def _level(value: str) -> str:
    cases = " ".join(
        f"when {quoted(word)} then {quoted(level)}" for level, words in text.LEVELS.items() for word in words
    )
    return f"case when {value} is null then null else case upper({value}) {cases} end end"


def _suspect() -> str:
    """Return whether a text can be of an error: what follows costs too much for every line."""
    begin = f"substr(record, {START}, {max(map(len, text.NODE))})"
    inside = [f"contains(record, e'{part}')" for part in text.PARTS]
    return " or ".join([*(f"starts_with({begin}, '{word}')" for word in text.NODE), *inside])


def _xray(value: str) -> str:
    """Return the root in `1-…-…` or `Root=1-…-…;Parent=…`. A search in text costs more than all else about a line."""
    searched = f"nullif(regexp_extract({value}, '{text.XRAY}'), '')"
    return f"""case when {value} is null then null
        when starts_with({value}, 'Root=1-') then substr({value}, 6, {text.XRAY_LENGTH}) else {searched} end"""


def _error() -> str:
    def matched(value: str, pattern: str) -> str:
        return f"nullif(regexp_extract({value}, {quoted(pattern)}, 1), '')"

    return f"""case
        when node is not null then nullif(concat_ws(': ',
            json_extract_string(if(json_valid(node), node, null), '$.errorType'),
            json_extract_string(if(json_valid(node), node, null), '$.errorMessage')), '')
        when t is not null then case
            when not contains(t, {quoted(text.TRACEBACK)}) then {matched("t", text.FRAMES)}
            when h['head'] = '[ERROR] ' then {matched("t", text.UNCAUGHT)}
            else {matched("t", text.CAUGHT)} end
        when error_type is not null then
            concat_ws(': ', error_type, coalesce({_found("error_text")}, if({_is_object("said")}, null, said)))
        when exception is not null then
            coalesce({matched("exception", text.CAUGHT)}, {matched("exception", text.LINE)})
        end"""
