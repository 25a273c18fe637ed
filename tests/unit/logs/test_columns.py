"""The columns that are read from a record, against plain Python; and those of real runtimes' lines, one by one."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.logs.sql.columns import FIELDS, MESSAGE, derived
from extension.records.levels import LEVELS as RANKS
from extension.records.levels import rank
from tests.unit.logs.oracle import LEVELS, TRACEBACK, WORDS, columns

CONNECTION = duckdb.connect()
TIME = "2026-11-26T02:12:03.589Z"
ID = "e96dda1f-c036-4963-bf39-c6c6b19d0a42"
#: What Lambda's .NET runtime writes (LogLevelLoggerWriter), and what it means.
DOTNET = {"trce": "TRACE", "dbug": "DEBUG", "info": "INFO", "warn": "WARN", "fail": "ERROR", "crit": "FATAL"}
NAMES = ("level", "message", "trace_id", "milestone", "span", "duration_ms", "error", "status", "fields")

words = st.sampled_from(
    ["paid", "Zürich", "a: b", "x\ny", "", "{", "null", "3", "1_0", "not {json}", "ERROR", "😀", "it's", '"q"']
)
scalars = st.one_of(words, st.integers(-9, 99), st.sampled_from([1.5, 0.25]), st.booleans(), st.none())
level = st.one_of(st.sampled_from([*LEVELS, "warn", "Error", "loud", ""]), scalars)
error = st.fixed_dictionaries({}, optional={"name": words, "message": scalars, "type": words})
plain = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("level", "severity", "log_level"), level),
        **dict.fromkeys(("traceId", "trace_id", "correlation_id", "correlationId"), scalars),
        **dict.fromkeys(("milestone", "span", "msg", "exception_name", "errorType", "errorMessage"), scalars),
        **dict.fromkeys(("durationMs", "duration_ms"), st.one_of(st.integers(0, 9), st.just(2.5), words)),
        **dict.fromkeys(("error", "err"), st.one_of(error, words)),
        "exception": st.sampled_from([f"{TRACEBACK}\n  File\nValueError: bad", "KeyError: 1\nmore", "one"]),
        "status": scalars,
        "price": scalars,
        "list": st.lists(scalars, max_size=2),
        "message": scalars,
    },
)
nested = st.builds(lambda outer, inner: outer | {"message": inner}, plain, plain)
printed = st.builds(lambda outer, inner: outer | {"message": json.dumps(inner)}, plain, plain)
objects = st.one_of(plain, nested, printed)
logged = st.sampled_from(
    [
        "boom",
        f"caught\n{TRACEBACK}\n  File x\nKeyError: 'inner'",
        f"ValueError: a\nb\n{TRACEBACK}\n\u00a0\u00a0File x",
        f"{TRACEBACK}\n  File x\nmodule.Custom: 'inner'\n",
        'Invoke Error \t{"errorType":"RangeError","errorMessage":"a\\nb","stack":[]}',
        "Invoke Error \tno json",
        'Uncaught Exception \t{"errorType":"E"}\n',
    ]
)
message = st.one_of(words, logged, objects.map(json.dumps))
heads = st.sampled_from(
    [
        "",
        *(f"[{one}]\t{TIME}\t{ID}\t" for one in ("INFO", "ERROR", "warning", "LOUD")),
        *(f"[{one}] " for one in ("ERROR", "critical", "x")),
        *(f"{TIME}\t{ID}\t{one}\t" for one in ("INFO", "ERROR", *DOTNET, "loud")),
        f"{TIME}\tundefined\tINFO\t",
        *(f"{one}: " for one in sorted(WORDS)),
        "ERRORS ",
    ]
)
texts = st.builds(lambda head, body, end: head + body + end, heads, message, st.sampled_from(["", "\n", "\r\n"]))
reports = st.builds(
    lambda status, ms: {"requestId": "r", "status": status, "metrics": {"durationMs": ms}},
    st.sampled_from(["success", "timeout", "error"]),
    st.sampled_from([1, 2.5]),
)
lines = st.one_of(
    st.builds(lambda record: {"type": "function", "record": record}, st.one_of(texts, objects)),
    st.builds(
        lambda kind, record: {"type": kind, "record": record},
        st.sampled_from(["platform.report", "platform.runtimeDone", "platform.fault"]),
        st.one_of(reports, st.sampled_from(["RequestId: 1 Process exited\n", "{"])),
    ),
)


def made(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns as SQL makes them."""
    rows = [
        {
            "line": number,
            "type": one["type"],
            "record": one["record"]
            if isinstance(one["record"], str)
            else json.dumps(one["record"], separators=(",", ":"), ensure_ascii=False),
        }
        for number, one in enumerate(records)
    ]
    source = """(select line, type, record, '2026-11-26T02:12:03.589Z' as time, null::varchar as requestId,
            'e' as environment, '1' as sequence, 'k' as object
        from (select unnest($lines::bigint[]) as line, unnest($types::varchar[]) as type,
            unnest($records::varchar[]) as record))"""
    shown = ", ".join({"message": MESSAGE, "fields": FIELDS}.get(name, name) for name in NAMES)
    found = CONNECTION.execute(
        f"select {shown} from ({derived(source)}) order by line",
        {name: [row[name[:-1]] for row in rows] for name in ("lines", "types", "records")},
    ).fetchall()
    return [dict(zip(NAMES, row, strict=True)) for row in found]


