"""Release: when `event/next` is called. One story for each sentence of the rules; how to read them: story.py."""

import pytest

from extension import events
from extension.core.batcher import CHUNK_BYTES
from extension.errors import StoreError
from extension.records.reader import REMEMBERED
from tests.unit.extension.build import platform
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200  # one line of it crosses SHIP_RATE_BYTES=200; a bare platform.runtimeDone (185 bytes) does not


def due(**values: object) -> Story:
    """The first invocation is over, and a chunk is due that could not be uploaded: the environment may be frozen."""
    return warm(SHIP_RATE_BYTES=200, **values).logs(10, LONG)


# nothing due


def test_nothing_due_releases_at_once() -> None:
    assert warm().logs(10, "little").invoke("r1", 11).told == ["11 release r1"]


def test_an_empty_environment_releases_at_once() -> None:
    assert warm().invoke("r1", 11).told == ["11 release r1"]


# the first invocation


def test_the_first_invocation_is_held_until_its_end_plus_one_buffering_period_then_shipped_then_released() -> None:
    story = Story().invoke("r1", 0).logs(1).done("r1", 3).logs(3.02, "trailing").stored(3.1)
    assert story.told == ["3.025 upload 1 first(3)", "3.1 release r1"]
    assert story.ledger == (3, 3, 0)


def test_the_buffering_period_is_25_ms() -> None:
    assert Story().invoke("r1", 0).done("r1", 3).core.wake_at() == pytest.approx(1003.025, abs=1e-6)


def test_the_end_may_come_before_the_invoke_does() -> None:
    story = Story().logs(0).done("r1", 0).invoke("r1", 0.01).stored(0.1)
    assert story.told == ["0.035 upload 1 first(2)", "0.1 release r1"]


@pytest.mark.parametrize(("ends", "told"), [(REMEMBERED, ["0.035 release r0"]), (REMEMBERED + 1, [])])
def test_the_ends_of_so_many_requests_are_remembered_and_no_more(ends: int, told: list[str]) -> None:
    story = Story(LOG_TYPES='["function"]').post(0, *(platform("runtimeDone", f"r{number}") for number in range(ends)))
    assert story.invoke("r0", 0.01).until(1).told == told


def test_the_end_of_another_request_is_not_this_ones() -> None:
    story = Story().done("r0", 0).invoke("r1", 0.01).done("r9", 0.5).until(1)
    assert story.told == []
    assert story.done("r1", 2).until(2.1).told == ["2.025 upload 1 first(3)"]


def test_a_first_invocation_with_nothing_to_ship_is_released_after_the_buffering_period() -> None:
    story = Story(LOG_TYPES='["function"]').invoke("r1", 0).done("r1", 1).until(5)
    assert story.told == ["1.025 release r1"]


def test_the_second_invocation_is_not_held() -> None:
    assert warm().invoke("r1", 10).logs(10.1).done("r1", 10.2).until(11).told == ["10 release r1"]


def test_a_drop_reported_by_the_platform_ends_the_wait() -> None:
    dropped = platform("logsDropped", "", droppedRecords=3, droppedBytes=100, reason="slow")
    story = Story().invoke("r1", 0).logs(1).post(2, dropped).stored(2.1)
    assert story.told == ["2.025 upload 1 first(2)", "2.1 release r1"]


def test_a_batch_that_is_dropped_ends_the_wait_for_the_end_may_have_been_in_it() -> None:
    story = Story().invoke("r1", 0).logs(1).event(2, events.BatchDropped(3, 700)).stored(2.1)
    assert story.told == ["2.025 upload 1 first(1)", "2.1 release r1"]


def test_a_drop_that_is_reported_later_lengthens_no_hold() -> None:
    story = due().invoke("r1", 11).post(11.3, platform("logsDropped", "", droppedRecords=3)).until(15)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1"]


def test_behind_a_slow_handler_the_end_is_waited_for_ten_seconds_and_no_longer() -> None:
    story = Story().invoke("r1", 0, timeout=900).logs(1).until(60)
    assert story.told == ["10 upload 1 first(1)", "10 release r1"]


def test_an_end_just_before_the_ten_seconds_still_gives_the_store_its_time() -> None:
    story = Story().invoke("r1", 0).done("r1", 9.99).until(12)
    assert story.told == ["10.015 upload 1 first(1)", "10.49 release r1"]


