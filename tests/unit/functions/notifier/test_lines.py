"""What a line says, in both log formats."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import lines
from tests.fakes.shipped import Line, done, report, started
from tests.unit.functions.notifier.build import REQUEST, TRACE, body

TRACEBACK = """[ERROR] ValueError: no such subject
Traceback (most recent call last):
  File "/var/task/app.py", line 3, in handler
    raise ValueError("no such subject")
"""
UNCAUGHT = {
    "timestamp": "2026-11-20T17:41:50Z",
    "log_level": "ERROR",
    "errorMessage": "no such subject",
    "errorType": "ValueError",
    "requestId": REQUEST,
    "stackTrace": ['  File "/var/task/app.py", line 3, in handler\n    raise ValueError("no such subject")\n'],
}


def one(record: Any, kind: str = "function") -> lines.Line:  # noqa: ANN401
    (found,) = lines.read(body(Line(record, kind, request=REQUEST)), "save")
    return found


@pytest.mark.parametrize(
    ("record", "level", "error", "shown"),
    [
        ("hello\n", "", "", "hello"),
        (f"[INFO]\t2026-11-20T17:41:50.000Z\t{REQUEST}\tsaving\n", "INFO", "", "saving"),
        (f"[ERROR]\t2026-11-20T17:41:50.000Z\t{REQUEST}\tnot saved\n", "ERROR", "not saved", "ERROR  not saved"),
        (f"2026-11-20T17:41:50.000Z\t{REQUEST}\tERROR\tnot saved\n", "ERROR", "not saved", "ERROR  not saved"),
        ('{"level": "warning", "message": "slow"}\n', "WARNING", "", "WARNING  slow"),
        ({"level": "INFO", "message": "saving", "milestone": "SAVING"}, "INFO", "", "SAVING  saving"),
        ({"level": "ERROR", "message": "failed", "exception": "E: no"}, "ERROR", "E: no", "ERROR  failed  E: no"),
        (
            {"level": "ERROR", "message": "failed", "exception": {"type": "E", "message": "no"}},
            "ERROR",
            "E: no",
            "ERROR  failed  E: no",
        ),
        ({"level": "ERROR", "message": "failed"}, "ERROR", "failed", "ERROR  failed"),
        ({"level": "INFO", "message": "s", "span": "s", "durationMs": 3.5}, "INFO", "", "s  3.5 ms"),
        ({"_aws": {}, "message": "metrics"}, "", "", ""),
        (["a"], "", "", '["a"]'),
        (None, "", "", "null"),
    ],
)
def test_a_line_of_a_function(record: Any, level: str, error: str, shown: str) -> None:  # noqa: ANN401
    found = one(record)
    assert (found.level, found.error) == (level, error)
    assert lines.shown(found) == (f"17:41:50.000  {shown}" if shown else "")


@pytest.mark.parametrize("record", [TRACEBACK, UNCAUGHT])
def test_an_error_that_nothing_caught_has_its_stack(record: Any) -> None:  # noqa: ANN401
    found = one(record)
    assert found.error == "ValueError: no such subject"
    assert lines.shown(found).startswith("17:41:50.000  ERROR  ValueError: no such subject\n")
    assert "line 3, in handler\n" in lines.shown(found)


@pytest.mark.parametrize(
    ("line", "status", "shown"),
    [
        (started(REQUEST), "", ""),
        (done(REQUEST), "success", ""),
        (report(REQUEST), "success", ""),
        (done(REQUEST, status="timeout"), "timeout", ""),
        (report(REQUEST, status="timeout", ms=3000), "timeout", "17:41:50.000  report  timeout, 3,000 ms"),
    ],
)
def test_a_line_of_the_platform(line: Line, status: str, shown: str) -> None:
    found = one(line.record, line.type)
    assert (found.status, lines.shown(found), found.error) == (status, shown, "")


def test_the_trace_of_a_line() -> None:
    assert one({"traceId": TRACE}).trace == TRACE
    assert one(f'{{"correlation_id": "{TRACE}"}}').trace == TRACE
    assert one("text").trace == ""


@pytest.mark.parametrize("raw", [b"", b"x", b"[1]", b"7", b"{}", b'{"type":1,"time":2}', b"[" * 9999, b"\xff"])
def test_what_is_not_a_line_is_left_out(raw: bytes) -> None:
    assert list(lines.read(raw + b"\n" + body(Line("x")), "f")) == list(lines.read(body(Line("x")), "f"))


VALUES = st.recursive(
    st.one_of(st.none(), st.floats(), st.text()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
MEMBERS = st.sampled_from(
    [
        "level",
        "message",
        "exception",
        "errorType",
        "errorMessage",
        "stackTrace",
        "span",
        "durationMs",
        "status",
        "metrics",
        "traceId",
        "milestone",
    ]
)


@given(
    st.one_of(VALUES, st.dictionaries(MEMBERS, VALUES)),
    st.sampled_from(["function", "platform.report", "platform.new"]),
)
def test_any_record_is_shown(record: Any, kind: str) -> None:  # noqa: ANN401
    found = one(record, kind)
    assert isinstance(lines.shown(found), str)
    assert "\n" not in found.error
    assert isinstance(found.level + found.status + found.trace, str)
