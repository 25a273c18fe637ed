"""Every figure of a report equals that of plain Python over generated logs: missing reports, retries, failures."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.report.bins import bins, iso, row
from adaptive_batching.logs.report.figures import flow, functions, overtime, shown, trouble
from adaptive_batching.logs.report.figures.tables import Terms, prepare
from adaptive_batching.logs.report.patterns import KNOWN, Pattern, PatternsError
from adaptive_batching.logs.trace import invocations
from tests.edge.logs.report import oracle
from tests.edge.logs.report.rows import BEGIN, EACH, FUNCTIONS, Row, load, logged, same

if TYPE_CHECKING:
    import duckdb

PATTERNS = (*KNOWN, Pattern("refused", regex=r"status=(402|403)", functions=("mail-*", "save")))


@EACH
@given(rows=logged(), near=st.sampled_from([0.1, 0.8, 1.0]), short=st.none() | st.sampled_from([0.01, 0.5]))
def test_figures_by_function(
    database: duckdb.DuckDBPyConnection, rows: list[Row], near: float, short: float | None
) -> None:
    terms = Terms(near, short, {"orders": 3.0, "save": 900.0}, arm=("mail-*",))
    load(database, rows)
    prepare(database, terms)
    total, each = functions.by_function(database, terms)
    ran = oracle.invocations(rows)
    expected = {
        name: oracle.figures(
            [one for one in ran if one.function == name], dict(terms.timeouts), near, short, ("mail-*",)
        )
        for name in sorted({one.function for one in ran})
    }
    told = {one["function"]: {name: one[name] for name in expected[one["function"]]} for one in each}
    assert same(told, expected)
    if ran:
        every = oracle.figures(ran, dict(terms.timeouts), near, short, ("mail-*",))
        assert same({name: total[name] for name in every}, every)
    near_it = [
        (one.request, one.environment)
        for one in ran
        if one.function in terms.timeouts and one.duration is not None and not one.timed_out
        if one.duration >= near * terms.timeouts[one.function] * 1000
    ]
    listed = [(one["request_id"], one["environment"]) for one in functions.near_timeout(database, terms)]
    assert sorted(listed) == sorted(near_it)


@EACH
@given(rows=logged())
def test_figures_over_time(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    load(database, rows)
    prepare(database, Terms())
    over = overtime.divided(database)
    assert (over is None) == (not rows)
    if over is None:
        return
    ran = oracle.invocations(rows)
    first, last = min(row["at"] for row in rows), max(row["at"] for row in rows)
    assert over == bins(min([first, *(one.begin for one in ran)]), max([last, *(one.last for one in ran)]))
    told = overtime.series(database, over)
    by_bin: dict[int, list[oracle.Invocation]] = defaultdict(list)
    for one in ran:
        by_bin[over.of(one.begin)].append(one)
    for number, start in enumerate(over.starts):
        these = by_bin[number]
        durations = [one.duration for one in these if one.duration is not None]
        end = start + over.width * 1_000_000
        assert told["invocations"][number] == len(these)
        assert told["failed"][number] == sum(one.failed for one in these)
        assert told["timeouts"][number] == sum(one.timed_out for one in these)
        assert told["cold_starts"][number] == sum(one.init is not None for one in these)
        for share in (50, 95, 99):
            assert same(told[f"p{share}_ms"][number], oracle.quantile(durations, share / 100))
        moments = [start, *(one.begin for one in ran if start <= one.begin < end)]
        assert told["running"][number] == max(oracle.at_once(ran, moment) for moment in moments)
    cells: dict[tuple[str, int, int], int] = defaultdict(int)
    for one in ran:
        if one.duration is not None:
            cells[one.function, over.of(one.begin), row(one.duration)] += 1
    heat = overtime.heat(database, over)["functions"]
    assert {(each["function"], at, high): count for each in heat for at, high, count in each["cells"]} == cells


@EACH
@given(rows=logged())
def test_errors_and_patterns(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    load(database, rows)
    prepare(database, Terms())
    ran = oracle.invocations(rows)
    lines: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for line in rows:
        if line["error"] and line["type"] == "function":
            lines[line["error"].partition(":")[0], line["function"]].append(line)
    named = {oracle.attempt(line, rows) for some in lines.values() for line in some}
    silent: dict[tuple[str, str], list[oracle.Invocation]] = defaultdict(list)
    for one in ran:
        if one.failed and not one.unhandled and (one.environment, one.request, one.attempt) not in named:
            statuses = {line["status"] for line in one.lines if line["status"] not in (None, "success")}
            silent[max(statuses), one.function].append(one)
    expected = {
        key: (
            len(lines[key]),
            len({oracle.attempt(line, rows) for line in lines[key]}) + len(silent[key]),
        )
        for key in {*lines, *silent}
    }
    told = trouble.errors(database)
    assert {(one["type"], one["function"]): (one["lines"], one["invocations"]) for one in told} == expected
    over = overtime.divided(database)
    if over is None:
        return
    for found, pattern in zip(trouble.patterns(database, PATTERNS, over), PATTERNS, strict=True):
        matched = [line for line in rows if line["type"] in ("function", "extension") and matches(pattern, line)]
        assert counts(found) == counted(matched, rows)
        for number in range(over.count):
            here = [line for line in matched if over.of(line["at"]) == number]
            assert tuple(found["over_time"][name][number] for name in COUNTED) == counted(here, rows)


COUNTED = ("lines", "invocations", "environments")


def counts(one: Row) -> tuple[int, ...]:
    return tuple(one[name] for name in COUNTED)


def counted(lines: list[Row], rows: list[Row]) -> tuple[int, ...]:
    invocations = {oracle.attempt(line, rows) for line in lines if line["request_id"]}
    return len(lines), len(invocations), len({line["environment"] for line in lines})


def matches(pattern: Pattern, line: Row) -> bool:
    if pattern.functions and line["function"] not in ("mail-all", "save"):
        return False
    return pattern.text in line["record"] if pattern.text else "status=402" in line["record"]


@EACH
@given(rows=logged(), wanted=st.none() | st.just(("RECEIVED", "SENT")))
def test_lead_times_and_where_traces_stopped(
    database: duckdb.DuckDBPyConnection, rows: list[Row], wanted: tuple[str, str] | None
) -> None:
    load(database, rows)
    prepare(database, Terms())
    reached: dict[str, list[Row]] = defaultdict(list)
    for line in rows:
        if line["milestone"]:
            reached[line["trace_id"]].append(line)
    told = flow.lead_time(database, wanted)
    if told is None:
        assert wanted is None
        for some in reached.values():
            moments = [line["at"] for line in some]
            firsts = {line["milestone"] for line in some if line["at"] == min(moments)}
            lasts = {line["milestone"] for line in some if line["at"] == max(moments)}
            assert firsts == lasts or len(firsts) > 1 or len(lasts) > 1  # of several at one moment, any is the first
        return
    begin, end = told["from"], told["to"]
    took: list[float] = []
    stopped: dict[str, int] = defaultdict(int)
    for some in reached.values():
        begins = [line["at"] for line in some if line["milestone"] == begin]
        ends = [line["at"] for line in some if line["milestone"] == end]
        if begins and ends and max(ends) >= min(begins):
            took.append((max(ends) - min(begins)) / 1e6)
        elif begins:
            stopped[max(some, key=lambda line: (line["at"], line["sequence"]))["milestone"]] += 1
    assert told["traces"] == len(took)
    assert same([told["p50_s"], told["p95_s"]], [oracle.quantile(took, 0.5), oracle.quantile(took, 0.95)])
    assert same([one["seconds"] for one in told["slowest"]], sorted(took, reverse=True))
    assert same(sorted(seconds for _, seconds in told["points"]), sorted(took))
    if len({(line["trace_id"], line["at"], line["sequence"]) for line in rows if line["milestone"]}) == sum(
        map(len, reached.values())
    ):  # else the last one of a trace is one of several
        assert {one["milestone"]: one["traces"] for one in told["stopped"]} == stopped


@EACH
@given(rows=logged())
def test_traces_and_the_waits_in_them(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    load(database, rows)
    prepare(database, Terms())
    ran = oracle.invocations(rows)
    expected = oracle.waits(ran)
    told = {(one["from"], one["to"]): one for one in flow.waits(database)}
    assert told.keys() == expected.keys()
    for pair, ms in expected.items():
        found = [told[pair][name] for name in ("times", "p50_ms", "p95_ms", "max_ms")]
        assert same(found, [len(ms), oracle.quantile(ms, 0.5), oracle.quantile(ms, 0.95), max(ms)])
    every = oracle.traces(ran)
    summary = shown.summary(database)
    assert summary["named"] == sum(is_named for is_named, _ in every.values())
    for one in [*summary["slowest"], *summary["failures"]]:
        _, members = every[one["trace"]]
        begin = min(member.start for member in members)
        assert one["at"] == iso(begin)
        assert same(one["seconds"], (max(member.end for member in members) - begin) / 1e6)
        assert one["failed"] == any(member.failed for member in members)
        offsets = [(member.environment, member.request, (member.begin - begin) / 1000) for member in members]
        assert same(
            [(each["environment"], each["request_id"], each["offset_ms"]) for each in one["invocations"]], offsets
        )
    lengths = {
        name: max(m.end for m in some) - min(m.start for m in some) for name, (named, some) in every.items() if named
    }
    if lengths:
        slowest = [lengths[one["trace"]] for one in summary["slowest"]]
        assert slowest == sorted(lengths.values(), reverse=True)[: shown.MOST]


@EACH
@given(rows=logged())
def test_the_report_counts_the_invocations_that_the_command_lists(
    database: duckdb.DuckDBPyConnection, rows: list[Row]
) -> None:
    load(database, rows)
    prepare(database, Terms())
    key = "environment, request_id, attempt"
    columns = f"{key}, duration_ms, init_ms, billed_ms, memory_mb, used_mb, failed"
    # Where a beginning got lost, an attempt may have two reports: which of them counts is not agreed.
    told_once = f"""semi join (select {key} from told where type in {oracle.TOLD} group by all
        having count(*) filter (type = 'platform.report') < 2 and count(*) filter (type = 'platform.runtimeDone') < 2)
        using ({key}) order by {key}"""
    counted = database.execute(f"select {columns} from invocations {told_once}").fetchall()
    listed = database.execute(f"select {columns} from ({invocations.query()}) {told_once}").fetchall()
    assert counted == listed


def test_the_timeout_is_what_the_objects_tell_unless_the_command_line_does(database: duckdb.DuckDBPyConnection) -> None:
    rows = []
    for number, environment in enumerate(["e1", "e2", "e3", "e5"], 1):
        blank = dict.fromkeys(["trace_id", "xray_id", "milestone", "error", "status", "message", "fields"])
        at = int(BEGIN.timestamp()) * 1_000_000
        line = {"at": at, "environment": environment, "function": FUNCTIONS[environment], "request_id": f"r{number}"}
        rows.append(blank | line | {"type": "platform.start", "sequence": 1, "record": "{}"})
    load(database, rows)
    when = BEGIN.replace(tzinfo=None)
    told = [("e1", 3000, when), ("e2", 5000, when + timedelta(hours=1)), ("e3", 60000, when), ("e5", "long", when)]
    database.execute("truncate objects")
    for environment, ms, first in told:
        database.execute(
            "insert into objects (key, function, environment, first_ts, metadata) values (?, ?, ?, ?, ?)",
            [environment, FUNCTIONS[environment], environment, first, json.dumps({"timeout-ms": str(ms)})],
        )
    prepare(database, Terms(timeouts={"mail-all": 7}))
    found = dict(database.execute("select environment, timeout_ms from invocations").fetchall())
    assert found == {"e1": 3000.0, "e2": 5000.0, "e3": 7000.0, "e5": None}
    database.execute("truncate objects")


def test_a_pattern_that_is_no_regular_expression_is_refused(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(PatternsError, match=r"the regex '\(' of 'x' is not one of RE2"):
        trouble.check(database, [Pattern("x", regex="(")])
