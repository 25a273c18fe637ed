"""Lines of logs, ledgers and exports: what is read, what is tolerated, what is counted."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_batching.experiment.core import ledger
from adaptive_batching.experiment.core.evidence import COMPLAINTS, Evidence
from adaptive_batching.experiment.core.ledger import Entry
from adaptive_batching.experiment.core.observations import Kind, Observation, UnreadableError, of_record, of_text
from adaptive_batching.experiment.exports import add_page, pages
from adaptive_batching.experiment.objects import decoded
from adaptive_batching.logs.s3 import file_name
from extension.records.body import Body
from tests.unit.experiment.planted import World, shipped

REQUEST = "8b133862-5331-4ded-ac5d-1ad5da5aee81"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"START RequestId: {REQUEST} Version: $LATEST", Observation(Kind.START, REQUEST)),
        (f"START RequestId: {REQUEST}\tVersion: $LATEST", Observation(Kind.START, REQUEST)),
        (f'{{"requestId": "{REQUEST}", "message": "begin"}}', Observation(Kind.BEGIN, REQUEST)),
        (f'{{"level":"INFO","message":"end","requestId":"{REQUEST}"}}\r\n', Observation(Kind.END, REQUEST)),
        (
            f"REPORT RequestId: {REQUEST}\tDuration: 88.41 ms\tBilled Duration: 302 ms\t",
            Observation(Kind.OUTCOME, REQUEST),
        ),
        (f"REPORT RequestId: {REQUEST}\tStatus: timeout", Observation(Kind.OUTCOME, REQUEST, "", "timeout")),
        (
            f"REPORT RequestId: {REQUEST}\tInit Duration: 1.00 ms\tStatus: error\tError Type: Runtime.ExitError",
            Observation(Kind.OUTCOME, REQUEST, "", "error Runtime.ExitError"),
        ),
        (
            f"2026-11-20T09:20:05.012Z {REQUEST} Task timed out after 3.00 seconds",
            Observation(Kind.OUTCOME, REQUEST, "", "timeout"),
        ),
        (
            f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1",
            Observation(Kind.OUTCOME, REQUEST, "", "Runtime exited with error: exit status 1"),
        ),
        (
            f'{{"time":"2026-11-20T09:15:02.003Z","type":"platform.start","record":{{"requestId":"{REQUEST}"}}}}',
            Observation(Kind.START, REQUEST, "2026-11-20T09:15:02.003Z"),
        ),
    ],
)
def test_a_line_of_a_log_stream(line: str, expected: Observation) -> None:
    assert list(of_text(line)) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        f"END RequestId: {REQUEST}",
        "INIT_START Runtime Version: python:3.13.v60",
        "plain words",
        '{"requestId": 7, "message": "begin"}',
        f'{{"requestId": "{REQUEST}", "message": "other"}}',
        f'{{"requestId": "{REQUEST}", "message": {{"a": 1}}}}',
        '{"type":"platform.start","record":null}',
        "{}",
    ],
)
def test_a_line_that_shows_nothing(line: str) -> None:
    assert list(of_text(line)) == []


@pytest.mark.parametrize("line", ['{"requestId": "a", "mess', "{" * 100_000])
def test_a_torn_line_is_unreadable(line: str) -> None:
    with pytest.raises(UnreadableError):
        list(of_text(line))


def test_a_function_record_may_be_an_object_or_several_lines() -> None:
    begin, end = {"requestId": REQUEST, "message": "begin"}, {"requestId": REQUEST, "message": "end"}
    assert list(of_record("function", begin, "t")) == [Observation(Kind.BEGIN, REQUEST, "t")]
    both = f"{json.dumps(begin)}\n{json.dumps(end)}\n"
    assert list(of_record("function", both, "t")) == [
        Observation(Kind.BEGIN, REQUEST, "t"),
        Observation(Kind.END, REQUEST, "t"),
    ]


def test_a_torn_line_in_a_record_does_not_hide_its_neighbours() -> None:
    evidence = Evidence("objects")
    record = f'{{"requestId": "torn\n{{"requestId":"{REQUEST}","message":"end"}}\n'
    evidence.add_shipped({"type": "function", "record": record, "environment": "e", "sequence": 1, "time": "t"}, "o")
    assert evidence.streams() == {"e": [Observation(Kind.END, REQUEST, "t")]}
    assert evidence.bad == 1


@given(
    st.dictionaries(
        st.sampled_from(["type", "record", "environment", "sequence", "time", "message"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["function", "platform.report", "{"]),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["requestId", "status", "message"]), inner),
        ),
    )
)
def test_no_shipped_line_stops_the_reading(line: dict[str, object]) -> None:
    evidence = Evidence("objects")
    evidence.add_shipped(line, "object")
    evidence.streams()
    assert evidence.lines == 1


@given(st.text())
def test_no_text_stops_the_reading(text: str) -> None:
    Evidence("streams").add_text("s", 0, text, "", "s")


def test_drops_that_the_platform_reports_are_counted() -> None:
    evidence = Evidence("objects")
    record = {"droppedBytes": 18211, "droppedRecords": 42, "reason": "slow"}
    evidence.add_shipped({"type": "platform.logsDropped", "record": record, "environment": "e"}, "o")
    evidence.add_shipped({"type": "platform.logsDropped", "record": {"droppedRecords": "x"}, "environment": "e"}, "o")
    assert evidence.dropped == 42


def test_complaints_are_bounded_and_counted() -> None:
    evidence = Evidence("s")
    for number in range(COMPLAINTS + 3):
        evidence.complain(f"line {number}", "torn")
    assert (evidence.bad, len(evidence.complaints)) == (COMPLAINTS + 3, COMPLAINTS)


LINES = shipped(World({"e": [("a", "ok"), ("b", "ok")]}))
BODY = "".join(json.dumps(line) + "\n" for line in LINES).encode()


@pytest.mark.parametrize("gzip_", [False, True])
def test_what_the_extension_encodes_is_read(gzip_: bool) -> None:  # noqa: FBT001
    body = Body(gzip=gzip_)
    body.append(BODY)
    evidence = Evidence("o")
    made = body.close()
    assert isinstance(made, bytes)
    assert list(decoded(made, evidence, "o")) == LINES
    assert evidence.bad == 0


def test_a_bad_line_of_an_object_is_counted_and_the_others_are_read() -> None:
    evidence = Evidence("o")
    assert list(decoded(b'{"torn\n7\n' + BODY, evidence, "o")) == LINES
    assert evidence.bad == 2


def test_a_cut_gzip_object_gives_what_can_be_inflated() -> None:
    evidence = Evidence("o")
    many = "".join(json.dumps({**LINES[0], "sequence": number}) + "\n" for number in range(2000)).encode()
    found = list(decoded(gzip.compress(many)[:-500], evidence, "o"))
    assert 0 < len(found) < 2000
    assert found == [{**LINES[0], "sequence": number} for number in range(len(found))]
    assert evidence.bad >= 1


@given(st.binary())
def test_no_bytes_stop_the_decoding(body: bytes) -> None:
    list(decoded(body, Evidence("o"), "o"))
    list(decoded(b"\x1f\x8b" + body, Evidence("o"), "o"))


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_file_name_stays_in_its_folder_and_is_its_keys_own(one: str, other: str) -> None:
    try:
        names = [file_name(one), file_name(other)]
    except UnicodeEncodeError:  # a lone surrogate is no key
        return
    for name in names:
        assert "/" not in name
        assert name not in ("", ".", "..")
        assert len(name) <= 200
    assert (names[0] == names[1]) == (one == other)


ENTRY = Entry("2026-11-21T04:00:00Z", 3, REQUEST, 202, 1, 250.5, 7.0, "")


def test_a_ledger_comes_back_as_it_was_written() -> None:
    lines = [
        ledger.head_line(function="f", seed=7),
        ledger.entry_line(ENTRY),
        ledger.entry_line(replace(ENTRY, id=None)),
    ]
    found = ledger.read(lines)
    assert found.entries == (ENTRY, replace(ENTRY, id=None))
    assert (found.head, found.bad, found.nameless) == ({"function": "f", "seed": 7}, (), 1)


@pytest.mark.parametrize("torn", ['{"at": "2026', "7", "null", '{"id": 7, "status": 200}', '{"id": "a"}', "[" * 99_999])
def test_a_torn_or_foreign_line_of_a_ledger_is_put_aside(torn: str) -> None:
    found = ledger.read([torn, ledger.entry_line(ENTRY), ""])
    assert (found.entries, len(found.bad)) == ((ENTRY,), 1)


def page(*events: Any, **more: str) -> dict[str, Any]:  # noqa: ANN401
    return {"events": list(events), **more}


EVENT = {
    "logStreamName": "s",
    "timestamp": 5,
    "message": f'{{"requestId":"{REQUEST}","message":"end"}}',
    "eventId": "1",
}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(page(EVENT)) + json.dumps(page(EVENT)),
        json.dumps(page(EVENT), indent=2) + "\n\n" + json.dumps(page(EVENT), indent=2),
        json.dumps([page(EVENT), page(EVENT)]),
    ],
)
def test_pages_stand_alone_one_after_the_other_or_in_an_array(text: str) -> None:
    assert list(pages(text, Evidence("x"), "file")) == [page(EVENT), page(EVENT)]


def test_a_bad_page_is_said_and_the_next_is_read() -> None:
    evidence = Evidence("x")
    text = '{"events": [{"mess\n' + json.dumps(page(EVENT)) + '\n{"other": 1}\n' + json.dumps(page(EVENT))
    assert list(pages(text, evidence, "file")) == [page(EVENT), page(EVENT)]
    assert len(evidence.incomplete) == 2


def test_an_event_in_two_pages_that_overlap_counts_once() -> None:
    evidence, known = Evidence("x"), set[str]()
    assert not add_page(page(EVENT, nextToken="t"), evidence, known, "1")
    assert add_page(page(EVENT, {**EVENT, "eventId": "2", "timestamp": 6}), evidence, known, "2")
    assert [observation.time for observation in evidence.streams()["s"]] == ["5", "6"]


def test_a_bad_event_is_counted_and_the_others_are_read() -> None:
    evidence = Evidence("x")
    add_page(page(None, {"message": 7}, EVENT), evidence, set(), "1")
    assert (evidence.bad, len(evidence.streams()["s"])) == (2, 1)
