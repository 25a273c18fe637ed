"""How values and lines are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.verbs.lines import Entry, as_json, csv_row, short
from adaptive_batching.logs.verbs.output import Output, moment, plain, visible

BEGIN = datetime(2026, 11, 20, 9, 15, 2, 150_999)  # noqa: DTZ001 - the views are in UTC, without a zone


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        *(
            (3.0, "3"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (0.0000006, "0.0000006"),
            (1e-12, "1e-12"),
            (250.9375, "250.9375"),
        ),
        *((1e15, "1000000000000000"), (float("inf"), "inf"), (float("nan"), "nan"), (-1.5, "-1.5")),
    ],
)
def test_numbers_have_no_exponent_and_no_zeros_at_the_end(number: float, shown: str) -> None:
    assert plain(number) == shown


def test_moments_have_milliseconds_and_a_zone() -> None:
    assert moment(BEGIN, UTC) == "2026-11-20T09:15:02.150Z"
    assert moment(BEGIN, ZoneInfo("Asia/Tokyo")) == "2026-11-20T18:15:02.150+09:00"


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown = visible(text)
    assert all(one.isprintable() or one in "\n\t" for one in shown)
    if text.isprintable():
        assert shown == text


def test_control_characters_are_written_out() -> None:
    assert visible("\x1b[31mred\x1b[0m\r\x07\u202e\tx\ny") == r"\x1b[31mred\x1b[0m\r\x07\u202e" + "\tx\ny"
    assert visible("a\nb", "") == r"a\nb"


def entry(type_: str = "function", message: str | None = "a\nb\n", **more: object) -> Entry:
    members = {"ts": BEGIN, "function": "f", "type": type_, "request_id": "r", "environment": "e", "sequence": 7}
    members |= {"level": "INFO", "message": message, "trace_id": None, "record": message, "object": "o", "line": 1}
    return Entry(**{**members, **more})  # type: ignore[arg-type]


def test_a_record_is_one_entry_and_its_further_lines_are_indented() -> None:
    assert short(entry(), UTC) == "2026-11-20 09:15:02.150  f  INFO   a\n    b"
    assert short(entry(level=None, ts=None, message=None), UTC) == f"no time{' ' * 18}f         "


@pytest.mark.parametrize(
    ("type_", "record", "shown"),
    [
        ("platform.start", {"requestId": "r", "version": "1"}, "start  r"),
        (
            "platform.report",
            {
                "requestId": "r",
                "status": "timeout",
                "metrics": {
                    "durationMs": 3000.0,
                    "billedDurationMs": 3000,
                    "memorySizeMB": 256,
                    "maxMemoryUsedMB": 94,
                    "initDurationMs": 212.7,
                },
            },
            "report  timeout, 3000.0 ms, billed 3000 ms, 94 of 256 MB, init 212.7 ms, r",
        ),
        ("platform.initStart", {"phase": "init"}, 'initStart {"phase": "init"}'),
        ("platform.report", [1], "report [1]"),
        ("platform.start", "text", 'start "text"'),
    ],
)
def test_records_of_the_platform_say_what_counts(type_: str, record: object, shown: str) -> None:
    found = short(entry(type_, None, record=json.dumps(record), level=None), UTC)
    assert found == f"2026-11-20 09:15:02.150  f         {shown}"


def test_an_entry_as_json_and_as_csv() -> None:
    assert json.loads(as_json(entry(), UTC)) == {
        "ts": "2026-11-20T09:15:02.150Z",
        "function": "f",
        "type": "function",
        "request_id": "r",
        "environment": "e",
        "sequence": 7,
        "level": "INFO",
        "message": "a\nb\n",
        "trace_id": None,
    }
    assert csv_row(entry(message='say "no"'), UTC) == '2026-11-20T09:15:02.150Z,f,function,r,e,7,INFO,"say ""no""",'


def test_numbers_stand_right_in_a_table_and_what_else_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["a", 905.0, None, True, "5 ms"], ["bcd", 27.25, 1, False, "1,480 ms"], ["e", 3, 12, True, ""]]
    assert Output(UTC).rows(["name", "mean", "n", "on", "took"], rows, "table", ["took"]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "name   mean   n  on         took",
        "a       905      true       5 ms",
        "bcd   27.25   1  false  1,480 ms",
        "e         3  12  true",
    ]
