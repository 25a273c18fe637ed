"""SnapStart, Managed Instances, provisioned concurrency, very short and very long invocations, and odd clocks."""

import json

import pytest

from extension import events
from extension.records import objects
from tests.unit.extension.build import at, function_line, platform
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200


# SnapStart


@pytest.mark.holds("variants: SnapStart: each restored copy has an environment id of its own")
def test_the_environment_is_drawn_anew_at_the_first_invoke_after_a_restore_and_only_then() -> None:
    drawn: list[float] = []
    story = Story(restored=lambda: drawn.append(1))
    story.logs(1).until(7200)
    assert drawn == []
    story.invoke("r1", 7200).done("r1", 7200.1).until(7201).stored(7201).invoke("r2", 7202)
    assert drawn == [1]


@pytest.mark.holds("variants: SnapStart: each restored copy has an environment id of its own")
def test_what_the_snapshot_logged_keeps_its_environment_and_what_follows_has_the_new_one() -> None:
    origin = objects.Origin("orders-api", "$LATEST", "0123456789ab")

    def restored() -> None:
        origin.environment = "restored0001"

    story = Story(restored=restored, origin=origin)
    story.logs(1, "of the snapshot").invoke("r1", 7200).logs(7200.1, "after it").done("r1", 7200.2)
    story.stored(7200.3).stored(7200.4)
    first, second = (objects.decode(story.chunks[number].chunk.body) for number in "12")  # type: ignore[arg-type]
    assert {line["environment"] for line in first} == {"0123456789ab"}
    assert {line["environment"] for line in second} == {"restored0001"}
    assert story.chunks["1"].chunk.metadata["environment"] == "0123456789ab"
    seals = [story.chunks[number].chunk.seal for number in "12"]
    assert [seal.environment for seal in seals if seal] == ["0123456789ab", "restored0001"]


def test_without_a_snapshot_nothing_is_redrawn_and_the_first_object_has_all_of_it() -> None:
    story = Story().logs(1, "init").invoke("r1", 2).done("r1", 3).until(3.1)
    assert story.told == ["3.025 upload 1 first(2)"]


# provisioned concurrency


@pytest.mark.holds("variants: provisioned concurrency: hours may pass between Init and the first invocation")
def test_hours_between_init_and_the_first_invocation_ship_nothing_hold_nothing_and_wake_nobody() -> None:
    assert Story(SHIP_RATE_BYTES=200).logs(1, LONG).until(6 * 3600).told == []
    story = Story().logs(1, "init").until(6 * 3600)
    assert story.told == []
    assert story.core.wake_at() is None
    story.invoke("r1", 6 * 3600).until(6 * 3600 + 0.1)
    assert story.told == ["21600 upload 1 age(1)"]  # at once, beside the handler
    story.stored(21600.2).done("r1", 21600.3).stored(21600.4)
    assert story.told[1:] == ["21600.3 upload 2 first(1)", "21600.4 release r1"]


# invocations of 5 ms and of 15 min


@pytest.mark.holds("variants: an invocation may last 5 ms or 15 min")
def test_a_thousand_invocations_of_5_ms_are_released_at_once_and_become_objects_of_ten() -> None:
    story = warm()
    for number in range(1000):
        begun = 10 + number / 100
        story.invoke(f"r{number}", begun).done(f"r{number}", begun + 0.005)
        if story.core.in_flight:
            story.stored(begun + 0.006)
    assert sum("release" in line for line in story.told) == 1000
    assert sum("upload" in line for line in story.told) == 100


@pytest.mark.holds("variants: an invocation may last 5 ms or 15 min")
def test_an_invocation_of_15_min_is_shipped_all_along_and_is_not_held() -> None:
    story = warm(SHIP_RATE_MILLISECONDS=60_000).invoke("r1", 10, timeout=900)
    for minute in range(15):
        story.logs(11 + 60 * minute).until(10 + 60 * (minute + 1))
        if story.core.in_flight:
            story.stored(10 + 60 * (minute + 1))
    assert story.told[0] == "10 release r1"
    assert sum("upload" in line for line in story.told) == 14


# clocks


@pytest.mark.holds("variants: age follows the larger of both clocks and never decreases")
def test_an_age_goes_by_the_larger_of_both_clocks() -> None:
    story = warm(SHIP_RATE_MILLISECONDS=1000).invoke("r1", 10).logs(10.1).until(10.2)
    story.freeze(0.95, monotonic=False)
    assert story.logs(10.3).told[-1] == "10.3 upload 2 age(2)"


