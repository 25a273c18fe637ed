"""What goes up, in what order, how often; and what SHUTDOWN does. When `event/next` is called: test_release.py."""

import pytest

from extension import events
from extension.core import batcher, drain
from extension.core.outbox.outbox import WAITING_BYTES
from extension.errors import StoreError
from extension.settings import MAX_SHIP_RATE_BYTES
from tests.unit.extension.build import EPOCH, at, platform
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200
MIB = 1024 * 1024


def busy(**values: object) -> Story:
    """In the middle of a long invocation, released; nothing waits."""
    return warm(SHIP_RATE_BYTES=200, **values).invoke("r1", 10).forget()


# one upload in flight


def test_what_arrives_during_an_upload_joins_the_open_chunk_so_a_backlog_is_one_object() -> None:
    story = busy().logs(11, LONG)
    for number in range(1000):
        story.logs(11.1 + number / 1000, LONG)
    story.stored(13).stored(13.1)
    assert story.told == ["11 upload 2 bytes(1)", "13 upload 3 bytes(1000)"]
    assert story.ledger == (1002, 1002, 0)


def test_a_post_is_never_divided_over_objects() -> None:
    story = busy().logs(11, *[LONG] * 50).stored(11.1)
    assert story.told == ["11 upload 2 bytes(50)"]


def test_counting_starts_again_when_a_chunk_is_taken_whatever_becomes_of_its_upload() -> None:
    story = warm(SHIP_RATE_BYTES=200, SHIP_RATE_INVOKES=2).invoke("r1", 10).logs(10.1).invoke("r2", 11)
    assert story.told == ["10 release r1", "11 upload 2 invokes(1)"]
    story.failed(11.1).until(11.15).failed(11.5).forget()
    story.logs(11.6).invoke("r3", 12).stored(12.2).until(12.3)
    assert [line for line in story.told if "upload 3" in line] == []


def test_a_chunk_that_grows_to_8_mib_behind_a_store_that_hangs_is_closed_and_waits_its_turn() -> None:
    story = busy().logs(11, LONG)
    for number in range(9):
        story.logs(11.1 + number / 10, "x" * MIB)
    story.stored(12.1).stored(12.2).until(12.25)
    assert story.told[0] == "11 upload 2 bytes(1)"
    assert story.told[1:3] == ["12.1 upload 3 backlog(8)", "12.2 upload 4 bytes(1)"]


def test_a_chunk_that_waits_its_turn_is_full_at_8_mib_to_the_byte() -> None:
    around = busy().logs(11, "").core.open_chunk.raw_bytes
    for size, records in ((batcher.CHUNK_BYTES - around - 1, 2), (batcher.CHUNK_BYTES - around, 1)):
        story = busy().logs(11, LONG).logs(11.1, "x" * size).logs(11.2, LONG).stored(12)
        assert story.told[1] == f"12 upload 3 backlog({records})"


def test_a_threshold_larger_than_8_mib_is_reached_behind_a_store_that_hangs_too() -> None:
    story = warm(SHIP_RATE_BYTES=20 * MIB, SHIP_RATE_MILLISECONDS=1000).invoke("r1", 10).logs(10.1).until(11.2)
    for number in range(15):
        story.logs(11.2 + number / 100, "x" * MIB)
    assert story.stored(12).until(13).told == ["10 release r1", "11.1 upload 2 age(1)", "12.2 upload 3 age(15)"]


def test_a_single_post_of_more_than_8_mib_that_goes_up_at_once_is_no_backlog() -> None:
    assert busy().logs(11, "x" * 9 * MIB).told == ["11 upload 2 bytes(1)"]


def test_a_full_chunk_that_waits_its_turn_has_room_for_the_rest_of_a_cut_record() -> None:
    story = busy().logs(11, LONG).logs(11.1, "x" * 5 * MIB)
    head = b'{"time":"2026-11-20T09:15:02.150Z","type":"function","record":'
    story.body(11.2, b'[{"type":"function","record":"' + b"x" * 4 * MIB + b'"},' + head + b'{"message":"AA}]')
    story.body(11.3, b"[" + head + b'AA"}}]').stored(11.4)
    assert story.told == ["11 upload 2 bytes(1)", "11.4 upload 3 backlog(3)"]
    assert story.core.counters.unparsed == 0


# a store that fails


