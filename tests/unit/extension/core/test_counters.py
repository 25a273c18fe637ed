"""Received = shipped + waiting + lost; what is news goes into the next object; the last line adds up."""

import pytest

from extension import events
from extension.core import recovery
from extension.core.batcher import CHUNK_BYTES
from extension.core.counters import REPORT, Counters
from extension.errors import StoreError
from extension.records import objects
from tests.unit.extension.build import function_line, logs, platform
from tests.unit.extension.core.story import Story, warm

LONG = "x" * 200


def report(story: Story, number: str) -> dict[str, object]:
    """The figures in the last line of an object; empty if that is no report."""
    body = story.chunks[number].chunk.body
    assert isinstance(body, bytes)
    *others, last = objects.decode(body)
    assert [line["type"] for line in others if line["type"] == REPORT] == []
    record = last["record"]
    return record if last["type"] == REPORT and isinstance(record, dict) else {}


def busy(**values: object) -> Story:
    return warm(SHIP_RATE_BYTES=200, **values).invoke("r1", 10, timeout=900)


def test_a_batch_that_nobody_read_counts_as_neither_unparsed_nor_dropped_by_the_platform() -> None:
    story = busy().event(11, events.BatchDropped(3, 500)).shutdown(12).until(20)
    names = ("received", "lost", "lostBytes", "unparsed", "droppedByPlatform")
    assert [story.figures[name] for name in names] == [4, 3, 500, 0, 0]


def test_what_an_earlier_process_left_and_nothing_can_read_is_lost_without_a_size() -> None:
    story = Story()
    story.core.recover(recovery.Poison(1, 2, 7, bodies=2))
    story.shutdown(1).until(20)
    names = ("received", "lost", "lostBytes", "unparsed", "droppedByPlatform")
    assert [story.figures[name] for name in names] == [7, 7, 0, 0, 0]


@pytest.mark.holds("accounts: a report goes into the next object, once, if counters changed")
def test_an_object_without_news_has_no_report() -> None:
    assert report(busy().logs(11, LONG), "2") == {}


def test_at_the_start_every_count_is_zero_and_that_is_no_news() -> None:
    counters = Counters()
    assert set(counters.as_dict(0).values()) == {0}
    assert not counters.changed_since_report


NEWS = {
    "lost": 3,
    "dropped": 4,
    "unparsed": 5,
    "duplicate_bodies": 6,
    "refused": 7,
    "torn": 8,
    "retries": 9,
    "errors": 10,
    "reason": "timeout",
}
TOLD = {
    "lost": "lost",
    "dropped": "droppedByPlatform",
    "unparsed": "unparsed",
    "duplicate_bodies": "duplicateBodies",
    "refused": "refusedRequests",
    "torn": "tornBytes",
    "retries": "retries",
    "errors": "errors",
    "reason": "shutdownReason",
}


@pytest.mark.holds("accounts: a report goes into the next object, once, if counters changed")
@pytest.mark.parametrize("name", NEWS)
def test_news_goes_into_the_next_object_and_only_into_that(name: str) -> None:
    story = busy()
    setattr(story.core.counters, name, NEWS[name])
    story.logs(11, LONG).stored(11.1).logs(12, LONG)
    assert report(story, "2")[TOLD[name]] == NEWS[name]
    assert report(story, "3") == {}


@pytest.mark.holds("accounts: a report is a record of type `extension.report`, numbered as the next record")
def test_a_report_is_numbered_as_the_next_record_and_counts_in_no_ledger() -> None:
    story = busy().post(10.5, platform("logsDropped", "", droppedRecords=3)).logs(11, LONG).stored(11.1)
    story.logs(12, LONG).stored(12.1)
    lines = [objects.decode(story.chunks[number].chunk.body) for number in "23"]  # type: ignore[arg-type]
    assert [line["sequence"] for lines_ in lines for line in lines_] == [2, 3, 4, 5]
    assert lines[0][-1]["type"] == REPORT == "extension.report"
    assert lines[0][-1]["environment"] == "0123456789ab"
    assert (lines[0][-1]["time"], lines[0][-1]["requestId"]) == ("2026-11-25T12:00:11.000Z", None)
    assert story.chunks["2"].chunk.metadata["records"] == "3"
    assert story.chunks["2"].chunk.records == 2
    assert story.ledger == (4, 4, 0)


@pytest.mark.holds("accounts: drops, PUTs, retries and held milliseconds are in the reports and in the last line")
def test_what_the_platform_dropped_puts_retries_and_held_milliseconds_are_told() -> None:
    story = warm(SHIP_RATE_BYTES=200).logs(10, LONG).invoke("r1", 11).failed(11.3).until(12)
    story.post(12, platform("logsDropped", "", droppedRecords=7)).stored(12.1).logs(12.2, LONG).stored(12.3)
    story.shutdown(13).until(20)
    for told, puts in ((report(story, "3"), 3), (story.figures, 4)):
        assert (told["droppedByPlatform"], told["puts"], told["retries"]) == (7, puts, 1)
        assert told["heldMs"] == 25 + 75 + 300


