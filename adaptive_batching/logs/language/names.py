"""What a name stands for: a member of the line's JSON, a column of the view `logs`, or an @field of Logs Insights."""

from __future__ import annotations

import difflib

from adaptive_batching.logs.language import literals, values
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.values import Kind, Value
from adaptive_batching.logs.sql import text as written

#: The columns of the view `logs`, and what they are.
COLUMNS: dict[str, Kind] = {
    "ts": "time",
    **dict.fromkeys(("function", "type", "request_id", "environment"), "text"),
    "sequence": "number",
    "level": "level",
    **dict.fromkeys(("message", "trace_id", "xray_id", "milestone", "span", "error", "status"), "text"),
    "duration_ms": "number",
    **dict.fromkeys(("record", "object"), "text"),
    "line": "number",
}
#: Columns as loggers and Lambda call them, where a line has no member of that name.
ALIASES = {
    "traceId": "trace_id",
    "requestId": "request_id",
    "AWSRequestId": "request_id",
    "functionName": "function",
    "exception": "error",
    "timestamp": "ts",
    "time": "ts",
}

_REPORT = "type = 'platform.report'"
_MEGABYTE = 1_000_000  # Logs Insights counts a megabyte of memory so
#: Types of lines as Logs Insights names them.
_TYPES = {
    "platform.initStart": "INIT_START",
    "platform.start": "START",
    "platform.runtimeDone": "END",
    "platform.report": "REPORT",
}


def _metric(member: str, unit: int = 1) -> Value:
    path = literals.pointer(["metrics", member])
    sql = f"CASE WHEN {_REPORT} THEN {written.as_double(f'json_extract_string(fields, {path})')} END"
    return Value(sql if unit == 1 else f"({sql} * {literals.number(unit)})", "number")


def _types() -> str:
    cases = " ".join(f"WHEN {literals.text(old)} THEN {literals.text(new)}" for old, new in _TYPES.items())
    return f"CASE type {cases} ELSE type END"


#: Logs Insights' own fields.
SPECIAL = {
    "@timestamp": Value("ts", "time"),
    "@message": Value("record", "text"),
    "@type": Value(_types(), "text"),
    "@requestId": Value("request_id", "text"),
    "@duration": _metric("durationMs"),
    "@billedDuration": _metric("billedDurationMs"),
    "@memorySize": _metric("memorySizeMB", _MEGABYTE),
    "@maxMemoryUsed": _metric("maxMemoryUsedMB", _MEGABYTE),
    "@initDuration": _metric("initDurationMs"),
    "@xrayTraceId": Value("xray_id", "text"),
    "@log": Value("function", "text"),
    "@logStream": Value("environment", "text"),
}
_SPECIAL = {name.lower(): value for name, value in SPECIAL.items()}


def column(name: str) -> Value | None:
    """Return a column of the view."""
    if name not in COLUMNS:
        return None
    kind = COLUMNS[name]
    return Value(f"CAST({name} AS DOUBLE)" if kind == "number" else name, kind)


def member(name: str) -> Value:
    """Return a member of the line's JSON: `a.b` is b in a, or a member whose name has the dot."""
    paths = [literals.pointer(name.split("."))]
    if "." in name:
        paths.append(literals.pointer([name]))
    found = [f"json_extract_string(fields, {path})" for path in paths]
    return Value(found[0] if len(found) == 1 else f"coalesce({', '.join(found)})", "text")


def for_query(name: str) -> Value:
    """Return what a name stands for in Logs Insights' language: a member of the JSON, else a column.

    Raises LanguageError for an @field that there is not.
    """
    if name.startswith("@"):
        return _special(name)
    found = column(ALIASES.get(name, name))
    if found is None:
        return member(name)
    return (
        Value(f"coalesce({member(name).sql}, {_as_text(found)})", "text")
        if found.kind != "number"
        else _number(found, name)
    )


def for_search(name: str) -> Value:
    """Return what a name stands for in an expression of `search`: a column, else a member of the JSON.

    `fields.` before the name makes it a member in any case. Raises LanguageError as `for_query` does.
    """
    if name.startswith("@"):
        return _special(name)
    if name.startswith("fields."):
        return member(name.removeprefix("fields."))
    return column(name) or for_query(name)


def _number(found: Value, name: str) -> Value:
    return Value(f"coalesce({values.number(member(name))}, {found.sql})", "number")


def _as_text(found: Value) -> str:
    return f"strftime({found.sql}, '%Y-%m-%dT%H:%M:%S.%gZ')" if found.kind == "time" else found.sql


def _special(name: str) -> Value:
    if name.lower() in _SPECIAL:
        return _SPECIAL[name.lower()]
    close = difflib.get_close_matches(name, SPECIAL, 1)
    hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(SPECIAL))}"
    raise LanguageError(f"{name} is not a field{hint}")