def test_an_upload_that_fails_stays_whole_and_is_tried_again_with_the_same_key_and_bytes() -> None:
    story = busy().logs(11, LONG).failed(11.1).until(11.3).failed(11.4).until(11.8).stored(11.9)
    assert story.told == [
        "11 upload 2 bytes(1)",
        "11.1 say warning",
        "11.3 upload 2 bytes(1)",
        "11.8 upload 2 bytes(1)",
        "11.9 say info",
    ]
    assert story.messages == [
        "upload failed: the object is kept and retried",
        "upload succeeded: store reachable again",
    ]
    assert story.ledger == (2, 2, 0)


def first_line(body: bytes | str) -> bytes:
    assert isinstance(body, bytes)
    return body.split(b"\n")[0]


@pytest.mark.parametrize(
    "kind",
    [StoreError.CONFIGURATION, StoreError.CREDENTIALS, StoreError.THROTTLED, StoreError.SERVER, StoreError.TRANSPORT],
)
def test_no_kind_of_failure_loses_a_record(kind: str) -> None:
    story = busy().logs(11, LONG).failed(11.1, kind).until(11.3).stored(11.5)
    assert story.told[2] == "11.3 upload 2 bytes(1)"
    assert story.ledger == (2, 2, 0)


def test_a_store_that_keeps_failing_is_said_once_and_once_more_when_the_circuit_opens() -> None:
    story = busy().logs(11, LONG)
    for number in range(10):
        story.failed(12 + 400 * number).until(400 + 400 * number)
    assert [message.partition(";")[0].partition(":")[0] for message in story.messages] == [
        "upload failed",
        "circuit opened",
    ]


def test_what_arrives_while_a_chunk_waits_for_its_retry_does_not_overtake_it() -> None:
    story = busy().logs(11, LONG).failed(11.1).logs(11.2, LONG).until(11.3).stored(11.4).stored(11.5)
    assert [line for line in story.told if "upload" in line] == [
        "11 upload 2 bytes(1)",
        "11.3 upload 2 bytes(1)",
        "11.4 upload 3 bytes(1)",
    ]


def test_a_retry_does_not_wait_in_an_environment_that_may_freeze_but_for_the_next_event() -> None:
    story = busy().logs(11, LONG).done("r1", 11.05).failed(11.1).until(15)
    assert story.told == ["11 upload 2 bytes(1)", "11.1 say warning"]
    story.forget().invoke("r2", 16).stored(16.1)
    assert story.told == ["16 upload 2 bytes(1)", "16.1 say info", "16.1 release r2"]


def test_while_the_store_is_throttling_what_arrives_becomes_one_larger_object() -> None:
    story = busy().logs(11, LONG).failed(11.1, StoreError.THROTTLED)
    for number in range(9):
        story.logs(11.11 + number / 100, LONG)  # each of them would cross the threshold
    story.until(11.3).stored(11.4).stored(11.5)
    assert [line for line in story.told if "upload" in line] == [
        "11 upload 2 bytes(1)",
        "11.3 upload 2 bytes(1)",
        "11.4 upload 3 bytes(9)",
    ]


@pytest.mark.holds("memory: waiting chunks are bounded in bytes; the oldest is dropped, whole and counted")
def test_what_waits_for_a_dead_store_is_bounded_the_oldest_goes_whole_and_is_counted() -> None:
    story = busy().logs(11, LONG).failed(11.1)
    story.done("r1", 11.2)  # no retry from here on
    for number in range(6):
        story.logs(20 + number, "x" * batcher.CHUNK_BYTES)
    received, shipped, lost = story.ledger
    assert (received, shipped, lost) == (9, 1, story.core.counters.lost)
    assert lost > 0
    assert story.core.waiting_records == received - shipped - lost
    assert "buffer limit reached: the oldest chunk is dropped, its records are lost" in story.messages
    waiting = sum(one.chunk.size for one in story.core.waiting)
    assert WAITING_BYTES - 1.1 * batcher.CHUNK_BYTES < waiting <= WAITING_BYTES
    assert story.core.counters.lost_bytes > 0


# SHUTDOWN


@pytest.mark.holds("shutdown: late batches are accepted until the platform is quiet, for half of the budget at most")
def test_shutdown_drains_until_quiet_then_ships_the_last_object_and_exits() -> None:
    story = warm().logs(10, "a").shutdown(11).logs(11.1, "b").logs(11.2, "c").until(11.4).stored(11.4)
    assert story.told == ["11.35 upload 2 shutdown(3)", "11.4 exit lost 0"]
    assert story.ledger == (4, 4, 0)


