"""The level that a record names, in the formats of Lambda's runtimes and of common loggers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from extension.kinds import LEVELS as TOLD
from extension.records.levels import LEVELS, rank
from tests.unit.extension.records.strategies import JSON, PATIENT

ID = "8b133862-5331-4ded-ac5d-1ad5da5aee81"
TIME = "2026-11-20T09:15:02.150Z"


@pytest.mark.holds("filters: MIN_LEVEL reads the level that loggers and Lambda's runtimes write")
@pytest.mark.parametrize(
    ("level", "record"),
    [
        # Python: the runtime's own handler, an unhandled exception; Java's LambdaLogger
        ("error", f"[ERROR]\t{TIME}\t{ID}\tit broke\n"),
        ("warn", f"[WARNING]\t{TIME}\t{ID}\tlevel=debug"),
        ("error", "[ERROR] ValueError: no\nTraceback (most recent call last):"),
        ("fatal", f"[CRITICAL]\t{TIME}\t{ID}\tx"),
        ("info", "[INFO] hello"),
        # Node, and .NET with its short words
        ("info", f"{TIME}\t{ID}\tINFO\thello\n"),
        ("error", f"{TIME}\t{ID}\tERROR\tInvoke Error \t{{}}"),
        ("fatal", f"{TIME}\t{ID}\tFATAL\tx"),
        ("debug", f"{TIME}\t{ID}\tdbug\tx"),
        ("error", f"{TIME}\t{ID}\tfail\tx"),
        ("trace", f"{TIME}\t{ID}\ttrce\tx"),
        ("fatal", f"{TIME}\t{ID}\tcrit\tx"),
        ("info", f"{TIME}\tundefined\tINFO\tx"),
        ("debug", f"{TIME}\tno id\tdebug\tx"),
        ("error", f"{TIME}\t{ID}\tfail\ta\tb\tc"),
        *[("error", f"{digit}{TIME[1:]}\t{ID}\tfail\tx") for digit in "09"],
        # Java's log4j2
        ("warn", f"2026-11-20 09:15:02 {ID} WARN  App:12 - no\n"),
        ("debug", f"2026-11-20 09:15:02,150 {ID} DEBUG App - x"),
        ("info", "2026-11-20 09:15:02 INFO App - x"),
        # Ruby
        ("error", f"E, [2026-11-20T09:15:02.150123 #8] ERROR {ID} -- : no"),
        ("debug", "D, [2026-11-20T09:15:02.150123 #8] DEBUG -- : x"),
        # objects
        ("info", {"level": "INFO", "message": "x"}),
        ("warn", {"level": "warning"}),
        ("error", {"severity": "ERROR"}),
        ("fatal", {"levelname": "CRITICAL"}),
        ("info", {"LogLevel": "Information"}),
        ("error", {"log.level": "error"}),
        ("debug", {"@l": "Debug"}),
        ("info", {"level": b"30"}),
        ("fatal", {"level": b"60"}),
        ("warn", {"level": b"45"}),
        ("trace", {"level": b"10"}),
        ("trace", {"level": b"19"}),
        ("debug", {"level": b"20"}),
        ("fatal", {"level": b"69"}),
        ("info", {"level": " info" + " " * 11}),  # 16 characters
        # JSON text
        ("info", '{"level":"INFO","message":"x"}\n'),
        ("debug", '{"msg":"x","level":20}'),
        ("error", '{"message":{"level":"debug"},"level":"error"}'),
    ],
)
def test_the_level_of(level: str, record: object) -> None:
    found = rank(record)
    assert found is not None
    assert LEVELS[found] == level


@pytest.mark.parametrize(
    "record",
    [
        "",
        "hello DEBUG",
        "level=debug msg=x",
        "the level is [DEBUG]\tnot",
        "[main]\tx",
        "[DEBUGGING]\tx",
        "[INFO",
        f"{TIME} {ID} Task timed out after 3.00 seconds",
        f"RequestId: {ID} Error: Runtime exited with error: exit status 1",
        f"{TIME}\t{ID}\tnot a level\tINFO",
        f"{TIME}\t{ID}\tfail",
        f"2026-11-20 09:15:02.150\t{ID}\tfail\tx",
        f"2026-11-20T09:15\t{ID}\tfail\tx",
        "2026-11-20 09:15:02 error in lower case is prose",
        "1\t2\tDEBUG\tx",
        "{",
        '{"level":',
        '{"message":{"level":"debug"}}',
        '["level","debug"]',
        {"level": None},
        {"level": b"3"},
        {"level": b"09"},
        {"level": b"70"},
        {"level": " info" + " " * 12},
        {"level": b"100"},
        {"level": {"value": "debug"}},
        {"level": "loud"},
        ["debug"],
        b"1",
        None,
    ],
)
def test_no_level_of(record: object) -> None:
    assert rank(record) is None


@PATIENT
@given(JSON)
def test_nothing_raises(value: object) -> None:
    rank(value)
    rank(json.dumps(value))
    rank(str(value))


def test_what_may_be_told_are_the_levels_there_are() -> None:
    assert set(TOLD.values()) == set(LEVELS)
    assert all(LEVELS[rank({"level": spelling}) or 0] == level for spelling, level in TOLD.items())