@pytest.mark.holds("variants: age follows the larger of both clocks and never decreases")
def test_time_never_goes_back_when_somebody_sets_the_clock_back() -> None:
    story = warm(SHIP_RATE_MILLISECONDS=1000).invoke("r1", 10).logs(10.1).until(10.2)
    story.freeze(-3600.0, monotonic=False)
    assert story.until(20).told == ["10 release r1", "11.1 upload 2 age(1)"]


@pytest.mark.holds("variants: age follows the larger of both clocks and never decreases")
def test_neither_clock_going_back_undoes_what_has_passed() -> None:
    story = warm(SHIP_RATE_MILLISECONDS=1000).invoke("r1", 10).logs(10.1)
    core = story.core
    for moment in (at(10.6), at(10.2), at(10.3, wall=9.0)):
        core.handle(None, moment)
    actions = core.handle(None, at(10.8, wall=9.4))  # 0.5 + 0.1 + 0.5 s
    assert [type(action) for action in actions] == [events.Upload]


# a record that is cut in two, and the time between


def cut(value: str) -> bytes:
    return b'[{"time":"2026-11-20T09:15:02.150Z","type":"function","record":' + value.encode() + b"}]"


@pytest.mark.holds("input: the rest of an unfinished record is waited for up to a second; a freeze does not count")
def test_a_chunk_that_is_due_waits_up_to_a_second_for_the_rest_of_a_cut_record() -> None:
    due = json.dumps(function_line(LONG)).encode()
    first, second = b"[" + due + b"," + cut('{"message":"' + LONG)[1:], cut(LONG + '"}')
    for story in (warm(SHIP_RATE_BYTES=200).invoke("r1", 10), Story(SHIP_RATE_BYTES=200).invoke("r0", 10)):
        assert story.forget().body(11, first).until(11.9).told == []
        story.body(11.9, second)
        assert [line.partition(" bytes")[2] for line in story.told] == ["(2)"]
        (upload,) = [attempt for attempt in story.chunks.values() if attempt.chunk.metadata["reason"] == "bytes"]
        assert b"unparsed" not in bytes(upload.chunk.body)  # type: ignore[arg-type]


@pytest.mark.holds("input: the rest of an unfinished record is waited for up to a second; a freeze does not count")
def test_after_a_second_what_there_is_of_it_is_shipped() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).body(11, cut('{"message":"' + LONG)).until(20)
    assert story.told[1:] == ["12 upload 2 bytes(1)"]
    seal = story.chunks["2"].chunk.seal
    assert seal is not None
    assert seal.partial_at == (0,)


@pytest.mark.holds("input: the rest of an unfinished record is waited for up to a second; a freeze does not count")
def test_a_freeze_between_the_two_halves_does_not_count() -> None:
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).body(11, cut('{"message":"' + LONG)).done("r1", 11.0)
    assert story.core.reader.unfinished is False  # another body came first: it is given up
    story = warm(SHIP_RATE_BYTES=200).invoke("r1", 10).body(11, cut('{"message":"' + LONG)).until(11.2)
    story.freeze(600).invoke("r2", 611.3).body(611.4, cut(LONG + '"}'))
    assert b"unparsed" not in bytes(story.chunks["2"].chunk.body)  # type: ignore[arg-type]


@pytest.mark.holds("input: at the end, an unfinished record is shipped as it is, without waiting for the rest")
def test_at_the_end_of_the_drain_what_there_is_of_it_is_shipped_too() -> None:
    story = warm().shutdown(11).body(11.05, cut('{"message":"AA')).until(11.3).stored(11.3)
    assert story.told == ["11.2 upload 2 shutdown(1)", "11.3 exit lost 0"]


# Managed Instances


@pytest.mark.holds("variants: Managed Instances: the request id comes from the record")
def test_on_managed_instances_the_request_comes_from_the_record() -> None:
    starts = [platform("start", request) for request in ("r1", "r2")]
    story = Story(managed=True, SHIP_RATE_BYTES=1).post(1, *starts).stored(1.1)
    line: dict[str, object] = {"time": "t", "type": "function", "record": {"requestId": "r1", "message": "m"}}
    story.post(2, line)
    (shipped,) = objects.decode(story.chunks["2"].chunk.body)  # type: ignore[arg-type]
    assert shipped["requestId"] == "r1"


@pytest.mark.holds("variants: Managed Instances: time drives shipping and retries")
@pytest.mark.parametrize("records", [1, 5])
def test_on_managed_instances_a_retry_waits_for_no_event(records: int) -> None:
    story = Story(managed=True, SHIP_RATE_BYTES=1).logs(1, *["x"] * records).failed(1.1).until(5).stored(5)
    assert [line for line in story.told if "upload" in line] == [
        f"1 upload 1 bytes({records})",
        f"1.3 upload 1 bytes({records})",
    ]