def test_quiet_is_the_larger_of_150_ms_and_four_buffering_periods() -> None:
    assert max(0.150, 4 * 0.025) == drain.QUIET_SECONDS


def test_shutdown_with_nothing_to_ship_exits_after_the_quiet_period() -> None:
    assert warm().shutdown(11).until(20).told == ["11.15 exit lost 0"]


@pytest.mark.holds("shutdown: SHUTDOWN may come before any INVOKE")
def test_shutdown_may_be_the_first_event_of_all() -> None:
    assert Story().shutdown(1).until(20).told == ["1.15 exit lost 0"]


@pytest.mark.holds("shutdown: SHUTDOWN may come before any INVOKE")
def test_shutdown_before_any_invoke_ships_what_the_platform_said() -> None:
    story = Story().post(0.5, platform("initStart", "")).shutdown(1).until(1.2).stored(1.2)
    assert story.told == ["1.15 upload 1 shutdown(1)", "1.2 exit lost 0"]


@pytest.mark.holds("shutdown: late batches are accepted until the platform is quiet, for half of the budget at most")
def test_a_drain_that_is_never_quiet_ends_at_half_of_the_budget() -> None:
    story = warm().shutdown(11)
    for number in range(1, 12):
        story.logs(11 + number / 10)
    assert story.told == ["11.95 upload 2 shutdown(9)"]
    assert story.stored(12.11).stored(12.2).told[1:] == ["12.11 upload 3 shutdown(2)", "12.2 exit lost 0"]


@pytest.mark.holds("shutdown: late batches are accepted until the platform is quiet, for half of the budget at most")
def test_what_comes_during_the_last_upload_is_shipped_after_it() -> None:
    story = warm().logs(10).shutdown(11).until(11.2).logs(11.25).logs(11.26).stored(11.3).stored(11.4)
    assert story.told == ["11.15 upload 2 shutdown(1)", "11.3 upload 3 shutdown(2)", "11.4 exit lost 0"]


def test_a_chunk_due_at_shutdown_goes_up_beside_the_drain() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).shutdown(11).stored(11.05).logs(11.1).until(11.3).stored(11.3)
    assert story.told == ["11 upload 2 bytes(1)", "11.25 upload 3 shutdown(1)", "11.3 exit lost 0"]


@pytest.mark.holds("circuit: retries stay within the budget of the hold or of SHUTDOWN")
@pytest.mark.holds("shutdown: the last upload may take what is left of the deadline, less a reserve")
def test_a_failing_store_is_tried_again_and_again_and_what_is_left_is_counted_inside_the_budget() -> None:
    story = warm().logs(10).shutdown(11)
    for moment in (11.2, 11.4, 11.6, 12.0, 12.4, 12.8):
        story.failed(moment)
    story.until(60)
    assert story.told[:4] == [
        "11.15 upload 2 shutdown(1)",
        "11.2 say warning",
        "11.3 upload 2 shutdown(1)",
        "11.5 upload 2 shutdown(1)",
    ]
    assert story.told[-1] == "12.9 exit lost 1"
    assert story.ledger == (2, 1, 1)
    assert story.core.counters.lost_bytes > 0


@pytest.mark.holds("shutdown: the last upload may take what is left of the deadline, less a reserve")
def test_a_silent_store_cannot_keep_the_process_beyond_its_budget() -> None:
    told = warm().logs(10).shutdown(11).until(60).told
    assert told == ["11.15 upload 2 shutdown(1)", "11.783 abandon", "12.9 exit lost 1"]


@pytest.mark.holds("shutdown: an attempt without an answer is abandoned after a third of the budget and repeated")
def test_a_stalled_attempt_at_shutdown_is_repeated_under_the_same_key_while_there_is_time() -> None:
    story = warm().logs(10).shutdown(11).until(11.8).failed(11.8, StoreError.ABANDONED).stored(11.9)
    assert story.told == [
        "11.15 upload 2 shutdown(1)",
        "11.783 abandon",
        "11.8 upload 2 shutdown(1)",
        "11.9 exit lost 0",
    ]


def test_a_store_that_has_not_answered_before_is_not_taken_for_a_slow_one() -> None:
    story = Story().logs(10).shutdown(11).until(11.8).failed(11.8, StoreError.ABANDONED).stored(11.9)
    assert story.told == [
        "11.15 upload 1 shutdown(1)",
        "11.783 abandon",
        "11.8 upload 1 shutdown(1)",
        "11.9 exit lost 0",
    ]


