"""The policy of mode `adaptive`: what it promises for any gaps between invocations, and for those that are usual."""

from __future__ import annotations

import copy
import random
from math import sqrt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.core.adaptive import (
    BESIDE,
    BUCKETS,
    HOLD,
    PER_INVOCATION,
    PER_OBJECT,
    RECENT,
    RELEASE,
    SHORTEST,
    Adaptive,
    Gaps,
)
from tests.fakes.network.inside import bets, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_DELAY = 60.0
#: Sums of these are exact, so that a property about time is not one about rounding.
TICKS = st.integers(0, 2**30).map(lambda ticks: ticks / 1024)
GAPS = st.lists(st.one_of(TICKS, st.integers(0, 2048).map(lambda ticks: ticks / 1024), st.just(0.0)), max_size=300)
DELAYS = st.sampled_from([1.0, 3.0, 20.0, MAX_DELAY, 3600.0])
MEMORY = st.sampled_from([128, 1024, 10240])


class Run:
    """An environment whose handlers take no time: what is held or shipped beside is stored at once."""

    def __init__(self, max_delay: float = MAX_DELAY, memory_mb: int = 128, start: float = 0.0) -> None:
        self.policy = Adaptive(max_delay, memory_mb)
        self.now = start
        self.waiting: list[float] = []  # the INVOKE of each invocation that is not stored
        self.invocations = self.objects = self.late = 0
        self.decisions: list[str] = []
        self._max_delay = max_delay

    def invoke(self, gap: float) -> str:
        """INVOKE comes so long after the last one."""
        self.now += gap
        self.invocations += 1
        self.waiting.append(self.now)
        decision = self.policy.invoked(self.now)
        self.decisions.append(decision)
        if decision != RELEASE:
            self.late += sum(invoked + self._max_delay < self.now for invoked in self.waiting)
            self.objects += 1
            self.waiting = self.waiting[-1:] if decision == BESIDE else []
            self.policy.closed(self.now, running=decision == BESIDE)
        return decision

    def all(self, gaps: Iterable[float]) -> Run:
        for gap in gaps:
            self.invoke(gap)
        return self


def test_the_first_invocation_is_held() -> None:
    assert Run().invoke(0) == HOLD


@given(GAPS, DELAYS, MEMORY)
def test_between_two_objects_the_bets_never_exceed_the_allowance(
    gaps: list[float], max_delay: float, memory: int
) -> None:
    run = Run(max_delay, memory)
    for gap in gaps:
        run.invoke(gap)
        assert bets(run.policy) <= PER_OBJECT + PER_INVOCATION * len(run.waiting)


@given(GAPS, DELAYS, MEMORY)
def test_what_waits_is_due_before_it_is_late_and_whoever_waits_is_known(
    gaps: list[float], max_delay: float, memory: int
) -> None:
    run = Run(max_delay, memory)
    for gap in gaps:
        run.invoke(gap)
        due_at = run.policy.due_at
        assert run.policy.waiting == len(run.waiting)
        assert (due_at is None) == (not run.waiting)
        if due_at is not None:
            assert run.waiting[0] <= due_at < run.waiting[0] + max_delay


@given(GAPS, DELAYS, MEMORY)
def test_nothing_that_is_late_or_due_waits_any_longer(gaps: list[float], max_delay: float, memory: int) -> None:
    run = Run(max_delay, memory)
    for gap in gaps:
        due_at = run.policy.due_at
        decision = run.invoke(gap)
        if due_at is not None and run.now >= due_at:
            assert decision != RELEASE


@given(st.lists(TICKS.filter(bool), max_size=200), DELAYS, MEMORY)
def test_where_every_gap_is_over_max_delay_every_invocation_is_held(
    more: list[float], max_delay: float, memory: int
) -> None:
    run = Run(max_delay, memory).all(max_delay + gap for gap in more)
    assert set(run.decisions) <= {HOLD}
    assert run.late == 0


@given(GAPS, TICKS, MEMORY)
def test_the_origin_of_time_does_not_matter(gaps: list[float], start: float, memory: int) -> None:
    assert Run(memory_mb=memory).all(gaps).decisions == Run(memory_mb=memory, start=start).all(gaps).decisions


@given(st.lists(st.floats(0, 1e300), max_size=100), DELAYS)
def test_any_gap_is_taken_and_what_is_kept_of_all_is_27_numbers(gaps: list[float], max_delay: float) -> None:
    run = Run(max_delay).all(gaps)
    kept = numbers(run.policy)
    assert len(kept) - len(numbers(Adaptive(max_delay, 128))) in (
        -1,
        0,
        1,
    )  # the first INVOKE is no number before it came
    assert len(numbers(Run().all([0.0] * 1000).policy)) == 27 + 2  # and the two of its settings
    assert all(abs(number) <= 1e303 for number in kept)


