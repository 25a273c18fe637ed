"""Planted losses are found exactly, whatever the source, with a ledger and without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.experiment.core.evidence import Evidence
from adaptive_batching.experiment.core.ledger import Entry, Ledger
from adaptive_batching.experiment.core.verdicts import Findings, judge
from adaptive_batching.experiment.exports import add_page
from adaptive_batching.experiment.objects import decoded
from tests.unit.experiment.planted import FATES, World, events, log_stream, shipped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

OK = "ok"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Environments with some requests each; many are well, and the first of each environment is."""
    fates = st.one_of(st.just(OK), st.sampled_from(sorted(FATES)))
    ran = draw(st.lists(st.lists(fates, max_size=6), min_size=1, max_size=4))
    streams = {f"stream-{number}": [OK, *fate] for number, fate in enumerate(ran)}
    return World({name: [(f"{name}/{i}", fate) for i, fate in enumerate(fates)] for name, fates in streams.items()})


def ledger_of(world: World) -> Ledger:
    return Ledger(tuple(Entry("", number, request, 200) for number, request in enumerate(world.fates)))


def from_streams(world: World, *, json_format: bool) -> Evidence:
    evidence = Evidence("log streams", holders=1)
    for stream in world.streams:
        for line in log_stream(world.lines(stream), json_format=json_format).split("\n"):
            evidence.add_text(stream, 0, line, "", stream)
    return evidence


def from_cloudwatch(world: World, random: Random) -> Evidence:
    evidence = Evidence("export")
    page = events(world)
    random.shuffle(page)  # order within a stream is that of the time stamps
    copies_last = sorted(page, key=lambda event: event["timestamp"])
    add_page({"events": copies_last}, evidence, set(), "page")
    return evidence


def from_objects(world: World, random: Random, size: int) -> Evidence:
    evidence = Evidence("objects")
    lines = shipped(world)
    random.shuffle(lines)  # objects come in any order; sequence numbers tell
    for start in range(0, len(lines), size):
        evidence.holders += 1
        body = "".join(json.dumps(line) + "\n" for line in lines[start : start + size]).encode()
        for line in decoded(body, evidence, "object"):
            evidence.add_shipped(line, "object")
    return evidence


def result(found: Findings) -> dict[str, tuple[str, bool, bool | None]]:
    return {one.request: (one.kind, one.lost, one.last) for one in found.verdicts if one.kind != OK}


@given(worlds(), st.booleans())
def test_in_log_streams(world: World, json_format: bool) -> None:  # noqa: FBT001
    evidence = from_streams(world, json_format=json_format)
    assert result(judge(evidence, ledger_of(world))) == world.expected(ledger=True)
    assert result(judge(evidence, None)) == world.expected(ledger=False)
    assert evidence.bad == 0


@given(worlds(), st.randoms())
def test_in_a_cloudwatch_export(world: World, random: Random) -> None:
    evidence = from_cloudwatch(world, random)
    assert result(judge(evidence, ledger_of(world))) == world.expected(ledger=True)
    assert result(judge(evidence, None)) == world.expected(ledger=False)


@given(worlds(), st.randoms(), st.integers(1, 9))
def test_in_shipped_objects(world: World, random: Random, size: int) -> None:
    evidence = from_objects(world, random, size)
    assert result(judge(evidence, ledger_of(world))) == world.expected(ledger=True)
    assert result(judge(evidence, None)) == world.expected(ledger=False)


@given(worlds())
def test_the_exit_code_is_one_exactly_when_something_was_lost(world: World) -> None:
    lost = any(FATES[fate][1] for fate in world.fates.values())
    assert judge(from_streams(world, json_format=False), ledger_of(world)).exit_code == (1 if lost else 0)


def one(world: Sequence[tuple[str, str]], ledger: Ledger | None = None) -> Findings:
    return judge(from_streams(World({"s": list(world)}), json_format=False), ledger)


def test_a_missing_end_is_no_loss_when_the_platform_reports_a_timeout_and_it_says_so() -> None:
    (verdict,) = one([("a", "timed out")]).verdicts
    assert (verdict.kind, verdict.lost, verdict.explained) == ("no end", False, "the attempt ended in timeout")


def test_a_failure_does_not_explain_a_missing_begin() -> None:
    (verdict,) = one([("a", "killed before begin")], ledger_of(World({"s": [("a", OK)]}))).verdicts
    assert (verdict.kind, verdict.lost, verdict.trouble) == ("none", True, "error Runtime.ExitError")