@pytest.mark.holds("shutdown: an attempt without an answer is abandoned after a third of the budget and repeated")
def test_the_second_attempt_has_all_the_time_that_is_left() -> None:
    story = warm().logs(10).shutdown(11).until(11.8).failed(11.8, StoreError.ABANDONED).until(12.8).stored(12.8)
    assert story.told == [
        "11.15 upload 2 shutdown(1)",
        "11.783 abandon",
        "11.8 upload 2 shutdown(1)",
        "12.8 exit lost 0",
    ]


@pytest.mark.parametrize("seconds", [0.3, 0.65, 1.0, 1.3])
def test_a_large_object_has_the_time_that_sending_it_takes(seconds: float) -> None:
    story = warm(SHIP_RATE_BYTES=MAX_SHIP_RATE_BYTES).logs(10, *["x" * 3000] * 1000).shutdown(11)
    story.until(11.15 + seconds).stored(11.15 + seconds)
    assert "abandon" not in " ".join(story.told)
    assert story.told[-1].endswith("exit lost 0")


def test_an_answer_that_was_read_after_a_freeze_says_nothing_about_the_stores_speed() -> None:
    story = busy().logs(11, LONG).until(11.5).freeze(600).stored(611.6).forget()
    story.logs(612).shutdown(613).until(620)
    assert story.told == ["613.15 upload 3 shutdown(1)", "613.783 abandon", "614.9 exit lost 1"]


def test_one_that_began_before_shutdown_has_a_third_of_the_budget_from_then_on() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(10.9, LONG).shutdown(11).until(12)
    assert story.told[:3] == ["10 release r1", "10.9 upload 2 bytes(1)", "11.633 abandon"]


def test_a_store_that_is_known_to_be_slow_has_twice_the_time_of_its_last_answer() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10, timeout=900).logs(10, LONG).stored(10.8).logs(10.9, "the last")
    story.shutdown(11).until(12.6).stored(12.6)
    assert story.told[-2:] == ["11.15 upload 3 shutdown(1)", "12.6 exit lost 0"]


@pytest.mark.holds("shutdown: the last upload may take what is left of the deadline, less a reserve")
@pytest.mark.parametrize(
    ("budget", "exits"), [(2.0, 12.9), (1.4, 12.3), (0.3, 11.2), (0.05, 11), (0, 11), (-100, 11), (900, 12.9)]
)
def test_the_deadline_less_a_margin_bounds_everything_and_an_odd_one_is_clamped(budget: float, exits: float) -> None:
    story = warm().logs(10).shutdown(11, budget=budget).until(60)
    assert story.told[-1] == f"{exits:g} exit lost 1"


def test_an_upload_in_flight_at_shutdown_is_waited_for() -> None:
    story = busy().logs(11, LONG).logs(11.1).shutdown(11.2).until(11.4).stored(11.5).stored(11.6)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 upload 3 shutdown(1)", "11.6 exit lost 0"]


def test_an_unknown_upload_is_settled_at_shutdown() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11).done("r1", 11.6)
    story.failed(12, StoreError.TRANSPORT).until(15)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1"]
    story.forget().shutdown(15).stored(15.05).until(15.2).stored(15.3)
    assert story.told == ["15 upload 2 bytes(1)", "15.15 upload 3 shutdown(1)", "15.3 exit lost 0"]


def test_an_unknown_upload_that_ends_during_shutdown_is_tried_again_within_it() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11).done("r1", 11.6).until(15).forget()
    story.shutdown(15).failed(15.05, StoreError.TRANSPORT).until(15.3)
    assert story.told == ["15.15 upload 2 bytes(1)"]


def test_a_thaw_at_shutdown_abandons_the_old_connection_and_ships_on_a_new_one() -> None:
    story = busy().logs(11, LONG).until(11.5).freeze(600).shutdown(611.5).failed(611.6, StoreError.ABANDONED)
    story.stored(611.7).until(612)
    assert story.told == [
        "11 upload 2 bytes(1)",
        "611.5 abandon",
        "611.6 upload 2 bytes(1)",
        "611.7 exit lost 0",
    ]


@pytest.mark.holds("shutdown: SIGTERM counts as SHUTDOWN, and the event that follows does not lengthen the budget")
def test_sigterm_in_the_middle_of_a_hold_releases_drains_and_exits() -> None:
    story = Story().invoke("r1", 0).logs(1).shutdown(1.2, reason="sigterm").until(1.4).stored(1.4)
    assert story.told == ["1.2 release r1", "1.35 upload 1 shutdown(1)", "1.4 exit lost 0"]