@settings(max_examples=150)
@given(st.lists(lines, min_size=1, max_size=25))
def test_the_columns_are_those_of_plain_python(records: list[dict[str, Any]]) -> None:
    for record, found in zip(records, made(records), strict=True):
        if found["fields"] is not None:
            found["fields"] = json.loads(found["fields"])
        assert found == columns(record), record


def shown(record: Any, *names: str, type_: str = "function") -> tuple[Any, ...]:  # noqa: ANN401
    (found,) = made([{"type": type_, "record": record}])
    return tuple(found[name] for name in names)


STACK = "\n    at Runtime.handler (file:///var/task/app.mjs:4:44)"
ERRORS = {
    f"{TIME}\t{ID}\tERROR\tTypeError: not caught{STACK}\n": "TypeError: not caught",
    f"{TIME}\t{ID}\tERROR\twith RangeError: second{STACK}\n": "RangeError: second",
    f"{TIME}\t{ID}\tERROR\tError{STACK}\n": "Error",
    f"{TIME}\t{ID}\tINFO\tlook\n    at five o'clock\n": None,
    "java.lang.IllegalStateException: closed\n\tat com.example.Handler.handle(Handler.java:12)\n": (
        "java.lang.IllegalStateException: closed"
    ),
    f"[ERROR]\t{TIME}\t{ID}\tcaught it\n{TRACEBACK}\n  File x\nKeyError: 'inner'": "KeyError: 'inner'",
    f"{TRACEBACK}\n  File x\nbotocore.errorfactory.NoSuchKey: gone\n": "botocore.errorfactory.NoSuchKey: gone",
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_in_a_text_is_its_type_and_message(text: str) -> None:
    assert shown(text, "error") == (ERRORS[text],)


def test_heads_of_other_runtimes_give_a_level_too() -> None:
    java = f"2026-11-26 02:12:03 {ID} WARN  com.example.Handler - slow"
    ruby = "W, [2026-11-26T02:12:03.589123 #8]  WARN -- : slow"
    assert shown(java, "level", "message") == ("WARN", "com.example.Handler - slow")
    assert shown(ruby, "level", "message") == ("WARN", "slow")


@pytest.mark.parametrize("word", DOTNET)
def test_the_head_of_dotnet_is_its_level_and_no_part_of_the_message(word: str) -> None:
    assert shown(f"{TIME}\t{ID}\t{word}\tslow", "level", "message") == (DOTNET[word], "slow")


@pytest.mark.parametrize("word", LEVELS)
def test_a_level_is_the_one_that_min_level_judges_by(word: str) -> None:
    record: dict[str, object] = {"level": word.encode() if word.isdigit() else word}
    assert RANKS[rank(record) or 0].upper() == LEVELS[word]


def test_what_a_node_function_prints_in_json_counts_whatever_wraps_it() -> None:
    inner = {"level": "warn", "message": "slow", "traceId": "t-1", "price": 3}
    outer = {"timestamp": TIME, "level": "INFO", "requestId": ID, "message": json.dumps(inner)}
    for record in (outer, f"{TIME}\t{ID}\tINFO\t{json.dumps(inner)}\n", outer | {"message": inner}):
        level, text, trace, fields = shown(record, "level", "message", "trace_id", "fields")
        assert (level, text, trace) == ("WARN", "slow", "t-1")
        assert json.loads(fields)["price"] == 3


def test_the_root_of_a_trace_header_is_the_xray_id() -> None:
    root = "1-6b079573-70b37e60d8524065bff449c2"
    for value in (f"Root={root};Parent=5255bf5603e741f6;Sampled=1", f"Self=1;Root={root}", root):
        found = CONNECTION.execute(
            f"""select xray_id from ({
                derived(
                    "(select '2026-11-26' as time, 'platform.start' as type, $r as record, "
                    "null as requestId, 'e' as environment, '1' as sequence, 'k' as object, 1 as line)"
                )
            })""",
            {"r": json.dumps({"tracing": {"type": "X-Amzn-Trace-Id", "value": value}})},
        ).fetchone()
        assert found == (root,)