def test_the_wait_for_the_end_of_a_handler_is_told_as_held_too() -> None:
    assert Story().invoke("r1", 0, timeout=900).until(60).core.counters.as_dict(0)["heldMs"] == 10_000


@pytest.mark.holds("accounts: the last object has a report, even if no counter changed")
def test_the_last_object_has_a_report_with_or_without_news() -> None:
    story = warm().logs(10).shutdown(11).until(11.2).stored(11.2)
    told = report(story, "2")
    assert (told["received"], told["shipped"], told["waiting"], told["lost"]) == (2, 1, 1, 0)
    assert story.told[-1] == "11.2 exit lost 0"
    assert (story.figures["lost"], story.figures["lostBytes"]) == (0, 0)


@pytest.mark.holds("shutdown: within the reserve, one line reports what was not shipped: records, bytes, reason")
def test_one_line_at_the_end_adds_up() -> None:
    story = warm().logs(10).event(10.5, events.BatchDropped(3, 700)).shutdown(11).until(11.5)
    story.body(11.6, logs(function_line("hello")).body, serial=5).until(60)
    assert story.told == ["11.15 upload 2 shutdown(1)", "11.783 abandon", "12.9 exit lost 2"]
    assert story.figures["received"] == 6
    assert (story.figures["shipped"], story.figures["waiting"], story.figures["lost"]) == (1, 0, 5)
    assert story.figures["lostBytes"] == 700 + 2 * story.chunks["2"].chunk.raw_bytes


@pytest.mark.holds(
    "accounts: a batch that the full queue drops and no journal holds is reported and counted as lost: records, bytes"
)
def test_a_batch_that_the_full_queue_gave_up_is_counted_as_received_and_lost() -> None:
    story = warm().event(10, events.BatchDropped(3, 700))
    assert story.ledger == (4, 1, 3)
    told = report(story.logs(10.1).invoke("r1", 60), "2")
    assert (told["received"], told["lost"], told["lostBytes"]) == (5, 3, 700)


@pytest.mark.holds("shutdown: a timeout or failure is recorded with the request that it hit")
@pytest.mark.parametrize("reason", ["timeout", "failure"])
def test_the_reason_of_a_reset_is_told_with_the_request_it_hit(reason: str) -> None:
    story = warm().invoke("r7", 10).logs(10.1).shutdown(11, reason=reason).until(11.2).stored(11.2)
    told = report(story, "2")
    assert (told["shutdownReason"], told["requestId"]) == (reason, "r7")
    assert objects.decode(bytes(story.chunks["2"].chunk.body))[-1]["requestId"] == "r7"  # type: ignore[arg-type]
    assert (story.figures["shutdownReason"], story.figures["requestId"]) == (reason, "r7")


@pytest.mark.holds("shutdown: a timeout or failure is recorded with the request that it hit")
@pytest.mark.parametrize("reason", ["spindown", "sigterm"])
def test_an_end_that_hit_no_request_names_none(reason: str) -> None:
    story = warm().logs(10).shutdown(11, reason=reason).until(11.2).stored(11.2)
    assert "shutdownReason" not in report(story, "2")
    assert "requestId" not in story.figures


@pytest.mark.holds("shutdown: at a reset, what the journal holds is left to the next process, and the rest is lost")
def test_after_a_reset_what_the_journal_holds_is_left_to_the_next_process_and_the_rest_is_lost() -> None:
    kept = b'[{"type":"function","record":"kept"},{"type":"function","record":"kept too"}]'
    story = warm().body(10, kept, serial=5).logs(10.1, "in memory alone").shutdown(11, reason="timeout").until(60)
    assert story.told[-1] == "12.9 exit lost 1"
    assert (story.figures["waiting"], story.figures["lost"]) == (2, 1)
    assert 0 < int(str(story.figures["lostBytes"])) < story.chunks["2"].chunk.raw_bytes / 2


@pytest.mark.holds("shutdown: at a reset, what the journal holds is left to the next process, and the rest is lost")
def test_what_a_written_seal_tells_of_is_missed_by_the_next_process_if_it_cannot_be_read_again() -> None:
    kept = b'[{"type":"function","record":"kept"}]'
    story = warm().body(10, kept, serial=5).logs(10.1, "in memory alone").shutdown(11, reason="timeout").until(11.2)
    story.core.seal_written(story.chunks["2"].chunk.key)
    assert story.until(60).told[-1] == "12.9 exit lost 0"
    assert (story.figures["waiting"], story.figures["lost"]) == (2, 0)