@pytest.mark.parametrize(("timeout", "released"), [(3, 2.75), (1, 0.75), (0.26, 0.01)])
def test_never_past_250_ms_before_the_deadline_while_the_end_is_waited_for(timeout: float, released: float) -> None:
    story = Story().invoke("r1", 0, timeout=timeout).logs(0.005).until(60)
    assert story.told == [f"{released:g} upload 1 first(1)", f"{released:g} release r1"]


def test_never_past_250_ms_before_the_deadline_while_the_store_is_waited_for() -> None:
    story = Story().invoke("r1", 0, timeout=1).done("r1", 0.5).until(60)
    assert story.told == ["0.525 upload 1 first(1)", "0.75 release r1"]


@pytest.mark.parametrize("timeout", [0.25, 0.1, 0, -5])
def test_a_deadline_that_near_holds_nobody(timeout: float) -> None:
    assert Story().invoke("r1", 0, timeout=timeout).told == ["0 release r1"]


def test_max_hold_counts_from_the_end_of_the_handler() -> None:
    story = Story(MAX_HOLD_MILLISECONDS=100).invoke("r1", 0).done("r1", 5).until(60)
    assert story.told == ["5.025 upload 1 first(1)", "5.1 release r1"]


def test_max_hold_shorter_than_the_buffering_period_wins() -> None:
    story = Story(MAX_HOLD_MILLISECONDS=10).invoke("r1", 0).done("r1", 5).until(60)
    assert story.told == ["5.01 upload 1 first(1)", "5.01 release r1"]


def test_what_crosses_a_threshold_within_the_first_invocation_goes_up_at_once_and_the_rest_at_its_end() -> None:
    story = Story(SHIP_RATE_BYTES=200).invoke("r1", 0).logs(1, LONG).stored(1.2).done("r1", 3).stored(3.1)
    assert story.told == ["1 upload 1 bytes(1)", "3.025 upload 2 first(1)", "3.1 release r1"]


def test_what_trails_in_during_the_last_upload_of_the_first_invocation_waits_for_the_next() -> None:
    story = Story().invoke("r1", 0).done("r1", 3).logs(3.05).stored(3.1).until(4)
    assert story.told == ["3.025 upload 1 first(1)", "3.1 release r1"]
    assert story.core.waiting_records == 1


def test_an_upload_on_its_way_at_the_end_is_followed_by_the_rest_before_the_release() -> None:
    story = Story(SHIP_RATE_BYTES=200).invoke("r1", 0).logs(2.9, LONG).done("r1", 3).stored(3.1).stored(3.2)
    assert story.told == ["2.9 upload 1 bytes(1)", "3.1 upload 2 first(1)", "3.2 release r1"]
    assert story.ledger == (2, 2, 0)


def test_so_is_one_that_follows_another_of_the_same_invocation() -> None:
    story = Story(SHIP_RATE_BYTES=200).invoke("r1", 0).logs(1, LONG).stored(1.1).logs(2.9, LONG).done("r1", 3)
    assert story.stored(3.1).stored(3.2).told[1:] == [
        "2.9 upload 2 bytes(1)",
        "3.1 upload 3 first(1)",
        "3.2 release r1",
    ]


# each invocation an object of its own


def test_with_one_invocation_per_object_each_is_held_shipped_and_released() -> None:
    story = Story(SHIP_RATE_INVOKES=1)
    story.invoke("r1", 0).logs(0.5).done("r1", 1).stored(1.1)
    story.invoke("r2", 2).logs(2.5).done("r2", 3).stored(3.1)
    assert story.told == [
        "1.025 upload 1 first(2)",
        "1.1 release r1",
        "3.025 upload 2 invokes(2)",
        "3.1 release r2",
    ]


def test_what_was_left_over_waits_for_the_invocations_own_records() -> None:
    story = warm(SHIP_RATE_INVOKES=1).logs(10, "a report").invoke("r1", 11).until(12)
    assert story.told == []
    assert story.done("r1", 12).stored(12.1).told == ["12.025 upload 2 invokes(2)", "12.1 release r1"]


# something due at INVOKE