@given(st.floats(0, 1e9), st.integers(10, 500))
def test_equal_gaps_are_let_go_for_as_long_as_the_next_comes_in_time(gap: float, count: int) -> None:
    run = Run().all([gap] * count)
    assert run.late == 0
    if gap > MAX_DELAY:
        assert run.objects == count


def test_steady_traffic_is_shipped_hardly_more_often_than_max_delay_asks_once_it_is_known() -> None:
    run = Run().all([0.5] * 14_400)  # two hours
    known = run.objects
    run.all([0.5] * 14_400)
    assert run.late == 0
    assert 7200 / MAX_DELAY <= run.objects - known <= 1.5 * 7200 / MAX_DELAY


def test_after_a_snapshot_is_restored_nothing_is_known() -> None:
    run = Run().all([0.1] * 100)
    run.policy.forget()
    assert numbers(run.policy) == numbers(Adaptive(MAX_DELAY, 128))
    assert run.policy.invoked(1e6) == HOLD


# the formula


def expected(gaps: list[float], invoked: list[list[float]], patience: float, memory_mb: int) -> str:
    """What the formula of docs/decisions.md says, from every gap so far and who waited at each INVOKE since the object.

    The last of `invoked` is of now; the first gap of all is from the second INVOKE on.
    """

    def chance(seconds: float, known: list[float]) -> float:
        if seconds <= 0:
            return 1.0
        edges: list[float] = [0.0, *(0.05 * 2**number for number in range(1, 18))]
        floor = max(edge for edge in edges if edge <= seconds)
        seen = (sum(gap >= floor for gap in known) + 0.5) / (len(known) + 1)
        return max(seen, sum(gap > seconds for gap in known[-4:]) / 4)

    if not gaps:
        return HOLD
    rent = 0.0
    for number, waiting in enumerate(invoked):
        known = gaps[: len(gaps) - (len(invoked) - 1 - number)]
        rent += chance(waiting[0] + patience - waiting[-1], known) * len(waiting) if known else 0.0
    n = len(invoked[-1])
    if rent <= 0.03 + 0.005 * n:
        return RELEASE
    price = 0.1 * memory_mb / 1024 * 3.33334
    return BESIDE if n > 1 and price * n > 1 and chance(patience, gaps) <= 0.005 else HOLD


@given(st.lists(st.one_of(TICKS, st.sampled_from([0.0, 0.125, 1.0, 7.0])), max_size=60), st.integers(0, 40), MEMORY)
def test_each_decision_is_that_of_the_formula(gaps: list[float], calm: int, memory: int) -> None:
    gaps = [0.0] + [0.125] * 10 * calm + gaps
    run, since_object = Run(memory_mb=memory), []
    for number, gap in enumerate(gaps):
        waiting = [*run.waiting, run.now + gap]
        since_object.append(waiting)
        decision = run.invoke(gap)
        if number >= 10 * calm:
            assert decision == expected(gaps[1 : number + 1], since_object, MAX_DELAY - 1, memory)
        if decision != RELEASE:
            since_object = []


# beside


def test_where_memory_makes_a_hold_dear_what_waits_is_shipped_beside_the_next_handler() -> None:
    run = Run(memory_mb=1024).all([0.1] * 10_000)
    assert run.decisions.count(BESIDE) > 10
    assert HOLD not in run.decisions[1000:]
    assert run.late == 0


def test_with_little_memory_or_few_that_wait_a_hold_is_cheaper_than_another_object() -> None:
    assert BESIDE not in Run(memory_mb=128).all([4.0] * 10_000).decisions  # 14 wait: 14 holds of 0.04 PUTs
    assert BESIDE in Run(memory_mb=128).all([1.0] * 10_000).decisions


@pytest.mark.parametrize(("memory", "fewest"), [(128, 24), (300, 11), (1024, 3), (10_240, 2)])
def test_beside_pays_from_so_many_on_that_an_object_costs_less_than_their_holds(memory: int, fewest: int) -> None:
    """A hold is 0.1 s of this memory at $0.0000166667 per GB-second, a PUT $0.000005."""
    for waiting in {max(fewest - 1, 2), fewest}:
        run = Run(memory_mb=memory).all([0.0] * 1000)
        run.policy.closed(run.now, running=False)
        for _ in range(waiting - 1):
            assert run.policy.invoked(run.now) == RELEASE
        decision = run.policy.invoked(run.now + MAX_DELAY - 1.01)  # a moment before it is due
        assert decision == (BESIDE if waiting == fewest else HOLD)


