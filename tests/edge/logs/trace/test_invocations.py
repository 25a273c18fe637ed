"""Invocations, their costs and the waits of a trace equal what plain Python calculates over the same generated logs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching import prices
from adaptive_batching.logs.reading import Reading
from adaptive_batching.logs.sql import columns, views
from adaptive_batching.logs.trace import invocations
from adaptive_batching.logs.trace.waterfall import Wait
from adaptive_batching.logs.verbs.trace import found as trace_of
from tests.documents.conference import BEGIN as CONFERENCE
from tests.documents.conference import REFUSED, ident, write
from tests.fakes.shipped import BEGIN, Line, Shipped, done, encoded, report, started, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRICE = prices.GB_SECOND["arm64"]
TRACEBACK = (
    '[ERROR] KeyError: "a"\nTraceback (most recent call last):\n  File "/var/task/f.py", line 3, in f\nKeyError: "a"\n'
)


def price(function: str) -> float:
    return prices.gb_second(function, arm=["*"])


@dataclass(frozen=True)
class Ran:
    """An invocation that is generated: what it logs, and which of the platform's lines get lost."""

    start: int  # ms
    ms: float
    init_ms: float | None
    memory: int
    status: str
    unhandled: bool
    error: bool  # a line of level ERROR with an error, which the function caught
    trace: int | None
    lost: frozenset[str]

    def at(self, ms: float) -> datetime:
        return BEGIN + timedelta(milliseconds=self.start + ms)

    def lines(self, request: str) -> list[Line]:
        end = self.at(self.ms)
        found = [started(request, time=self.at(0))]
        record: dict[str, Any] = {"message": "hello"} | ({} if self.trace is None else {"traceId": f"t{self.trace}"})
        found.append(text(record, request=request, time=self.at(0)))
        if self.error:
            found.append(text({"errorType": "Caught", "errorMessage": "x"}, request=request, time=self.at(0)))
        if self.unhandled:
            found.append(text(TRACEBACK, request=request, time=self.at(0)))
        found.append(done(request, status=self.status, time=end, ms=self.ms))
        found.append(
            report(request, status=self.status, time=end, ms=self.ms, memory=self.memory, init_ms=self.init_ms)
        )
        return [line for line in found if line.type not in self.lost]