def test_due_at_invoke_uploads_beside_the_handler_and_releases_when_the_store_has_answered() -> None:
    assert due().invoke("r1", 11).stored(11.05).told == ["11 upload 2 bytes(1)", "11.05 release r1"]


def test_the_answer_for_what_was_due_releases_though_more_goes_up_at_once() -> None:
    story = due().invoke("r1", 11).logs(11.02, LONG).stored(11.05).until(11.1)
    assert story.told == ["11 upload 2 bytes(1)", "11.05 upload 3 bytes(1)", "11.05 release r1"]


def test_the_answer_for_the_oldest_releases_though_more_waits_behind_it() -> None:
    story = warm().logs(10, "x" * CHUNK_BYTES).logs(10.1, "x" * CHUNK_BYTES).invoke("r1", 11).stored(11.05)
    assert story.told == ["11 upload 2 backlog(1)", "11.05 upload 3 backlog(1)", "11.05 release r1"]


def test_the_handlers_end_is_not_waited_for_when_a_chunk_was_due() -> None:
    story = due().invoke("r1", 11).stored(11.05).logs(20).done("r1", 20.1).until(21)
    assert story.told == ["11 upload 2 bytes(1)", "11.05 release r1"]


@pytest.mark.holds("circuit: retries stay within the budget of the hold or of SHUTDOWN")
def test_a_silent_store_is_waited_for_max_hold_and_no_longer() -> None:
    assert due().invoke("r1", 11).until(15).told == ["11 upload 2 bytes(1)", "11.5 release r1"]


def test_a_silent_store_is_never_waited_for_past_250_ms_before_the_deadline() -> None:
    assert due().invoke("r1", 11, timeout=0.35).until(15).told == ["11 upload 2 bytes(1)", "11.1 release r1"]


def test_a_refusal_of_the_store_releases_too() -> None:
    story = due().invoke("r1", 11).failed(11.05, StoreError.CONFIGURATION).until(11.1)
    assert story.told == ["11 upload 2 bytes(1)", "11.05 say warning", "11.05 release r1"]


@pytest.mark.holds("circuit: retries stay within the budget of the hold or of SHUTDOWN")
def test_retries_within_a_hold_do_not_lengthen_it() -> None:
    story = warm(lambda: 0.0, SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11)
    assert story.failed(11.2).failed(11.4).until(15).told == [
        "11 upload 2 bytes(1)",
        "11.2 say warning",
        "11.2 upload 2 bytes(1)",
        "11.4 upload 2 bytes(1)",
        "11.5 release r1",
    ]


def test_the_tenth_invocation_makes_what_waits_due() -> None:
    story = warm().logs(10).forget()
    for number in range(1, 11):
        story.invoke(f"r{number}", 10 + number / 10).until(10 + number / 10 + 0.05)
    assert story.told[-2:] == ["10.9 release r9", "11 upload 2 invokes(1)"]
    assert story.stored(11.2).told[-1] == "11.2 release r10"


def test_what_grew_old_between_two_invocations_is_due_at_the_next() -> None:
    story = warm().logs(10).until(60).invoke("r1", 61).stored(61.1)
    assert story.told == ["61 upload 2 age(1)", "61.1 release r1"]


# a threshold crossed after the release


def test_a_threshold_crossed_during_a_long_invocation_uploads_at_once() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).logs(15, LONG).stored(15.1).logs(16, LONG).until(17)
    assert story.told == ["10 release r1", "15 upload 2 bytes(1)", "16 upload 3 bytes(1)"]


def test_age_is_looked_at_by_timer_during_a_long_invocation() -> None:
    story = warm().invoke("r1", 10).logs(12).until(40)
    assert story.told == ["10 release r1", "22 upload 2 age(1)"]


def test_a_threshold_crossed_after_the_end_of_the_request_waits_for_the_next_event() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).done("r1", 11).logs(11.1, LONG).until(60)
    assert story.told == ["10 release r1"]
    assert story.invoke("r2", 61).stored(61.1).told[1:] == ["61 upload 2 bytes(2)", "61.1 release r2"]


def test_the_end_and_the_crossing_in_one_post_wait_for_the_next_event_too() -> None:
    both: list[dict[str, object]] = [platform("runtimeDone", "r1"), {"type": "function", "record": LONG}]
    assert warm(SHIP_RATE_BYTES=200).invoke("r1", 10).post(11, *both).until(60).told == ["10 release r1"]


