"""Whatever a member of a line is, no command ends in an error of the program."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.logs.reading import Reading
from tests.edge.logs.verbs.test_commands import run
from tests.fakes.shipped import BEGIN, Shipped

if TYPE_CHECKING:
    from pathlib import Path

#: Texts stand for JSON.
VALUES = (
    *("null", "true", "0", "-1", "1.5", "1e400", "1" + "0" * 30, "9223372036854775807", '""', '"x"', '"1e308"', "[]"),
    *('"infinity"', '"-infinity"', '"epoch"', '"NaN"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999Z"'),
    *('"290000-01-01T00:00:00Z"', '"44-03-15 (BC)"', '"1969-12-31T23:59:59Z"', "[1]", "{}", '{"a": 1}', '"{"', '"["'),
    *('"\\u0000"', '"\\ud800"', "[" * 900 + "]" * 900, "[" * 3000 + "]" * 3000, "1" * 6000),
)
MEMBERS = ("time", "type", "record", "requestId", "environment", "sequence")
PLATFORM = ("platform.start", "platform.runtimeDone", "platform.report", "platform.logsDropped", "extension.report")
INSIDE = ("requestId", "status", "metrics", "errorType", "tracing", "lost", "droppedRecords")
FIGURES = ("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs")
LOGGED = ("message", "level", "traceId", "milestone", "span", "durationMs", "errorType", "errorMessage", "exception")
COMMANDS = (
    ("tail",),
    ("search",),
    ("search", "--format", "json", "-q", "sequence < 0 or duration_ms > 1 or level >= info or not ispresent(ts)"),
    ("invocations",),
    ("invocations", "--failed", "--format", "json"),
    ("trace", "r1"),
    ("trace", "r1", "--format", "otlp"),
    ("query", "stats count(*), avg(@duration), sum(@billedDuration), max(@memorySize), latest(@timestamp) by bin(5m)"),
    ("query", "fields @timestamp, @message, @duration | sort @duration"),
    ("sql", "from logs"),
    ("report",),
    ("report", "--format", "json"),
)


def line(number: int, **members: str) -> str:
    whole = {"time": f'"{BEGIN:%FT%T}.000Z"', "type": '"function"', "record": '"hi"', "requestId": '"r1"'}
    whole |= {"environment": '"a256ecd3d5c7"', "sequence": str(number), **members}
    return "{" + ",".join(f'"{name}":{value}' for name, value in whole.items()) + "}\n"


def lines() -> str:
    """Every value at every place."""
    made: list[dict[str, str]] = [{name: value} for name, value in product(MEMBERS, VALUES)]
    for kind, value in product(PLATFORM, VALUES):
        named: dict[str, str] = {"type": json.dumps(kind)}
        made += [{**named, "record": value}]
        made += [{**named, "record": f'{{"{name}": {value}}}'} for name in INSIDE]
        made += [{**named, "record": f'{{"metrics": {{"{name}": {value}}}}}'} for name in FIGURES]
    for name, value in product(LOGGED, VALUES):
        record = f'{{"{name}": {value}, "stackTrace": []}}'
        made += [{"record": record}, {"record": json.dumps(record)}, {"record": f'{{"message": {record}}}'}]
    return "".join(line(number, **one) for number, one in enumerate(made, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every kind of wrong line, and one request that is whole."""
    found = tmp_path_factory.mktemp("wrong") / "logs"
    Shipped(found, environment="a256ecd3d5c7").put(lines().encode(), BEGIN)
    return found


@pytest.mark.parametrize("since", [(), ("--since", "1970-01-01")], ids=["all", "window"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_value_of_a_member_is_an_error_of_the_program(
    command: tuple[str, ...], since: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, notes = run(capsys, *command, folder, "--cache", folder.parent / "cache", *since)
    assert (code, "complete: " in notes.splitlines()[-1]) == (3, True)


def test_times_that_no_clock_has_shown_and_numbers_that_no_line_has_are_none(folder: Path) -> None:
    with Reading(str(folder)).open() as found:
        query = "select min(ts), max(ts), min(sequence), max(sequence), max(abs(duration_ms)) from logs"
        row: Any = found.connection.execute(query).fetchone()
    assert (row[0].year, row[1].year) == (1970, BEGIN.year)
    assert 0 <= row[2] <= row[3] <= 1e12
    assert row[4] <= 1e12
