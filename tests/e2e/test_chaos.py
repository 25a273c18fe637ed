"""A short chaos run, one environment of each kind; `make chaos` is the long one. And the judge itself."""

from __future__ import annotations

import os
import random

import pytest

from adaptive_batching.sandbox.s3.shipped import Shipped
from extension.settings import PREFIX, from_environ
from tests.chaos.__main__ import account, run
from tests.chaos.plan import KINDS, draw
from tests.chaos.verdict import Seen, judge

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(10_000))
STEPS = 6


def test_a_short_run_leaves_nothing_unexplained() -> None:
    print(f"CHAOS_SEED={SEED}")
    outcomes = run(SEED, range(len(KINDS)), STEPS, lanes=len(KINDS))
    bad = [one for one in outcomes if not one.clean]
    assert not bad, "\n".join(line for one in bad for line in account(one, verbose=True))
    assert all(one.verdict.delivered for one in outcomes)


def test_a_seed_draws_the_same_plans_again() -> None:
    assert [draw(7, number, 30) for number in range(5)] == [draw(7, number, 30) for number in range(5)]
    assert draw(7, 0, 30) != draw(8, 0, 30)


def test_the_extension_takes_every_setting_that_a_plan_draws() -> None:
    for number in range(200):
        told = {f"{PREFIX}{name}": str(value) for name, value in draw(7, number, 1).settings.items()}
        assert from_environ({**told, f"{PREFIX}S3_BUCKET": "a-bucket"}).problems == ()


def record(number: int) -> dict[str, object]:
    return {"time": f"T{number}", "type": "function", "record": f"line {number}"}


def stored(key: str, *numbers: int) -> Shipped:
    return Shipped(key, 1, {}, "", tuple(record(number) for number in numbers))


def seen(*numbers: int, **more: object) -> Seen:
    """Lines 1 to 4 were delivered in POSTs that were answered; these are on S3."""
    given = {"objects": [stored("a/k1", *numbers)], "said": [], "unanswered": []}
    return Seen([record(number) for number in range(1, 5)], **{**given, **more})  # type: ignore[arg-type]


def test_the_judge_finds_nothing_where_nothing_is() -> None:
    assert judge(seen(1, 2, 3, 4)).clean


@pytest.mark.parametrize(
    ("numbers", "lost", "twice", "unknown"),
    [((1, 2, 4), 1, 0, 0), ((1, 2, 3, 4, 4), 0, 1, 0), ((1, 2, 3, 4, 5), 0, 0, 1), ((1, 1, 9), 3, 1, 1)],
)
def test_the_judge_counts_what_is_lost_twice_and_unknown(
    numbers: tuple[int, ...], lost: int, twice: int, unknown: int
) -> None:
    verdict = judge(seen(*numbers))
    assert (verdict.lost, verdict.twice, verdict.unknown) == (lost, twice, unknown)
    assert not verdict.clean


def test_what_the_extension_reports_exactly_is_explained() -> None:
    ended = {"message": "environment shutting down", "level": "error", "lost": 2}
    assert judge(seen(1, 2, said=[ended])).clean
    assert judge(seen(1, 2, 3, said=[ended])).unexplained == 1, "reported and there"
    assert judge(seen(1, said=[ended])).unexplained == 1, "lost and not reported"


def test_a_loss_said_before_the_process_was_killed_counts() -> None:
    said = [{"message": "queue full: one batch dropped, its records are lost", "level": "error", "records": 1}]
    ended = {"message": "environment shutting down", "level": "info", "lost": 0}
    assert judge(seen(1, 2, 3, said=[*said, ended], ends=[1])).clean
    assert not judge(seen(1, 2, 3, said=[*said, ended])).clean, "its own last line says otherwise"


def test_what_is_reported_as_lost_with_a_key_that_perhaps_exists_is_lost_if_it_does_not() -> None:
    ended = {"message": "environment shutting down", "level": "error", "lost": 4}
    assert judge(seen(1, 2, 3, 4, said=[ended | {"perhapsStored": {"a/k1": 4}}])).clean
    assert judge(seen(3, 4, said=[ended | {"perhapsStored": {"a/k1": 2}}])).clean
    assert judge(seen(said=[ended | {"perhapsStored": {"a/k2": 4}}], objects=[])).clean
    assert not judge(seen(1, 2, 3, 4, said=[ended])).clean
    shed = {"message": "the oldest records are lost", "level": "error", "records": 4, "key": "a/k1"}
    assert judge(seen(1, 2, 3, 4, said=[shed | {"perhapsStored": {"a/k1": 4}}, ended])).clean
    assert not judge(seen(1, 2, 3, 4, said=[shed, ended])).clean


def test_a_post_whose_answer_was_cut_may_be_on_s3_or_not() -> None:
    assert judge(seen(1, 2, 3, 4, 5, unanswered=[record(5)])).clean
    assert judge(seen(1, 2, 3, 4, unanswered=[record(5)])).clean
    ended = {"message": "environment shutting down", "level": "error", "lost": 1}
    assert judge(seen(1, 2, 3, 4, unanswered=[record(5)], said=[ended])).clean


def test_only_what_came_before_tmp_was_emptied_may_be_lost_with_the_process() -> None:
    assert judge(seen(3, 4, kept=[record(3), record(4)])).inexcusable == 0
    assert judge(seen(2, 3, kept=[record(3), record(4)])).inexcusable == 1


def test_a_fault_of_the_extension_is_never_clean() -> None:
    said = [{"message": "internal error: shipping continues", "level": "error", "why": "..."}]
    assert not judge(seen(1, 2, 3, 4, said=said)).clean
