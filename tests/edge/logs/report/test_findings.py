"""What a report says first equals what plain Python finds in the same lines, and is not said where there is nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.logs.report.figures import findings, flow
from adaptive_batching.logs.report.figures.tables import Terms, prepare
from tests.edge.logs.report import oracle
from tests.edge.logs.report.rows import EACH, Row, load, logged, same

if TYPE_CHECKING:
    import duckdb


def found(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """The findings by their kind."""
    load(database, rows)
    prepare(database, Terms())
    flow.waits(database)
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in findings.findings(database):
        told[one["kind"]].append(one)
    return told


@EACH
@given(rows=logged())
def test_what_fails_why_and_what_its_traces_never_reached(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    told = found(database, rows)["failing"]
    ran = oracle.invocations(rows)
    failed = Counter(one.function for one in ran if one.failed)
    worst = sorted(failed.items(), key=lambda one: (-one[1], one[0]))[: findings.MOST_FAILING]
    assert [(one["function"], one["failed"]) for one in told] == worst
    reached, firsts, shares = milestones(rows)
    traces = oracle.traces(ran)
    for one in told:
        name = one["function"]
        assert one["invocations"] == sum(each.function == name for each in ran)
        hurt = {
            trace
            for trace, (is_named, members) in traces.items()
            if is_named and any(member.failed and member.function == name for member in members)
        }
        missed = Counter(
            milestone
            for trace in hurt & reached.keys()
            for milestone in usual(firsts[trace], shares)
            if milestone not in reached[trace]
        )
        if one["never_reached"] is None:
            assert not missed
        else:
            assert missed[one["never_reached"]] == one["traces"]
            assert f"never reached {one['never_reached']}" in one["sentence"]
        if one["exception"] is not None:
            assert one["exception"] in one["sentence"]


def usual(first: str, shares: dict[tuple[str, str], float]) -> list[str]:
    return [milestone for (begun, milestone), share in shares.items() if begun == first and share > 0.5]


def milestones(rows: list[Row]) -> tuple[dict[str, set[str]], dict[str, str], dict[tuple[str, str], float]]:
    """What each trace reached, what first, and which share of the traces with that first one reached each."""
    lines = sorted((row for row in rows if row["milestone"]), key=lambda row: (row["at"], row["sequence"]))
    reached: dict[str, set[str]] = defaultdict(set)
    firsts: dict[str, str] = {}
    for line in lines:
        firsts.setdefault(line["trace_id"], line["milestone"])
        reached[line["trace_id"]].add(line["milestone"])
    every = Counter(firsts.values())
    having = Counter((firsts[trace], one) for trace, some in reached.items() for one in some)
    return reached, firsts, {pair: count / every[pair[0]] for pair, count in having.items()}


@EACH
@given(rows=logged())
def test_the_slowest_span_what_is_within_it_and_what_is_in_no_other(
    database: duckdb.DuckDBPyConnection, rows: list[Row]
) -> None:
    told = found(database, rows)["slow"]
    spans: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["span"] is not None and row["request_id"]:
            spans[row["function"], row["span"]].append(row)
    medians = {name: oracle.quantile([row["duration_ms"] for row in some], 0.5) or 0 for name, some in spans.items()}
    sums = {name: sum(row["duration_ms"] for row in some) for name, some in spans.items()}
    slow = [name for name, median in medians.items() if median >= findings.SLOW_MS]
    assert bool(told) == bool(slow)
    for one in told:
        name = one["function"], one["span"]
        assert same(sums[name], max(sums[each] for each in slow))
        assert same(one["p50_ms"], medians[name])
        assert one["times"] == len(spans[name])
        left = [outside(row, rows) for row in spans[name]]
        assert same(one["unaccounted_ms"], oracle.quantile(left, 0.5))


def outside(outer: Row, rows: list[Row]) -> float:
    """The milliseconds of a span that are in none before it of its invocation: each microsecond is looked at once."""
    begin, end = outer["at"] - round(outer["duration_ms"] * 1000), outer["at"]
    edges = []
    for row in rows:
        own = row["span"] is not None and row["environment"] == outer["environment"]
        if own and row["sequence"] < outer["sequence"] and oracle.attempt(row, rows) == oracle.attempt(outer, rows):
            edges.append((max(row["at"] - round(row["duration_ms"] * 1000), begin), min(row["at"], end)))
    covered, reached = 0, begin
    for low, high in sorted(edges):
        covered += max(0, high - max(low, reached))
        reached = max(reached, high)
    return max(float(outer["duration_ms"]) - covered / 1000, 0)


@EACH
@given(
    pairs=st.dictionaries(
        st.sampled_from([("submit", "save"), ("save", "mail"), ("save", "save")]),
        st.lists(st.integers(0, 9_000), max_size=20),
    )
)
def test_where_requests_wait_longer_at_the_end_than_at_the_start(
    database: duckdb.DuckDBPyConnection, pairs: dict[tuple[str, str], list[int]]
) -> None:
    load(database, [])
    prepare(database, Terms())
    flow.waits(database)
    for (before, function), some in pairs.items():
        for number, ms in enumerate(some):
            row = [f"t{number}", before, function, number * 1_000_000, ms]
            database.execute("insert into waited select ?, ?, ?, ?, ?", row)
    told = findings.findings(database)
    grown: dict[tuple[str, str], tuple[float, float, int]] = {}
    for pair, some in pairs.items():
        # The first quarters have one more, if they are not of one size.
        size, more = divmod(len(some), 4)
        first, last = some[: size + (more > 0)], some[len(some) - size :]
        grown[pair] = (oracle.quantile([*first], 0.5) or 0, oracle.quantile([*last], 0.5) or 0, len(some))
    grown = {
        pair: (start, end, times)
        for pair, (start, end, times) in grown.items()
        if times >= findings.FEWEST and end - start >= findings.GROWN_MS and end >= findings.GROWN * start
    }
    assert [one["kind"] for one in told] == ["queue"] * bool(grown)
    for one in told:
        start, end, times = grown[one["from"], one["to"]]
        assert same([one["start_ms"], one["end_ms"], one["times"]], [start, end, times])
        assert end - start == max(high - low for low, high, _ in grown.values())


def test_nothing_is_said_of_nothing(database: duckdb.DuckDBPyConnection) -> None:
    assert found(database, []) == {}