ran = st.builds(
    Ran,
    start=st.integers(0, 10_000),
    ms=st.integers(0, 8000).map(lambda n: n / 4),
    init_ms=st.one_of(st.none(), st.integers(1, 900)),
    memory=st.sampled_from([128, 512, 1769]),
    status=st.sampled_from(["success", "success", "error", "timeout"]),
    unhandled=st.booleans(),
    error=st.booleans(),
    trace=st.one_of(st.none(), st.integers(0, 2)),
    lost=st.frozensets(st.sampled_from(["platform.report", "platform.runtimeDone"])),
)
#: (function, environment, request) -> its attempts, which do not overlap.
worlds = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["e1", "e2"]), st.sampled_from(["r1", "r2", "r3"])),
    st.lists(ran, min_size=1, max_size=3),
    max_size=4,
)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One for all examples: to make one takes longer than most queries."""
    return duckdb.connect(config={"threads": "1"})


def loaded(world: dict[tuple[str, str, str], list[Ran]], *, twice: bool) -> duckdb.DuckDBPyConnection:
    """A connection with the view `logs` of what these invocations log, with each line twice if an object is."""
    connection = _connection()
    names = ("time", "type", "record", "requestId", "environment", "sequence")
    listed = ", ".join(f"{name} varchar" for name in (*names, "object", "of"))
    connection.execute(f"create or replace table raw ({listed}, line bigint)")
    numbers: dict[tuple[str, str], int] = {}
    for (function, environment, request), attempts in world.items():
        for one in attempts:
            for line in one.lines(request):
                number = numbers[function, environment] = numbers.get((function, environment), 0) + 1
                assert line.time is not None
                members = json.loads(encoded(line, line.time, f"{function}{environment}", number))
                record = members["record"]
                members["record"] = record if isinstance(record, str) else json.dumps(record)
                row = [*(str(members[name]) for name in names), "key", function, number]
                connection.executemany(
                    "insert into raw values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [row] * (2 if twice else 1)
                )
    made = {"function": "of", "message": columns.MESSAGE, "fields": columns.FIELDS}
    shown = ", ".join(f"{made[name]} as {name}" if name in made else name for name in views.LOGS)
    lines = f"""select {shown} from ({columns.derived("raw")})
        join (select distinct environment, of from raw) using (environment)"""
    connection.execute(f"create or replace table logs as {lines}")
    return connection


def expected(function: str, environment: str, request: str, attempt: int, one: Ran) -> dict[str, Any]:
    reported, finished = "platform.report" not in one.lost, "platform.runtimeDone" not in one.lost
    billed = math.ceil(one.ms + (one.init_ms or 0)) if reported else None
    known = reported or finished
    status = one.status if known else None
    return {
        "function": function,
        "environment": f"{function}{environment}",
        "request": request,
        "attempt": attempt,
        "begin": one.at(0).replace(tzinfo=None),
        "duration_ms": one.ms if known else None,
        "init_ms": one.init_ms if reported else None,
        "billed_ms": billed,
        "memory_mb": one.memory if reported else None,
        "status": status,
        "failed": one.unhandled or status not in (None, "success"),
        "error": "Caught: x" if one.error else 'KeyError: "a"' if one.unhandled else None,
        "cost": None if billed is None else billed / 1000 * one.memory / 1024 * PRICE + 0.0000002,
    }


def one_after_the_other(attempts: Sequence[Ran]) -> list[Ran]:
    return sorted(attempts, key=lambda one: one.start)


@given(worlds, st.booleans())
def test_invocations(world: dict[tuple[str, str, str], list[Ran]], twice: bool) -> None:  # noqa: FBT001
    world = {key: one_after_the_other(attempts) for key, attempts in world.items()}
    found = invocations.rows(loaded(world, twice=twice).execute(invocations.query()).fetchall())
    wanted = [expected(*key, number, one) for key, attempts in world.items() for number, one in enumerate(attempts, 1)]
    rows = {(one.function, one.environment, one.request, one.attempt): one for one in found}
    assert len(rows) == len(found) == len(wanted)
    for row in wanted:
        one = rows[row["function"], row["environment"], row["request"], row["attempt"]]
        cost = row.pop("cost")
        assert {name: getattr(one, name) for name in row} == row
        assert one.cost(PRICE) == (None if cost is None else pytest.approx(cost))
    assert [one.begin for one in found] == sorted(one.begin for one in found)


@given(worlds)
def test_a_trace_has_the_invocations_that_share_its_id_and_waits_where_none_of_them_ran(
    world: dict[tuple[str, str, str], list[Ran]],
) -> None:
    world = {key: one_after_the_other(attempts) for key, attempts in world.items()}
    trace = trace_of(loaded(world, twice=False), "t1", price)
    mine = [one for attempts in world.values() if any(a.trace == 1 for a in attempts) for one in attempts]
    if not mine:
        assert trace is None
        return
    assert trace is not None
    spans = []
    for one in mine:
        reported = "platform.report" not in one.lost
        init = one.init_ms or 0 if reported else 0
        known = reported or "platform.runtimeDone" not in one.lost
        spans.append((one.start - init, one.start + (one.ms if known else 0)))
    spans.sort()
    waits, reached = [], spans[0][1]
    for begin, finish in spans[1:]:
        if begin - reached >= 1:
            waits.append(begin - reached)
        reached = max(reached, finish)
    shown = [(row.finish - row.begin) / timedelta(milliseconds=1) for row in trace.rows if isinstance(row, Wait)]
    assert shown == pytest.approx(waits)
    assert len(trace.runs) == len(mine)


def test_any_id_leads_to_the_trace(tmp_path: Path) -> None:
    write(tmp_path)
    number = REFUSED
    ids = [ident(f"{what} {number}") for what in ("trace", "submit", "save", "session")]
    with Reading(str(tmp_path)).open() as logs:
        traces = [trace_of(logs.connection, one, price) for one in ids]
        nothing = trace_of(logs.connection, ident("trace"), price)
    assert nothing is None
    for trace in traces:
        assert trace is not None
        assert [run.invocation.function for run in trace.runs] == [
            "conference-submit",
            "conference-save",
            "conference-save",
        ]
        assert [run.invocation.attempt for run in trace.runs] == [1, 1, 2]
        assert [(one.milestone, round(one.share, 2)) for one in trace.missed] == [("SAVED", 0.92), ("THANKED", 0.92)]
        assert trace.milestones == ("RECEIVED", "QUEUED")
        assert trace.begin == (CONFERENCE + timedelta(seconds=20 * number)).replace(tzinfo=None)


def test_a_request_of_a_batch_leads_to_its_traces_and_no_further(tmp_path: Path) -> None:
    """`consume` takes both messages; who asks for one of them is not shown the producer of the other."""
    produce, consume = Shipped(tmp_path, "produce"), Shipped(tmp_path, "consume")
    produce(text({"traceId": "one"}, request="p1", time=BEGIN), text({"traceId": "two"}, request="p2", time=BEGIN))
    consume(
        text({"traceId": "one", "n": 1}, request="c", time=BEGIN + timedelta(seconds=1)),
        text({"traceId": "two", "n": 2}, request="c"),
        text("no trace", request="c"),
    )
    with Reading(str(tmp_path)).open() as logs:
        one = trace_of(logs.connection, "one", price)
        batch = trace_of(logs.connection, "c", price)
    assert one is not None
    assert batch is not None
    assert [run.invocation.request for run in one.runs] == ["p1", "c"]
    assert [line.message for line in one.lines if line.request == "c"] == ['{"traceId":"one","n":1}', "no trace"]
    assert {run.invocation.request for run in batch.runs} == {"p1", "p2", "c"}


@pytest.mark.parametrize(
    ("record", "given"),
    [
        ({"sessionId": 'x\'y "z" ä'}, 'x\'y "z" ä'),
        ({"order": {"ids": ["a", 4711]}}, "4711"),
        ({"order": {"ids": ["a", 4711]}}, "a"),
        ({"price": 3.5}, "3.5"),
    ],
)
def test_the_value_of_a_field_is_an_id(tmp_path: Path, record: dict[str, Any], given: str) -> None:
    Shipped(tmp_path, "f")(text({**record, "traceId": "t"}, request="r1"), text({"other": "4711a"}, request="r2"))
    with Reading(str(tmp_path)).open() as logs:
        trace = trace_of(logs.connection, given, price)
        names = trace_of(logs.connection, "sessionId", price) or trace_of(logs.connection, "471", price)
    assert trace is not None
    assert [run.invocation.request for run in trace.runs] == ["r1"]
    assert names is None


def test_an_xray_id_leads_to_the_trace(tmp_path: Path) -> None:
    root = "1-6a5f4b3c-0123456789abcdef01234567"
    Shipped(tmp_path, "f")(started("r1", xray=root), text({"traceId": "t"}, request="r1"), report("r1"))
    Shipped(tmp_path, "g")(started("r2"), text({"traceId": "t"}, request="r2"), report("r2"))
    with Reading(str(tmp_path)).open() as logs:
        trace = trace_of(logs.connection, root, price)
    assert trace is not None
    assert [run.invocation.request for run in trace.runs] == ["r1", "r2"]