@given(GAPS, MEMORY)
def test_beside_leaves_the_bet_on_this_invocation_within_what_it_may_cost(gaps: list[float], memory: int) -> None:
    run = Run(memory_mb=memory)
    for gap in gaps:
        waited = len(run.waiting)
        if run.invoke(gap) == BESIDE:
            assert waited > 0
            assert len(run.waiting) == 1


def test_a_chunk_closed_while_the_invocation_runs_leaves_that_one_waiting_from_then_on() -> None:
    policy = Adaptive(MAX_DELAY, 128)
    policy.invoked(0.0)
    policy.closed(59.0, running=True)
    assert (policy.waiting, policy.due_at) == (1, 118.0)
    policy.closed(100.0, running=False)
    assert (policy.waiting, policy.due_at) == (0, None)


# the chance


def test_before_any_gap_the_next_is_as_likely_longer_as_not() -> None:
    assert Gaps().chance(1.0) == 0.5


@pytest.mark.parametrize("seconds", [0.0, -1.0, -1e9])
def test_a_moment_that_has_passed_is_missed_for_sure(seconds: float) -> None:
    gaps = Gaps()
    gaps.add(0.0)
    assert gaps.chance(seconds) == 1.0


@given(st.lists(TICKS, max_size=200), st.lists(TICKS, min_size=2, max_size=2).map(sorted))
def test_it_is_never_0_never_over_1_and_never_more_for_longer(gaps: list[float], two: list[float]) -> None:
    known = Gaps()
    for gap in gaps:
        known.add(gap)
    shorter, longer = (known.chance(seconds) for seconds in two)
    assert 0 < longer <= shorter <= 1


@given(st.lists(TICKS, min_size=RECENT, max_size=200), TICKS)
def test_it_is_that_of_the_gaps_up_to_one_bucket_and_at_least_that_of_the_last_four(
    gaps: list[float], seconds: float
) -> None:
    known = Gaps()
    for gap in gaps:
        known.add(gap)
    lately = sum(gap > seconds for gap in gaps[-RECENT:]) / RECENT
    longer = sum(gap > seconds for gap in gaps)
    most = sum(gap > seconds / 2 or gap <= SHORTEST * 2 for gap in gaps)
    if seconds > 0:
        assert known.chance(seconds) >= max((longer + 0.5) / (len(gaps) + 1), lately)
    if 0 < seconds < SHORTEST * 2 ** (BUCKETS - 1):
        assert known.chance(seconds) <= max((most + 0.5) / (len(gaps) + 1), lately)


def test_inside_a_bucket_all_gaps_count_as_longer() -> None:
    known = Gaps()
    for _ in range(99):
        known.add(SHORTEST * 2**5 * 1.1)
    for _ in range(RECENT):
        known.add(0.0)
    for share in (0.0, 0.25, 0.5, 0.99):
        assert known.chance(SHORTEST * 2 ** (5 + share)) == 99.5 / (99 + RECENT + 1)
    assert known.chance(SHORTEST * 2**6) == 0.5 / (99 + RECENT + 1)


def test_gaps_are_told_apart_up_to_1_8_hours() -> None:
    known = Gaps()
    for _ in range(20):
        known.add(3000.0)
    assert known.chance(4000.0) == 0.5 / 21
    known.add(4000.0)
    assert known.chance(3300.0) == max(1.5 / 22, 1 / RECENT)
    for _ in range(RECENT):
        known.add(3000.0)
    assert known.chance(3300.0) == 1.5 / 26
    known.add(1e9)
    assert known.chance(1e8) == 1 / RECENT
    assert known.chance(6600.0) == known.chance(1e8)


def test_gaps_of_an_hour_are_shorter_than_two() -> None:
    known = Gaps()
    for _ in range(20):
        known.add(6500.0)
    assert known.chance(6600.0) == 0.5 / 21


@pytest.mark.parametrize("seen", range(RECENT))
def test_gaps_that_were_not_seen_yet_do_not_count_as_longer(seen: int) -> None:
    known = Gaps()
    for _ in range(seen):
        known.add(0.06)
    assert known.chance(0.5) == 0.5 / (seen + 1)