def test_age_reached_after_the_end_of_the_request_wakes_nobody() -> None:
    story = warm().invoke("r1", 10).logs(10.5).done("r1", 11).until(60)
    assert story.told == ["10 release r1"]
    assert story.core.wake_at() is None


# a store that does not take anything


def test_a_store_that_fails_and_fails_holds_no_invocation_any_more() -> None:
    story = due()
    for number in range(1, 4):
        story.invoke(f"r{number}", 100 * number).failed(100 * number + 0.3)
        story.done(f"r{number}", 100 * number + 0.4).until(100 * number + 1)
    assert story.forget().invoke("r4", 400).until(400.1).told == ["400 upload 2 bytes(1)", "400 release r4"]


@pytest.mark.holds("circuit: a second of hold without success opens the circuit")
def test_a_store_that_is_silent_and_silent_holds_no_invocation_any_more() -> None:
    story = due()
    for number in range(1, 4):
        story.invoke(f"r{number}", 10 + number).until(10 + number + 0.9)
    assert story.told == [
        "11 upload 2 bytes(1)",
        "11.5 release r1",
        "12.5 say error",
        "12.5 release r2",
        "13 release r3",
    ]


@pytest.mark.holds("circuit: a success closes the circuit")
def test_a_success_makes_it_worth_holding_again() -> None:
    story = due()
    for number in range(1, 4):
        story.invoke(f"r{number}", 10 + number).until(10 + number + 0.9)
    story.stored(14).done("r3", 14).logs(14, LONG).forget()
    assert story.invoke("r4", 15).until(16).told == ["15 upload 3 bytes(2)", "15.5 release r4"]


# no telemetry at all


@pytest.mark.holds("faults: where no telemetry comes, holding for it costs an environment one second in all")
@pytest.mark.parametrize(("invokes", "hold", "held"), [(10, 500, 0.5), (1, 500, 0.5), (1, 900_000, 1.0), (10, 1, 0.25)])
def test_where_no_telemetry_comes_holding_for_it_costs_an_environment_one_second_at_most(
    invokes: int, hold: int, held: float
) -> None:
    story = Story(SHIP_RATE_INVOKES=invokes, MAX_HOLD_MILLISECONDS=hold)
    for number in range(5):
        story.invoke(f"r{number}", 10 * number, timeout=900, telemetry=False).until(10 * number + 9)
    assert story.told == [f"{held:g} release r0", *(f"{10 * number} release r{number}" for number in range(1, 5))]


def test_with_the_shortest_hold_the_first_batch_has_time_to_come() -> None:
    story = Story(SHIP_RATE_INVOKES=1, MAX_HOLD_MILLISECONDS=1, SHIP_RATE_MILLISECONDS=60_000)
    story.invoke("r0", 0, telemetry=False).logs(0.04).done("r0", 0.23).until(0.3)
    assert story.told[0].startswith("0.23")  # no release before the handler's end is told


def test_an_invocation_that_was_cut_short_by_its_own_deadline_says_nothing_about_telemetry() -> None:
    story = Story(SHIP_RATE_INVOKES=1).invoke("r0", 0, timeout=0.3, telemetry=False).until(5).forget()
    story.invoke("r1", 10, telemetry=False).until(12)
    assert story.told == ["10.5 release r1"]


def test_once_the_end_of_a_handler_was_told_it_is_waited_for_again() -> None:
    story = Story(SHIP_RATE_INVOKES=1, SHIP_RATE_MILLISECONDS=60_000)
    story.invoke("r0", 0, telemetry=False).until(5).invoke("r1", 10, telemetry=False)
    story.logs(10.1).stored(10.15).done("r1", 10.2).until(15).stored(15).forget().invoke("r2", 20).logs(20.1).done(
        "r2", 20.2
    ).until(20.3)
    assert story.told == ["20.225 upload 2 invokes(3)"]


def test_a_batch_of_any_kind_within_the_silence_lets_it_wait_for_the_end() -> None:
    story = Story().invoke("r0", 0, telemetry=False).logs(0.4, "a line").until(5)
    assert story.told == []
    story.done("r0", 5.1).until(5.2)
    assert story.told == ["5.125 upload 1 first(2)"]
