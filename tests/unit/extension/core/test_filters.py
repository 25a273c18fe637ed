"""Filters in a lifecycle: what is left of a batch, what the report says of the rest, what the journal may forget."""

from __future__ import annotations

import json

import pytest

from extension import events
from extension.core import recovery
from extension.records import objects
from extension.records.body import Body
from tests.unit.extension.build import at, core, function_line, logs, platform, told
from tests.unit.extension.core.story import Story, warm


def reports(story: Story) -> list[dict[str, object]]:
    found = []
    for upload in story.chunks.values():
        assert isinstance(upload.chunk.body, bytes)
        found += [line for line in objects.decode(upload.chunk.body) if line["type"] == "extension.report"]
    return [one["record"] for one in found]  # type: ignore[misc]


def test_filtered_records_are_received_and_neither_shipped_nor_lost() -> None:
    story = Story(EXCLUDE="^drop").invoke("r1", 0)
    story.post(0.1, function_line("drop 1"), function_line("keep"), function_line("drop 2")).done("r1", 1).stored(1.1)
    story.shutdown(2).until(3)
    counts = {name: story.figures[name] for name in ("received", "shipped", "filtered", "waiting", "lost")}
    assert counts["filtered"] == 2
    assert counts["received"] == sum(int(str(counts[name])) for name in ("shipped", "filtered", "waiting", "lost"))


def test_the_first_object_after_a_record_was_filtered_says_so_and_no_other_one_until_the_end() -> None:
    story = warm(EXCLUDE="^drop", SHIP_RATE_INVOKES=2)
    for number in range(1, 7):
        story.invoke(f"i{number}", 20 + number).post(20.1 + number, function_line("drop"), function_line("keep"))
        story.done(f"i{number}", 20.2 + number).until(20.3 + number)
        if story.core.in_flight:
            story.stored(20.4 + number)
    told_of = [one["filtered"] for one in reports(story)]
    assert len(told_of) == 1
    assert len(story.chunks) > 2


def test_without_filters_the_report_has_the_members_it_had() -> None:
    assert {"filtered", "redacted"}.isdisjoint(core().counters.as_dict(0))
    assert {"filtered", "redacted"} <= set(core(REDACT="email").counters.as_dict(0))


def test_what_was_redacted_is_counted() -> None:
    made = core(REDACT="email")
    made.handle(logs(function_line("bob@x.io"), function_line("x")), at(0))
    assert made.counters.as_dict(0)["redacted"] == 1


@pytest.mark.parametrize("mode", ["thresholds", "adaptive"])
@pytest.mark.holds("filters: what is filtered to nothing makes no object, and nobody is held for one")
def test_an_invocation_of_which_nothing_is_left_makes_no_object(mode: str) -> None:
    story = Story(EXCLUDE=".", LOG_TYPES='["function"]', MODE=mode).invoke("r1", 0).logs(0.5).done("r1", 1).until(2)
    assert story.told == ["1.025 release r1"]
    story.invoke("r2", 3).logs(3.5).done("r2", 4).until(500)
    assert [line for line in story.told if " upload " in line] == []
    assert [line for line in story.told if " release " in line][1:] == [
        "3 release r2" if mode == "thresholds" else "4.025 release r2"
    ]


def test_invocations_count_although_nothing_of_them_is_left() -> None:
    story = Story(EXCLUDE="^drop", SHIP_RATE_INVOKES=3, LOG_TYPES='["function"]')
    for number in range(1, 4):
        story.invoke(f"i{number}", 20 * number).post(20.1 * number, function_line("drop" if number < 3 else "keep"))
        story.done(f"i{number}", 20.1 * number + 1)
    assert [line.split()[1:] for line in story.until(70).told if " upload " in line] == [["upload", "1", "invokes(1)"]]


# the journal


def body(*texts: str) -> bytes:
    return json.dumps([function_line(text) for text in texts]).encode()


def test_the_journal_may_forget_what_filters_have_left_nothing_of() -> None:
    made = core(EXCLUDE="^drop", LOG_TYPES='["function"]', managed=True)
    made.limit_journalled(1000)
    start = json.dumps([platform("start", "r1")]).encode()
    assert made.handle(events.LogsReceived(start, 1), at(0)) == []
    assert made.handle(events.LogsReceived(body("drop" + "x" * 400), 2), at(1)) == []
    (action,) = made.handle(events.LogsReceived(body("drop" + "x" * 400), 3), at(2))
    assert isinstance(action, events.PassOver)
    assert (action.first, action.last) == (1, 3)
    assert action.state.request_id == "r1"  # what the forgotten entries told
    assert action.state.sequence == 0
    assert made.handle(events.LogsReceived(body("drop"), 4), at(3)) == []


def test_a_chunk_of_which_filters_leave_little_is_due_before_it_fills_the_journal() -> None:
    made = core(EXCLUDE="^drop", SHIP_RATE_BYTES=100_000, managed=True)
    made.limit_journalled(1000)
    assert made.handle(events.LogsReceived(body("keep"), 1), at(0)) == []
    (upload,) = made.handle(events.LogsReceived(body("drop" + "x" * 900), 2), at(1))
    assert isinstance(upload, events.Upload)
    assert upload.chunk.metadata["reason"] == "bytes"
    assert upload.chunk.seal.entries == (1, 2)


def test_nothing_is_passed_over_while_another_chunk_waits_without_a_seal() -> None:
    made = core(EXCLUDE="^drop", SHIP_RATE_BYTES=1, LOG_TYPES='["function"]', managed=True)
    made.limit_journalled(100)
    (upload,) = made.handle(events.LogsReceived(body("keep"), 1), at(0))
    assert isinstance(upload, events.Upload)
    assert made.handle(events.LogsReceived(body("drop" + "x" * 900), 2), at(1)) == []
    made.seal_written(upload.chunk.key)
    (action,) = made.handle(events.LogsReceived(body("drop"), 3), at(2))
    assert isinstance(action, events.PassOver)
    assert (action.first, action.last) == (2, 3)


@pytest.mark.parametrize(
    "others", [{}, {"EXCLUDE": "keep"}, {"REDACT_PATTERN": "."}, {"EXCLUDE": "(", "REDACT": "card"}]
)
@pytest.mark.parametrize("own", [{}, {"EXCLUDE": "^drop", "REDACT": "email"}, {"REDACT_PATTERN": r"(a)\1"}])
@pytest.mark.holds("filters: a chunk that is made again has the same bytes, whatever the filters of that process are")
def test_a_process_with_other_filters_makes_the_same_bytes_again(own: dict[str, str], others: dict[str, str]) -> None:
    made = core(SHIP_RATE_BYTES=1, managed=True, **own)  # type: ignore[arg-type]  # these are settings
    read = body("drop me", "keep bob@x.io", "x")
    (upload,) = made.handle(events.LogsReceived(read, 1, 1.0), at(0))
    assert isinstance(upload, events.Upload)
    again = recovery.Rebuilding(
        upload.chunk.seal,
        told(**others),
        objects.Origin("orders-api", "$LATEST", "0123456789ab"),
        "0123456789ab",
        lambda: Body(gzip=False),
    )
    again.push(1, 1.0, read)
    verdict = again.verdict()
    assert isinstance(verdict, recovery.Rebuilt)
    assert (verdict.chunk.key, verdict.chunk.body) == (upload.chunk.key, upload.chunk.body)
    assert verdict.unrecovered == 0