@pytest.mark.holds("shutdown: SIGTERM counts as SHUTDOWN, and the event that follows does not lengthen the budget")
def test_sigterm_and_then_shutdown_do_not_lengthen_the_budget() -> None:
    story = warm().logs(10).shutdown(11, reason="sigterm").shutdown(12).until(60)
    assert story.told[-1] == "12.9 exit lost 1"


@pytest.mark.holds("shutdown: if the circuit is open, everything that waits is uploaded at once")
def test_shutdown_in_a_circuit_break_ships_all_that_waits_without_waiting_for_a_probe() -> None:
    story = busy().logs(11, LONG).failed(11.1).failed(11.4).failed(11.9).logs(12, LONG).forget()
    assert story.until(13).told == []
    story.shutdown(13).stored(13.05).until(13.2).stored(13.2)
    assert story.told == ["13 upload 2 bytes(1)", "13.05 say info", "13.05 upload 3 bytes(1)", "13.2 exit lost 0"]


def test_shutdown_and_then_sigterm_exit_once() -> None:
    story = warm().shutdown(11).shutdown(11.1, reason="sigterm").until(60)
    assert [line for line in story.told if "exit" in line] == ["11.25 exit lost 0"]


def test_nothing_comes_after_the_exit() -> None:
    story = warm().shutdown(11).until(12).forget()
    assert story.logs(12, LONG).invoke("r1", 13).shutdown(14).until(60).told == []
    assert story.core.wake_at() is None


def test_records_that_come_while_the_environment_rests_are_shipped_at_shutdown() -> None:
    story = warm().logs(10, "the report of the last invocation").until(600).shutdown(600).stored(600.1).until(601)
    assert story.told == ["600 upload 2 age(1)", "600.15 exit lost 0"]


# Managed Instances


@pytest.mark.holds("variants: Managed Instances: time drives shipping and retries")
def test_on_managed_instances_age_alone_ships_though_no_invoke_ever_comes() -> None:
    story = Story(managed=True).logs(1).until(20).stored(20)
    assert story.told == ["11 upload 1 age(1)"]


@pytest.mark.holds("variants: Managed Instances: the invoke threshold counts `platform.start`")
def test_on_managed_instances_an_invocation_counts_when_its_start_arrives() -> None:
    story = Story(managed=True, SHIP_RATE_INVOKES=3)
    for number in range(3):
        story.post(1 + number / 10, platform("start", f"r{number}"))
    assert story.told == ["1.2 upload 1 invokes(3)"]


@pytest.mark.holds("variants: Managed Instances: the invoke threshold counts `platform.start`")
def test_elsewhere_a_start_is_not_an_invocation() -> None:
    story = warm(SHIP_RATE_INVOKES=3).invoke("r1", 10)
    for number in range(5):
        story.post(10.1, platform("start", f"r{number}"))
    assert story.told == ["10 release r1"]


# what is learnt on the way


def test_the_functions_arn_is_learnt_from_the_first_invoke_and_kept() -> None:
    story = Story().invoke("r1", 0).done("r1", 0.1).until(0.2)
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:orders-api"
    assert story.chunks["1"].chunk.metadata["function-arn"] == arn


def test_an_invoke_makes_its_id_known_to_the_reader() -> None:
    story = Story().invoke("r1", 0).logs(0.05, "[INFO]\tt\tr1\thello\n").done("r1", 0.1).until(0.2)
    assert b'"requestId":"r1"' in first_line(story.chunks["1"].chunk.body)


def test_a_post_of_nothing_is_no_record_and_a_post_of_garbage_is_one() -> None:
    story = warm().post(11)
    assert story.core.waiting_records == 0
    story.core.handle(events.LogsReceived(b"garbage"), at(11))
    assert (story.core.waiting_records, story.core.counters.unparsed) == (1, 1)


@pytest.mark.parametrize(("arrived", "time"), [(EPOCH, "2026-11-25T12:00:00.000Z"), (0.0, "2026-11-25T12:00:11.000Z")])
def test_what_cannot_be_read_has_the_time_of_its_arrival_or_else_of_now(arrived: float, time: str) -> None:
    story = busy().event(11, events.LogsReceived(b"garbage" + b"?" * 200, 0, arrived))
    assert f'"time":"{time}"'.encode() in first_line(story.chunks["2"].chunk.body)