@pytest.mark.parametrize(
    ("max_delay", "patience"),
    [(1.0, 0.95), (3.0, 2.85), (10.0, 9.5), (19.0, 18.05), (20.0, 19.0), (60.0, 59.0), (3600.0, 3599.0)],
)
def test_an_upload_begins_a_second_before_a_record_is_late_or_a_twentieth_of_max_delay(
    max_delay: float, patience: float
) -> None:
    assert Adaptive(max_delay, 128).patience == pytest.approx(patience)


def test_a_change_of_traffic_shows_within_four_gaps() -> None:
    run = Run().all([0.1] * 10_000)
    run.all([100.0] * 5)
    assert run.decisions[-4:] == [HOLD] * 4


# how many are late


def poisson(mean: float, seed: int) -> Callable[[], float]:
    source = random.Random(seed)
    return lambda: source.expovariate(1 / mean)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("mean", [0.2, 1, 5, 10, 15, 20, 30, 60, 120, 600])
def test_with_exponential_gaps_no_more_are_late_than_allowed(mean: float, seed: int) -> None:
    gap = poisson(mean, seed)
    run = Run().all(gap() for _ in range(20_000))
    allowed = PER_OBJECT * run.objects + PER_INVOCATION * run.invocations
    noise = 4 * sqrt(allowed * max(1, run.invocations / run.objects))  # they are late in groups of an object's size
    assert run.late <= allowed + noise, (mean, seed)


@pytest.mark.parametrize("pile", [1, 2, 3, 5, 8, 21, 55])
@pytest.mark.parametrize("short", [0.0, 0.06, 1.0, 5.0, 15.0])
def test_a_greedy_adversary_makes_at_most_12_percent_late(pile: int, short: float) -> None:
    """Whoever sees what waits lets so many pile up, and comes again when all of them are late."""
    run = Run()
    for _ in range(20_000):
        run.invoke(MAX_DELAY + 0.001 if len(run.waiting) >= pile else short)
    assert run.late <= 0.12 * run.invocations
    assert run.late or pile > 1


#: Among them those whose P lies right below or above the edge of a bucket.
ANY_DELAY = [1.0, 3.0, 3.198, 5.0, 51.198, 60.0, 100.0, 102.398, 300.0, 3276.798]


@pytest.mark.parametrize("max_delay", ANY_DELAY)
def test_a_greedy_adversary_does_no_better_with_another_max_delay(max_delay: float) -> None:
    for pile in (1, 2, 5, 21):
        for short in (0.0, 0.3 * max_delay, 0.525 * max_delay):
            run = Run(max_delay)
            for _ in range(2000):
                run.invoke(max_delay + 0.001 if len(run.waiting) >= pile else short)
            assert run.late <= 0.12 * run.invocations, (pile, short)


@pytest.mark.parametrize("max_delay", ANY_DELAY)
def test_nor_with_a_straggler_behind_the_pile(max_delay: float) -> None:
    """As a schedule would have it: some requests at once, one a little later, and the next just too late for the first.

    What is left of P at the straggler's INVOKE may lie right below the edge of a bucket, as the gap does that follows.
    """
    patience = Adaptive(max_delay, 128).patience
    edges = [SHORTEST * 2**number for number in range(1, BUCKETS)]
    after = {max_delay * share for share in (0.05, 0.15, 0.4, 0.7)} | {patience - edge + 0.01 for edge in edges}
    for pile in (1, 5, 8, 21):
        for straggler in sorted(moment for moment in after if 0 < moment < patience):
            run = Run(max_delay)
            while run.invocations < 1000:
                if len(run.waiting) < pile:
                    run.invoke(0.0)
                elif len(run.waiting) == pile:
                    run.invoke(max(run.waiting[0] + straggler - run.now, 0.0))
                else:
                    run.invoke(max(run.waiting[0] + max_delay + 0.001 - run.now, 0.0))
            assert run.late <= 0.12 * run.invocations, (pile, straggler)


@pytest.mark.parametrize("short", [0.0, 1.0, 15.0])
@pytest.mark.parametrize("least", [1, 2])
def test_so_does_one_who_foresees_the_decisions(least: int, short: float) -> None:
    """Whoever knows the policy stays away just when the next INVOKE would be shipped: nothing more can pile up."""
    run = Run()
    for _ in range(20_000):
        foreseen = copy.deepcopy(run.policy).invoked(run.now + short) if len(run.waiting) >= least else RELEASE
        run.invoke(MAX_DELAY + 0.001 if foreseen != RELEASE else short)
    assert 0 < run.late <= 0.12 * run.invocations
