"""What a line says, as SQL: the expressions that make the columns of the view `logs` from the members of a line. Pure.

A record is an object, or text. Text that holds a JSON object counts as one, since loggers print JSON; and what stands
below its `message` counts too, since Node's runtime puts there what the function logged. The names are those that
loggers use: the first that is there wins, the outermost level before `message`.
"""

from __future__ import annotations

#: Column -> the names that it may have in a record.
NAMES = {
    "level": ("level", "severity", "log_level"),
    "trace_id": ("traceId", "trace_id", "correlation_id", "correlationId"),
    "xray": ("xray_trace_id", "xrayTraceId", "tracing.value"),
    "milestone": ("milestone",),
    "span": ("span",),
    "duration": ("durationMs", "duration_ms"),
    "error_type": ("errorType", "exception_name", "error.name", "err.type"),
    "error_text": ("errorMessage", "error.message", "err.message"),
    "exception": ("exception",),
    "text": ("message", "msg", "errorMessage"),
}
#: Level -> how loggers write it. Numbers are those of pino and bunyan.
LEVELS = {
    "TRACE": ("TRACE", "VERBOSE", "SILLY", "10"),
    "DEBUG": ("DEBUG", "20"),
    "INFO": ("INFO", "INFORMATION", "NOTICE", "30"),
    "WARN": ("WARN", "WARNING", "40"),
    "ERROR": ("ERROR", "ERR", "50"),
    "FATAL": ("FATAL", "CRITICAL", "CRIT", "ALERT", "EMERG", "EMERGENCY", "60"),
}
#: What has no place on the outermost level or below `message`: members of Lambda's own records.
_OF_THE_PLATFORM = ("status", "requestId", "metrics.durationMs")
_WORDS = "|".join(word for words in LEVELS.values() for word in words if not word.isdigit())
_TIME = r"\d{4}-\d\d-\d\d[T ][\d:.,]+Z?"
#: The head of a line of text: what runtimes write before the message, and the level in it (`a`), or (`b`) a level that
#: the function itself wrote first, which is part of the message.
HEAD = (
    rf"^(?P<head>\[(?P<p>(?i:{_WORDS}))\](?:\t{_TIME}\t[^\t]*\t| +)"  # Python
    rf"|{_TIME}\t[^\t]*\t(?P<n>(?i:{_WORDS}))\t"  # Node, .NET
    rf"|{_TIME} +[0-9a-f-]{{36}} +(?P<j>{_WORDS}) +"  # Java (log4j2)
    rf"|[A-Z], \[[^\]\n]*\] +(?P<r>{_WORDS}) -- [^:\n]*: )"  # Ruby
    rf"|^(?P<b>{_WORDS})(?:[:\s]|$)"
)
#: The text of an exception in a text: Python's last line, or the first of what has frames below it.
PYTHON = r"\nTraceback \(most recent call last\):(?s:.*)\n(?P<error>[\w.]+(?:: [^\n]*)?)\s*$"
FRAMES = r"^(?:[^\n]*?\s)??(?P<error>[\w.$]+(?:: [^\n]*)?)\n\s+at "
#: What Node's runtime writes before the JSON of an unhandled error.
NODE = r"^(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection) *\t\{"


def _paths() -> dict[str, int]:
    """Return the paths that are looked up in a record, in order, with their places (from 1)."""
    names = [name for some in NAMES.values() for name in some]
    paths = [f"$.{name}" for name in [*names, *_OF_THE_PLATFORM]] + [f"$.message.{name}" for name in names]
    return {path: place for place, path in enumerate(dict.fromkeys(paths), 1)}


_PATHS = _paths()


def _found(column: str) -> str:
    names = NAMES[column]
    paths = [f"$.{name}" for name in names] + [f"$.message.{name}" for name in names]
    return f"coalesce({', '.join(f'x[{_PATHS[path]}]' for path in paths)})"


