"""What counts as failed, running and complete, against plain Python, over generated lines of environments."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.logs.sql import rules, views

CONNECTION = duckdb.connect()
BEGIN = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - as DuckDB has it
RAISED = "[ERROR] ValueError: bad\nTraceback (most recent call last):\n  File x"
LOGGED = '{"level":"ERROR","message":{"errorType":"E","errorMessage":"x","stackTrace":[]}}'


class Row(NamedTuple):
    """A line of the view `logs`, as far as the rules read it."""

    seconds: int
    type: str
    request_id: str | None
    environment: str
    sequence: int
    status: str | None = None
    error: str | None = None
    record: str = "text"
    fields: str | None = None


KINDS: dict[str, dict[str, Any]] = {
    "start": {"type": "platform.start"},
    "text": {"type": "function"},
    "json": {"type": "function", "record": '{"a":1}', "fields": '{"a":1}'},
    "caught": {"type": "function", "error": "KeyError: 1", "record": "[ERROR]\tx\ty\tcaught\nTraceback…\nKeyError: 1"},
    "raised": {"type": "function", "error": "ValueError: bad", "record": RAISED},
    "python": {
        "type": "function",
        "error": "E: x",
        "record": "{",
        "fields": '{"errorType":"E","errorMessage":"x","stackTrace":["f"]}',
    },
    "logged": {"type": "function", "error": "E: x", "record": LOGGED, "fields": LOGGED},
    "node": {"type": "function", "error": "E: x", "record": 't\ti\tERROR\tInvoke Error \t{"errorType":"E"}'},
    "done": {"type": "platform.runtimeDone", "status": "success"},
    "timeout": {"type": "platform.runtimeDone", "status": "timeout"},
    "report": {"type": "platform.report", "status": "success"},
    "error": {"type": "platform.report", "status": "error"},
}
drawn = st.lists(
    st.tuples(
        st.sampled_from(sorted(KINDS)),
        st.sampled_from(["r1", "r2", None]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 9),
        st.sampled_from([1, 1, 1, 1, 2, 3]),
    ),
    max_size=25,
)


def rows(lines: list[tuple[str, str | None, str, int, int]]) -> list[Row]:
    """Numbered by environment; a step of 2 and more leaves numbers out."""
    numbers: Counter[str] = Counter()
    made = []
    for kind, request, environment, seconds, step in lines:
        numbers[environment] += step
        values: dict[str, Any] = {"request_id": request, "environment": environment, "sequence": numbers[environment]}
        made.append(Row(seconds=seconds, **values, **KINDS[kind]))
    return made


def load(lines: list[Row], window: tuple[int, int] = (0, 9)) -> None:
    kinds = {**views.LOGS, "seconds": "BIGINT"}
    shown = ", ".join(f"unnest(${name}::{kinds[name]}[]) as {name}" for name in Row._fields if name != "seconds")
    CONNECTION.execute(
        f"""create or replace temp table lines as
            select 'orders' as function, timestamp '{BEGIN}' + to_seconds(seconds) as ts, * exclude (seconds)
            from (select unnest($seconds::bigint[]) as seconds, {shown})""",
        {name: [getattr(one, name) for one in lines] for name in Row._fields},
    )
    CONNECTION.execute(
        f"""create or replace temp view logs as select * from lines where ts between
            timestamp '{BEGIN}' + to_seconds({window[0]}) and timestamp '{BEGIN}' + to_seconds({window[1]})"""
    )
    CONNECTION.execute(
        "create or replace temp table objects as select null as damage, 1 as records, 1 as lines limit 0"
    )


def of_requests(lines: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for one in sorted(lines, key=lambda row: row.sequence):
        if one.request_id:
            found.setdefault((one.environment, one.request_id), []).append(one)
    return found


@settings(max_examples=100)
@given(drawn)
def test_failed_is_what_has_another_status_than_success_or_an_error_that_nothing_caught(lines: Any) -> None:  # noqa: ANN401
    made = rows(lines)
    load(made)
    expected = set()
    certain = [KINDS[name] for name in ("raised", "python", "node")]
    for key, own in of_requests(made).items():
        json_lines = [one for one in own if one.fields]
        thrown = bool(json_lines) and json_lines[-1].record == LOGGED
        uncaught = any(one.record == kind["record"] for one in own for kind in certain)
        if thrown or uncaught or any(one.status not in (None, "success") for one in own):
            expected.add(key)
    found = CONNECTION.execute(rules.failed()).fetchall()
    assert {row[:2] for row in found} == expected


@settings(max_examples=100)
@given(drawn)
def test_running_is_from_the_start_to_the_last_line(lines: Any) -> None:  # noqa: ANN401
    made = rows(lines)
    load(made)
    expected = set()
    for (environment, request), own in of_requests(made).items():
        starts = [one.seconds for one in own if one.type == "platform.start"]
        if starts:
            span = (min(starts), max(one.seconds for one in own))
            expected.add((environment, request, "orders", *(BEGIN + timedelta(seconds=at) for at in span)))
    assert set(CONNECTION.execute(rules.running()).fetchall()) == expected


@settings(max_examples=100)
@given(drawn, st.sets(st.integers(0, 24)), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_complete_counts_what_is_missing_and_what_is_double(
    lines: Any,  # noqa: ANN401
    double: set[int],
    low: int,
    high: int,
    since: bool,  # noqa: FBT001
) -> None:
    made = rows(lines)
    made += [made[number] for number in double if number < len(made)]
    window = (min(low, high), max(low, high)) if since else (0, 9)
    load(made, window)
    shown = [one for one in made if window[0] <= one.seconds <= window[1]]
    missing = doubles = 0
    for environment in {one.environment for one in shown}:
        own = [one.sequence for one in shown if one.environment == environment]
        first = min(own) if since else 1
        there = Counter(
            one.sequence for one in made if one.environment == environment and first <= one.sequence <= max(own)
        )
        missing += sum(number not in there for number in range(first, max(own) + 1))
        doubles += sum(count - 1 for count in there.values())
    found = rules.complete(CONNECTION, since=since)
    assert (found.lines, found.environments) == (len(shown), len({one.environment for one in shown}))
    assert (found.missing, found.doubles) == (missing, doubles)
    assert found.whole == (not missing and not doubles)
    assert found.sentence.startswith("complete: " if found.whole else "incomplete: ")


def test_what_the_extension_and_lambda_say_is_lost_counts_once() -> None:
    counts = [(1, 0), (2, 3), (3, 3), (4, 5), (5, 1)]  # a process that was killed begins anew
    made = [Row(number, "extension.report", None, "a", number, record=f'{{"lost":{lost}}}') for number, lost in counts]
    made.append(Row(6, "platform.logsDropped", None, "a", 6, record='{"droppedRecords":7,"reason":"x"}'))
    load(made)
    found = rules.complete(CONNECTION, since=False)
    assert (found.lost, found.dropped, found.whole) == (6, 7, False)
    load(made, (3, 9))
    assert rules.complete(CONNECTION, since=True).lost == 3


def test_an_object_that_says_another_number_of_records_is_counted() -> None:
    load(rows([("text", None, "a", 0, 1)]))
    CONNECTION.execute(
        "create or replace temp table objects as select * from (values (null, 2, 1), (null, 1, 1), ('cut', 3, 1), "
        "(null, null, 1)) as t(damage, records, lines)"
    )
    found = rules.complete(CONNECTION, since=False)
    assert (found.miscounted, found.damaged) == (1, 1)
    assert found.sentence == (
        "incomplete: 1 line of 1 environment, 1 object cannot be read whole, 1 object of another length than recorded"
    )
