"""An upload in flight at the release: what its answer means then, and what a freeze does to it. Read with story.py."""

import pytest

from extension import events
from extension.errors import StoreError
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200  # one line of it crosses SHIP_RATE_BYTES=200


def due(**values: object) -> Story:
    """The first invocation is over, and a chunk is due that could not be uploaded: the environment may be frozen."""
    return warm(SHIP_RATE_BYTES=200, **values).logs(10, LONG)


# the answer


def test_a_late_answer_counts() -> None:
    story = due().invoke("r1", 11).until(12).stored(12.5)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1"]
    assert story.ledger == (2, 2, 0)


@pytest.mark.holds("circuit: a freeze says nothing about the store")
def test_an_unknown_upload_is_tried_again_after_the_next_event_with_the_same_key_and_without_a_word() -> None:
    story = due().invoke("r1", 11).until(12).failed(12.5, StoreError.TRANSPORT).until(60)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1"]
    assert story.invoke("r2", 61).stored(61.1).told[2:] == ["61 upload 2 bytes(1)", "61.1 release r2"]
    assert story.ledger == (2, 2, 0)


def test_what_is_logged_meanwhile_does_not_hurry_it() -> None:
    story = due().invoke("r1", 11).until(12).forget().failed(12.1, StoreError.TRANSPORT).logs(20).until(60)
    assert story.told == []


def test_an_unknown_upload_that_is_refused_is_a_failure_and_is_tried_again_beside_the_handler() -> None:
    story = due().invoke("r1", 11).until(12).forget().failed(12.1, StoreError.SERVER).until(13)
    assert story.told == ["12.1 say warning", "12.3 upload 2 bytes(1)"]


def test_what_follows_an_unknown_upload_is_known() -> None:
    story = due().invoke("r1", 11).until(12).failed(12.1, StoreError.TRANSPORT).invoke("r2", 13).forget()
    assert story.failed(13.1, StoreError.TRANSPORT).told == ["13.1 say warning", "13.1 release r2"]


def test_an_upload_still_in_flight_at_the_next_invoke_holds_it_until_it_is_answered() -> None:
    story = due().invoke("r1", 11).until(11.9).invoke("r2", 12).stored(12.2)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1", "12.2 release r2"]


def test_only_one_retry_at_a_time_and_only_when_the_old_attempt_has_ended() -> None:
    story = due().invoke("r1", 11).until(11.9).invoke("r2", 12).until(14)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1", "12.5 say error", "12.5 release r2"]


def test_the_answer_to_an_attempt_of_long_ago_changes_nothing() -> None:
    story = due().invoke("r1", 11).stored(11.1).logs(11.2, LONG).stored(11.3, attempt=2).until(11.4)
    assert story.told == ["11 upload 2 bytes(1)", "11.1 release r1", "11.2 upload 3 bytes(1)"]
    assert story.ledger == (3, 2, 0)


def test_the_failure_of_an_attempt_of_long_ago_ends_no_hold() -> None:
    story = due().invoke("r1", 11).event(11.1, events.UploadFailed(1, StoreError.TRANSPORT, "late")).until(12)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1"]


@pytest.mark.parametrize("held", [True, False])
def test_an_unknown_upload_that_ends_while_the_next_invocation_is_held_is_tried_again_beside_it(held: bool) -> None:  # noqa: FBT001
    story = due().invoke("r1", 11).until(11.9)
    if held:
        story.invoke("r2", 12)
    story.forget().failed(12.1, StoreError.TRANSPORT).until(60)
    assert story.told == (["12.1 release r2", "12.3 upload 2 bytes(1)"] if held else [])


# a thaw


@pytest.mark.holds("variants: SnapStart: connections are opened anew after the restore")
@pytest.mark.parametrize("monotonic", [True, False])
def test_a_wake_up_more_than_a_second_late_on_either_clock_is_a_thaw(monotonic: bool) -> None:  # noqa: FBT001
    story = due().invoke("r1", 11).until(12)
    story.freeze(600, monotonic=monotonic)
    resumed = 612 if monotonic else 12
    story.invoke("r2", resumed).failed(resumed + 0.1, StoreError.ABANDONED).stored(resumed + 0.2)
    assert story.told == [
        "11 upload 2 bytes(1)",
        "11.5 release r1",
        f"{resumed} abandon",
        f"{resumed + 0.1:g} upload 2 bytes(1)",
        f"{resumed + 0.2:g} release r2",
    ]
    assert story.messages == []
    assert story.ledger == (2, 2, 0)


@pytest.mark.holds("circuit: a freeze says nothing about the store")
def test_whatever_a_thawed_connection_says_is_no_failure_of_the_store() -> None:
    for kind in (StoreError.TRANSPORT, StoreError.SERVER, StoreError.ABANDONED, StoreError.CREDENTIALS):
        story = due().invoke("r1", 11).until(12).freeze(600).invoke("r2", 612).failed(612.1, kind)
        assert story.messages == []
        assert story.told[-1] == "612.1 upload 2 bytes(1)"  # at once: no back-off either


def test_a_thaw_beside_a_running_handler_lets_the_upload_begin_again_at_once() -> None:
    story = due().invoke("r1", 11).until(12).freeze(600).logs(612).forget().failed(612.1, StoreError.TRANSPORT)
    assert story.told == ["612.1 upload 2 bytes(1)"]


def test_what_follows_a_thawed_connection_counts_again() -> None:
    story = due().invoke("r1", 11).until(12).freeze(600).invoke("r2", 612).failed(612.1, StoreError.ABANDONED)
    assert story.forget().failed(612.2).told == ["612.2 say warning", "612.2 release r2"]


def test_two_freezes_during_one_upload_close_its_connection_once() -> None:
    story = due().invoke("r1", 11).until(12).freeze(600).invoke("r2", 612).freeze(600).invoke("r3", 1212)
    assert [line for line in story.told if "abandon" in line] == ["612 abandon"]


def test_an_answer_that_came_before_the_freeze_counts_after_it() -> None:
    story = due().invoke("r1", 11).until(12).freeze(600).invoke("r2", 612).stored(612.1).until(613)
    assert story.told == ["11 upload 2 bytes(1)", "11.5 release r1", "612 abandon", "612.1 release r2"]
    assert story.ledger == (2, 2, 0)


def test_a_wake_up_a_little_late_is_no_thaw() -> None:
    story = due().invoke("r1", 11).until(12).freeze(0.9).invoke("r2", 12.9).until(13)
    assert "abandon" not in " ".join(story.told)


def test_while_an_upload_is_in_flight_a_wake_up_each_second_shows_a_freeze_of_little_more_than_one() -> None:
    for late, thawed in ((0.99, False), (1.01, True)):
        story = due().invoke("r1", 11).until(12)
        assert story.core.wake_at() == pytest.approx(1012.5)  # a second after the release
        story.freeze(0.5 + late).invoke("r2", 12.5 + late)
        assert ("abandon" in story.told[-1]) is thawed


def test_a_thaw_with_nothing_in_flight_is_no_event() -> None:
    assert warm().freeze(600).invoke("r1", 610).told == ["610 release r1"]


def test_a_thaw_before_anything_was_logged_is_no_event_either() -> None:
    assert Story().invoke("r1", 0).freeze(600).done("r1", 600).until(601).told[-1] == "600 release r1"


def test_what_grew_old_in_a_freeze_that_stopped_the_monotonic_clock_is_due() -> None:
    story = warm().logs(10).until(10.5).freeze(600, monotonic=False).invoke("r1", 11).stored(11.1)
    assert story.told == ["11 upload 2 age(1)", "11.1 release r1"]