def test_the_synchronous_answer_explains_a_missing_end_where_no_report_arrived() -> None:
    evidence = Evidence("s", holders=1)
    evidence.add_text("s", 0, '{"requestId":"a","message":"begin"}', "", "s")
    known = Ledger((Entry("", 0, "a", 200, error="Unhandled Sandbox.Timedout"),))
    (verdict,) = judge(evidence, known).verdicts
    assert (verdict.lost, verdict.explained) == (False, "the attempt ended in Unhandled Sandbox.Timedout")


def test_a_request_that_the_ledger_does_not_know_is_counted_and_not_judged() -> None:
    found = one([("a", OK), ("b", "no end")], ledger_of(World({"s": [("a", OK)]})))
    assert ([verdict.request for verdict in found.verdicts], found.unknown_requests, found.exit_code) == (["a"], 1, 0)


def test_another_function_in_the_same_place_is_not_judged_without_a_ledger() -> None:
    found = judge(from_streams(World({"s": [("a", OK)], "other": [("x", "none")]}), json_format=False), None)
    assert [verdict.request for verdict in found.verdicts] == ["a"]


def test_what_an_extension_shipped_of_one_request_under_two_environment_ids_is_put_together() -> None:
    evidence = Evidence("objects", holders=2)
    lines = shipped(World({"before": [("a", OK)]}))
    for line in lines[2:]:
        line["environment"] = "after"
    for line in lines:
        evidence.add_shipped(line, "object")
    (verdict,) = judge(evidence, None).verdicts
    assert verdict.kind == OK


def test_without_start_lines_a_run_again_is_told_from_a_copy_by_its_time() -> None:
    lines = [
        line for line in shipped(World({"e": [("a", "run again"), ("b", "begin twice")]})) if line["type"] == "function"
    ]
    evidence = Evidence("objects", holders=1)
    for line in lines:
        evidence.add_shipped(line, "object")
    assert {one.request: one.kind for one in judge(evidence, None).verdicts} == {"a": "retried", "b": "duplicate"}


def test_a_run_again_is_one_although_the_first_start_line_is_missing() -> None:
    lines = World({"s": [("a", "run again")]}).lines("s")[1:]
    evidence = Evidence("s", holders=1)
    for line in log_stream(lines, json_format=False).split("\n"):
        evidence.add_text("s", 0, line, "", "s")
    (verdict,) = judge(evidence, None).verdicts
    assert (verdict.kind, verdict.attempts) == ("retried", 2)


def test_a_start_line_that_comes_after_begin_belongs_to_it() -> None:
    start, begin, *rest = World({"s": [("a", OK)]}).lines("s")
    evidence = Evidence("s", holders=1)
    for line in log_stream([begin, start, *rest], json_format=False).split("\n"):
        evidence.add_text("s", 0, line, "", "s")
    (verdict,) = judge(evidence, None).verdicts
    assert (verdict.kind, verdict.attempts) == (OK, 1)


def test_a_refused_invocation_is_not_looked_for() -> None:
    refused = (Entry("", 1, "r", 429), Entry("", 2, None, None), Entry("", 3, None, 202))
    known = Ledger((Entry("", 0, "a", 200), *refused))
    found = one([("a", OK)], known)
    assert [verdict.request for verdict in found.verdicts] == ["a"]
    assert (known.refused, known.unknown, known.nameless) == (1, 1, 1)


def test_nothing_can_be_said_of_an_empty_place() -> None:
    assert judge(Evidence("s3://b/p"), ledger_of(World({"s": [("a", OK)]}))).exit_code == 2


def test_nothing_can_be_said_when_no_request_of_the_ledger_left_a_trace() -> None:
    found = one([("x", OK)], ledger_of(World({"s": [("a", OK)]})))
    assert (found.exit_code, "check the address" in found.inconclusive) == (2, True)


def test_nothing_can_be_said_without_any_begin_or_end() -> None:
    assert one([("x", "none")]).exit_code == 2


def test_losses_in_what_was_read_in_part_are_no_answer_but_no_loss_is_one() -> None:
    evidence = from_streams(World({"s": [("a", OK), ("b", "no end")]}), json_format=False)
    evidence.incomplete.append("the last page is missing")
    assert judge(evidence, ledger_of(World({"s": [("a", OK), ("b", OK)]}))).exit_code == 2
    assert judge(evidence, ledger_of(World({"s": [("a", OK)]}))).exit_code == 0