@pytest.mark.holds("shutdown: within the reserve, one line reports what was not shipped: records, bytes, reason")
def test_the_last_line_says_why_it_is_lost() -> None:
    assert warm().logs(10).shutdown(11).until(60).figures["why"] == "the deadline came before an answer of the store"
    refused = refused_to_the_end(warm().logs(10).shutdown(11).until(11.2))
    assert refused.figures["why"] == "scripted"
    reset = warm().logs(10, "in memory alone").shutdown(11, reason="timeout").until(60)
    assert reset.figures["why"] == "the journal does not hold it"
    assert "why" not in warm().shutdown(11).until(60).figures


def refused_to_the_end(story: Story) -> Story:
    for hundredths in range(1120, 1290, 5):
        story.failed(hundredths / 100, StoreError.THROTTLED)
    assert story.until(60).told[-1] == "12.9 exit lost 1"
    return story


@pytest.mark.holds("shutdown: the last line names the keys under which lost records may be stored all the same")
@pytest.mark.parametrize("kind", [StoreError.TRANSPORT, StoreError.SERVER, StoreError.ABANDONED])
def test_the_last_line_names_the_key_of_what_may_be_stored_all_the_same(kind: str) -> None:
    story = refused_to_the_end(warm().logs(10).shutdown(11).until(11.2).failed(11.2, kind))
    assert story.figures["perhapsStored"] == {story.chunks["2"].chunk.key: 1}


@pytest.mark.holds("shutdown: the last line names the keys under which lost records may be stored all the same")
def test_so_it_does_for_an_attempt_that_is_not_answered_at_the_end() -> None:
    story = warm().logs(10).shutdown(11).until(60)
    assert story.figures["perhapsStored"] == {story.chunks["2"].chunk.key: 1}


@pytest.mark.holds("shutdown: the last line names the keys under which lost records may be stored all the same")
def test_what_was_refused_at_every_attempt_is_lost_for_certain() -> None:
    story = refused_to_the_end(warm().logs(10).shutdown(11).until(11.2))
    assert "perhapsStored" not in story.figures


@pytest.mark.holds("shutdown: at a reset, what the journal holds is left to the next process, and the rest is lost")
def test_after_a_spin_down_nobody_comes_and_all_of_it_is_lost() -> None:
    kept = b'[{"type":"function","record":"kept"}]'
    assert warm().body(10, kept, serial=5).shutdown(11).until(60).told[-1] == "12.9 exit lost 1"


@pytest.mark.holds("accounts: received = shipped + filtered + waiting + lost, at all times")
def test_a_chunk_on_its_way_counts_as_waiting_until_it_is_answered() -> None:
    story = busy().logs(11, LONG)
    assert story.core.waiting_records == 1
    story.failed(11.1, StoreError.SERVER)
    assert story.core.waiting_records == 1
    assert story.until(12).stored(12).core.waiting_records == 0


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
def test_a_record_of_which_the_rest_never_came_is_counted_as_unparsed_and_shipped() -> None:
    cut = b'[{"time":"2026-11-20T09:15:02.150Z","type":"function","record":{"message":"AAA}]'
    story = busy().body(11, cut).until(11.9)
    assert story.core.waiting_records == 0
    story.until(12.1)
    assert (story.core.waiting_records, story.core.counters.unparsed) == (1, 1)


def test_only_what_is_in_flight_at_the_end_is_perhaps_stored() -> None:
    story = busy().logs(11, LONG).logs(11.1, "x" * CHUNK_BYTES).shutdown(11.2, budget=0)
    assert story.told[-1] == "11.2 exit lost 2"
    assert story.figures["perhapsStored"] == {story.chunks["2"].chunk.key: 1}


def test_what_was_closed_before_a_snapshot_may_have_been_stored_by_another_copy() -> None:
    story = Story(SHIP_RATE_BYTES=9 * 1024 * 1024, restored=[].clear)
    for number in range(10):
        story.logs(number / 100, "x" * 1024 * 1024)
    story.shutdown(1, budget=0)
    (key,) = (key for key in story.figures["perhapsStored"])  # type: ignore[attr-defined]
    assert story.figures["perhapsStored"] == {key: 9}
    assert story.told[-1] == "1 exit lost 10"


def test_the_bytes_that_are_lost_are_those_of_the_records_that_are() -> None:
    sizes = {}
    for reason, lost in (("timeout", 1), ("spindown", 3)):
        kept = b'[{"type":"function","record":"kept"},{"type":"function","record":"kept too"}]'
        story = warm().body(10, kept, serial=5).logs(10.1, "in memory alone").shutdown(11, budget=0, reason=reason)
        assert story.told[-1] == f"11 exit lost {lost}"
        sizes[reason] = int(str(story.figures["lostBytes"]))
    assert 0 < sizes["timeout"] < sizes["spindown"]
