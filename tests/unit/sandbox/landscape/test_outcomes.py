"""What of a batch failed is counted as Lambda counts it, and an error is told by its type and message in one line."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pytest

from adaptive_batching.sandbox.cli.service import ended
from adaptive_batching.sandbox.landscape.outcomes import MESSAGE, RECORD, Given, Outcomes
from adaptive_batching.sandbox.lifecycle.results import Result

if TYPE_CHECKING:
    from adaptive_batching.sandbox.fleet.fleet import Fleet


class AcceptingFleet:
    """Begins everything, and remembers the request ids."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def begin(self, _payload: bytes, *, request_id: str) -> None:
        self.ids.append(request_id)


def outcome(outcomes: Outcomes, given: Given, answer: object, error: str | None = None) -> str:
    fleet = AcceptingFleet()
    outcomes.begin(cast("Fleet", fleet), given, b"")
    return outcomes.ended("f", Result(fleet.ids[0], json.dumps(answer).encode(), error, "", {}))


def test_what_fails_in_part_in_whole_or_not_at_all_adds_up() -> None:
    seed = Random().randrange(10**6)
    print("seed", seed)
    random, outcomes = Random(seed), Outcomes()
    totals = {MESSAGE: [0, 0], RECORD: [0, 0]}
    for _ in range(300):
        noun, partial = random.choice((MESSAGE, RECORD)), random.random() < 0.8
        ids = tuple(f"id{number}" for number in range(random.randint(1, 10)))
        bad = random.sample(ids, random.randint(0, len(ids)))
        answer: Any = {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}
        kind = random.choice(("good", "named", "named", "raises", "malformed"))
        failed = {"good": 0, "named": len(bad), "raises": len(ids), "malformed": len(ids)}[kind]
        if kind == "malformed":
            answer = {"batchItemFailures": [{"itemIdentifier": "another"}]}
        failed = failed if partial or kind == "raises" else 0
        said = outcome(
            outcomes, Given(noun, ids, partial), None if kind == "good" else answer, "E" * (kind == "raises")
        )
        plural = "" if len(ids) == 1 else "s"
        assert said == (f"{failed} of {len(ids)} {noun}{plural} failed" if failed else "")
        totals[noun][0] += failed
        totals[noun][1] += len(ids)
    outcomes.gave_up("f", 3)
    assert outcomes.summary("f") == [
        *(f"{failed:,} of {all_:,} {noun}s failed" for noun, (failed, all_) in totals.items()),
        "3 records given up",
    ]


def test_what_is_no_batch_or_did_not_fail_is_not_told() -> None:
    outcomes = Outcomes()
    assert outcomes.ended("f", Result("another", b"null", None, "", {})) == ""
    assert outcome(outcomes, Given(MESSAGE, ("a",), partial=True), {}) == ""
    assert outcomes.summary("f") == []


@pytest.mark.parametrize(
    ("payload", "report", "why"),
    [
        ({"errorType": "ValueError", "errorMessage": "no"}, {}, "ValueError: no"),
        ({"errorType": "KeyError"}, {}, "KeyError"),
        ({"errorType": "E", "errorMessage": "a\nb\t\x1b[31mc"}, {}, "E: a b [31mc"),
        ({"errorType": "E", "errorMessage": "x" * 999}, {}, f"E: {'x' * 197}…"),
        (
            {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 1 Error: Task timed out after 3.00 seconds"},
            {},
            "Task timed out after 3.00 seconds",
        ),
        (
            {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: 1 Error: Runtime exited"},
            {},
            "Runtime.ExitError: Runtime exited",
        ),
        ({"errorMessage": ["no"]}, {"errorType": "Function.Custom"}, "Function.Custom: ['no']"),
        ("text", {}, "Unhandled"),
        (None, {"errorType": "Runtime.Unknown"}, "Runtime.Unknown"),
    ],
)
def test_an_error_is_told_by_its_type_and_message(payload: object, report: dict[str, Any], why: str) -> None:
    result = Result("1", json.dumps(payload).encode(), "Unhandled", "", report)
    assert ended(result) == f"1  {why}  0.0 ms"
    assert ended(result, "2 of 2 messages failed") == f"1  {why}  0.0 ms"


def test_a_batch_that_failed_in_part_is_not_ok() -> None:
    result = Result("1", b"{}", None, "", {"metrics": {"durationMs": 2.0}})
    assert ended(result, "2 of 10 messages failed") == "1  2 of 10 messages failed  2.0 ms"
    assert ended(result) == "1  ok  2.0 ms"