def _of_the_platform(name: str) -> str:
    return f"x[{_PATHS[f'$.{name}']}]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _level(text: str) -> str:
    cases = " ".join(f"when {_quoted(word)} then {_quoted(level)}" for level, words in LEVELS.items() for word in words)
    return f"case upper({text}) {cases} end"


def derived(lines: str) -> str:
    """Return a query that makes the columns of the view `logs` from those of a line.

    `lines` is a relation with the columns time, type, record, requestId, environment, sequence (all VARCHAR), object
    and line. `function` is left to the caller.
    """
    # A member that is an object or a list gives its JSON text; null gives NULL.
    looked_up = f"json_extract_string(record, [{', '.join(map(_quoted, _PATHS))}])"
    head = f"regexp_extract(record, {_quoted(HEAD)}, ['head', 'p', 'n', 'j', 'r', 'b'])"
    groups = ", ".join(f"h['{name}']" for name in "pnjrb")
    written = f"coalesce({_found('level')}, nullif(concat({groups}), ''))"
    return f"""
    with parsed as (
        select *,
            case when starts_with(ltrim(record, e' \\t\\r\\n'), '{{') and json_valid(record) then {looked_up} end as x
        from {lines}
    ), headed as (
        select *,
            case when x is null and type not like 'platform.%' then {head} end as h,
            case when x is null then rtrim(substr(record, length(coalesce(h['head'], '')) + 1), e'\\r\\n')
                 when type like 'platform.%' then record
                 else coalesce({_found("text")}, record) end as message
        from parsed
    ), blamed as (
        select *,
            case when x is not null then null
                 when regexp_matches(message, {_quoted(NODE)}) and json_valid(substr(message, strpos(message, '{{')))
                 then json_extract_string(substr(message, strpos(message, '{{')), ['$.errorType', '$.errorMessage'])
            end as node,
            case when type like 'platform.%' then null
                 when x is null then coalesce(nullif(concat_ws(': ', node[1], node[2]), ''),
                    case when h['head'] = '[ERROR] ' and contains(message, 'Traceback (most recent call last)')
                              then regexp_extract(message, '^[^\\r\\n]+') end,
                    case when contains(message, 'Traceback (most recent call last)')
                         then nullif(regexp_extract(message, {_quoted(PYTHON)}, 1), '') end,
                    case when contains(message, 'at ')
                         then nullif(regexp_extract(message, {_quoted(FRAMES)}, 1), '') end)
                 when {_found("error_type")} is not null
                 then concat_ws(': ', {_found("error_type")},
                     coalesce({_found("error_text")}, case when json_valid(message) then null else message end))
                 when {_found("exception")} is not null
                 then coalesce(nullif(regexp_extract(e'\\n' || {_found("exception")}, {_quoted(PYTHON)}, 1), ''),
                               regexp_extract({_found("exception")}, '^[^\\r\\n]+'))
            end as error
        from headed
    )
    select
        try_cast(time as timestamp) as ts,
        type,
        coalesce(requestId, case when type like 'platform.%' then {_of_the_platform("requestId")} end) as request_id,
        environment,
        try_cast(sequence as bigint) as sequence,
        case when type like 'platform.%' then null
             else {_level(written)} end as level,
        message,
        {_found("trace_id")} as trace_id,
        nullif(regexp_extract({_found("xray")}, '1-[0-9a-f]{{8}}-[0-9a-f]{{24}}'), '') as xray_id,
        {_found("milestone")} as milestone,
        {_found("span")} as span,
        error,
        case when type like 'platform.%' then {_of_the_platform("status")} end as status,
        case when type = 'platform.report' then try_cast({_of_the_platform("metrics.durationMs")} as double)
             when type not like 'platform.%' then try_cast({_found("duration")} as double) end as duration_ms,
        case when x is null then null
             when json_type(record, '$.message') = 'OBJECT'
             then json_merge_patch(json_extract(record, '$.message'), record)::varchar
             else record end as fields,
        record, object, line
    from blamed
    """
