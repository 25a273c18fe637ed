"""Whose line it is: an id is read where a logger writes one, and believed if it is this environment's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import request_ids
from tests.unit.extension.records.reading import envelope, lines, read, reader, start
from tests.unit.extension.records.reading import request_ids as ids_of
from tests.unit.extension.records.strategies import JSON, PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from extension.records.reader import Reader

    Form: TypeAlias = Callable[[dict[str, object]], object]

NAMED = "8b133862-5331-4ded-ac5d-1ad5da5aee81"
RUNS = "0f9a2b64-7a52-4a0e-8a1c-2b7b3f0f6b11"
STRANGE = "4c0c9f1e-0d8b-4a9b-9d5e-6f2a1b3c4d5e"
SPELLINGS = [
    *("requestId", "requestID", "RequestId", "request_id", "request-id"),
    *("awsRequestId", "awsRequestID", "AWSRequestId", "AWSRequestID", "AwsRequestId", "aws_request_id"),
    *("aws-request-id", "functionRequestId", "functionRequestID", "FunctionRequestId", "function_request_id"),
    "function-request-id",
]


def at(place: str, members: dict[str, object]) -> dict[str, object]:
    """A record that has these members on its outermost level (""), or in one of its members."""
    own = {"level": "INFO", "service": "orders"}
    return {**own, "message": "order accepted", **members} if not place else {**own, place: {"n": 1, **members}}


def whose(record: object, source: Reader) -> object:
    """The request that a function's record of this source gets."""
    received = read(f"[{envelope('function', record)}]", source)
    assert lines(received)[0]["record"] == record
    return ids_of(received)[0]


def both_run(*, concurrent: bool = True) -> Reader:
    source = reader(concurrent=concurrent)
    read(f"[{start(NAMED)},{start(RUNS)}]", source)
    return source


# spellings, places, formats


def as_object(record: dict[str, object]) -> object:
    return record


def as_json_text(record: dict[str, object]) -> object:
    return json.dumps(record) + "\n"


def as_narrow_json_text(record: dict[str, object]) -> object:
    return json.dumps(record, separators=(",", ":"))


def as_wide_json_text(record: dict[str, object]) -> object:
    return json.dumps(record, indent=2) + "\n"


FORMS = [as_object, as_json_text, as_narrow_json_text, as_wide_json_text]


@pytest.mark.holds("ids: the id that a record names wins, by a usual name in objects and in JSON text")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["", "message", "context", "lambda"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_an_id_by_a_usual_name_is_the_records(name: str, place: str, form: Form) -> None:
    for concurrent in (False, True):
        assert whose(form(at(place, {name: NAMED})), both_run(concurrent=concurrent)) == NAMED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "record",
    [
        *(at(place, {"requestId": STRANGE}) for place in ("", "message")),
        at("", {"correlation_id": NAMED, "parentRequestId": NAMED}),
        at("", {"REQUEST": NAMED, "requests": [NAMED], "my_request_id": NAMED}),
        at("", {"message": f"request_id {NAMED} was answered"}),
        at("", {"message": f'the body was {{"requestId":"{NAMED}"}}'}),
        at("event", {"requestId": NAMED}),
        at("", {"context": {"deeper": {"requestId": NAMED}}}),
        at("", {"context": [{"requestId": NAMED}]}),
        at("", {"requestId": {"value": NAMED}}),
        at("", {"requestId": [NAMED], "request_id": 5, "aws_request_id": None}),
    ],
)
def test_what_stands_elsewhere_or_is_not_known_is_not_an_id(record: dict[str, object], form: Form) -> None:
    assert whose(form(record), both_run(concurrent=False)) == RUNS
    assert whose(form(record), both_run()) is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"context": {"requestId": RUNS}, "requestId": NAMED}, NAMED),
        ({"context": {"requestId": RUNS}, "message": {"request_id": NAMED}}, NAMED),
        ({"request_id": RUNS, "requestId": NAMED}, NAMED),
        ({"request_id": RUNS, "function_request_id": NAMED}, NAMED),
        ({"requestId": STRANGE, "AWSRequestId": NAMED}, NAMED),
        ({"requestId": STRANGE, "lambda": {"requestId": NAMED}}, NAMED),
        ({"event": {"requestId": RUNS}, "requestId": NAMED}, NAMED),
    ],
)
def test_of_several_ids_the_outermost_counts_then_the_runtimes_name(
    record: dict[str, object], expected: str, form: Form
) -> None:
    for concurrent in (False, True):
        assert whose(form(record), both_run(concurrent=concurrent)) == expected


@pytest.mark.holds("ids: the id wins that stands at its place in the text format of a runtime")
@pytest.mark.parametrize("concurrent", [False, True], ids=["on demand", "managed"])
@pytest.mark.parametrize(
    "head",
    [
        "[INFO]\t2026-11-20T09:15:02.150Z\t{}\torder accepted",
        "[ERROR]\t2026-11-20T09:15:02.150Z\t{}\t",
        "2026-11-20T09:15:02.150Z\t{}\tINFO\torder accepted",
        "2026-11-20T09:15:02.150Z\t{}\tERROR\tUncaught Exception \t{{",
        "2026-11-20T09:15:02.150Z\t{}\tinfo\torder accepted",
        "2026-11-20 09:15:02 {} INFO  OrderHandler - order accepted",
        "2026-11-20 09:15:02,150 {} INFO  OrderHandler:31 - order accepted",
        "2026-11-20T09:15:02.150+0100 {} INFO order accepted",
        "2026-11-20T09:15:02.150Z {} Task timed out after 3.00 seconds",
        "I, [2026-11-20T09:15:02.150000#7]  INFO {} -- : order accepted",
        "W, [2026-11-20T09:15:02.150000 #7]  WARN {} -- orders: order accepted",
        "E, [2026-11-20T09:15:02.150000 #12345] ERROR {} -- : order refused",
        "RequestId: {} Process exited before completing request",
        "RequestId: {} Error: Runtime exited with error: exit status 1",
    ],
)
@pytest.mark.parametrize("end", ["", "\n", f" {RUNS}\n", f"\t{RUNS}\n"])
def test_an_id_at_its_place_in_a_runtimes_text_is_the_records(head: str, end: str, *, concurrent: bool) -> None:
    assert whose(head.format(NAMED) + end, both_run(concurrent=concurrent)) == NAMED
    assert whose(head.format(STRANGE) + end, both_run(concurrent=False)) == RUNS
    assert whose(head.format(STRANGE) + end.replace("\t", " "), both_run()) is None


@pytest.mark.parametrize("length", [1, 2, 127, 128])
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:15:02Z\t{0}\t{1}\tINFO\t{1}",
        "2026-11-20 09:15:02 {0} {1} INFO {1}",
        "0026-11-20 09:15:02 {0} INFO",
        "9026-11-20 09:15:02 {0} INFO",
        "2026-11-20T09:15:02.150+01:00 {0}",
        "I, [2026-11-20T09:15:02.150000 #7]  INFO {0} -- {1}: {1} -- {1} -- done",
        "RequestId: {0} {1} {1}",
        "[INFO]\t2026-11-20 09:15:02\t{0}\t{1}\t{1}",
        "[INFO]\t2026-11-20 09:15:02\t{0}",
    ],
)
def test_at_its_place_an_id_may_have_any_length_and_others_may_follow(text: str, length: int) -> None:
    one, other = "r" * length, "s" * length
    source = reader()
    read(f"[{start(one)},{start(other)}]", source)
    assert whose(text.format(one, other), source) == one
    assert whose(text.format(one + "r" * 128, other), source) == other


@pytest.mark.holds("ids: one that merely occurs in a text is not the record's")
@pytest.mark.parametrize(
    "text",
    [
        NAMED,
        f"{NAMED}\n",
        f"{NAMED}\tINFO\torder accepted",
        f"order accepted {NAMED}",
        f"requestId={NAMED} order accepted",
        f"[INFO] 2026-11-20T09:15:02.150Z {NAMED} order accepted",
        f"2026-11-20T09:15:02.150Z order accepted {NAMED}",
        f"2026-11-20 09:15:02 INFO {NAMED} order accepted",
        f"2026-11-20 {NAMED} order accepted",
        f"4711 orders of the customer {NAMED} accepted",
        f"123456789 123456789 {NAMED} order accepted",
        f"12345678901234567890\t{NAMED}\torder accepted",
        f"2026-11-20 at 09:15:02 {NAMED} order accepted",
        f"2026-11-20 09:15:02 INFO\t{NAMED}\torder accepted",
        f"GET /orders {NAMED}\t200\t",
        f"I, [robot] {NAMED} -- : order accepted",
        f"I, [2026-11-20T09:15:02.150000#7]  INFO -- : answered {NAMED} -- later",
        f"I, [2026-11-20T09:15:02.150000#7]  INFO -- : answered {NAMED}",
        f"I, [2026-11-20T09:15:02.150000#7]{' ' * 200}INFO {NAMED} -- : order accepted",
        f"START RequestId: {NAMED}",
        f'"requestId":"{NAMED}"',
        f'["requestId","{NAMED}"]',
        f'{{order accepted "requestId": "{NAMED}"',
        f'{{"message":"order accepted"}} {{"requestId":"{NAMED}"}}',
        f'{{"message":"a brace {{","requestId":"{NAMED}"}} and more',
        f'{{"message":"\\"requestId":"{NAMED}"}}',
        "{" * 100_000 + f'"requestId":"{NAMED}"',
    ],
)
def test_an_id_that_merely_occurs_in_a_text_is_not_the_records(text: str) -> None:
    assert whose(text, both_run(concurrent=False)) == RUNS
    assert whose(text, both_run()) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n", "\t", "\t\t", "{", "{}", "RequestId: ", "RequestId:  \n", "I, [", "I, [] -- ", " -- "),
        *("2026-11-20 09:15:02 ", "2026-11-20T09:15:02.150Z\t", "2026-11-20T09:15:02.150Z\t\t\t", '{equestId":"r"}'),
    ],
)
def test_a_head_without_anything_behind_it_names_none(text: str) -> None:
    assert whose(text, both_run()) is None


@pytest.mark.holds("input: the reader does not raise, whatever the bytes are")
def test_a_name_repeated_without_end_is_looked_at_32_times() -> None:
    class Known(frozenset[str]):
        asked = 0

        def __contains__(self, one: object) -> bool:
            Known.asked += 1
            return super().__contains__(one)

    known = Known({NAMED})
    strange = f'"requestId":"{STRANGE}",' * 10_000
    assert request_ids.request_of("{" + strange + f'"requestId":"{NAMED}"}}', known, None) == NAMED
    assert Known.asked == 32 + 1  # then the text is decoded
    assert request_ids.request_of("{" + strange, known, None) is None


@pytest.mark.parametrize("end", ["}", "}\n"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_name_on_the_outermost_level_is_believed_without_decoding_the_rest(name: str, end: str) -> None:
    text = f'{{"level":"INFO","{name}":"{NAMED}","nested":{{"deep":' + "[" * 100_000 + end
    assert request_ids.request_of(text, {NAMED, RUNS}, RUNS) == NAMED


# any record


KNOWN = st.sampled_from([NAMED, RUNS])
IDS = st.sampled_from([NAMED, RUNS, STRANGE]) | JSON
MEMBERS = st.dictionaries(st.sampled_from([*SPELLINGS, *request_ids.PLACES, "event", 'quote"d']) | st.text(), IDS)
RECORDS = st.dictionaries(
    st.sampled_from([*SPELLINGS, *request_ids.PLACES, "event"]) | st.text(), IDS | MEMBERS | st.lists(MEMBERS)
)
HEADS = st.sampled_from(
    ["[INFO]\tt\t", "2026-11-20T09:15:02.150Z\t", "2026-11-20 09:15:02 ", "RequestId: ", "I, [t#7] INFO "]
)
TEXTS = st.builds(lambda head, one, rest: head + one + rest, HEADS | st.text(), IDS.map(str), st.text())


@pytest.mark.holds("ids: an id is never attributed that was not seen")
@PATIENT
@given(RECORDS | RECORDS.map(json.dumps) | TEXTS | JSON)
def test_an_id_is_never_attributed_that_was_not_seen(record: object) -> None:
    assert whose(record, both_run()) in {NAMED, RUNS, None}
    assert whose(record, reader(concurrent=True)) is None
    assert whose(record, reader()) is None


@pytest.mark.holds("ids: the id that a record names wins, by a usual name in objects and in JSON text")
@PATIENT
@given(record=RECORDS, name=st.sampled_from(SPELLINGS), known=KNOWN, concurrent=st.booleans())
def test_a_known_id_that_is_named_alone_on_the_outermost_level_always_wins(
    record: dict[str, object], name: str, known: str, *, concurrent: bool
) -> None:
    record = {one: value for one, value in record.items() if one not in SPELLINGS} | {name: known}
    for form in FORMS:
        assert whose(form(record), both_run(concurrent=concurrent)) == known


@PATIENT
@given(record=RECORDS, concurrent=st.booleans(), ascii_only=st.booleans())
def test_json_text_names_what_the_object_names(
    record: dict[str, object], *, concurrent: bool, ascii_only: bool
) -> None:
    text = json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "replace").decode()
    assert whose(text, both_run(concurrent=concurrent)) == whose(record, both_run(concurrent=concurrent))


# several requests at once


def runs(source: Reader, *envelopes: str) -> object:
    """Read these, then whose a line is that names nothing."""
    read(f"[{','.join(envelopes)}]", source)
    return whose("a line\n", source)


def ended(request_id: str, kind: str = "platform.report") -> str:
    return envelope(kind, {"requestId": request_id})


@pytest.mark.holds("ids: a record that names none is of the one request that runs; of several at once: null")
@pytest.mark.parametrize("kind", ["platform.runtimeDone", "platform.end", "platform.report"])
def test_where_several_may_run_a_bare_line_belongs_to_the_only_one_that_does(kind: str) -> None:
    source = reader(concurrent=True)
    assert runs(source) is None
    assert runs(source, start("r1")) == "r1"
    assert runs(source, start("r2")) is None
    assert runs(source, ended("r1", kind)) == "r2"
    assert runs(source, ended("r1", kind)) == "r2"
    assert runs(source, ended("nobody's", kind)) == "r2"
    assert runs(source, ended("r2", kind)) is None
    assert runs(source, start("r3")) == "r3"


def test_where_several_may_run_the_order_within_one_post_counts() -> None:
    body = [envelope("function", n) for n in range(4)]
    received = read(
        f"[{start('r1')},{body[0]},{start('r2')},{body[1]},{ended('r1')},{body[2]},{ended('r2')},{body[3]}]",
        reader(concurrent=True),
    )
    assert ids_of(received) == ["r1", "r1", "r2", None, "r1", "r2", "r2", None]


@pytest.mark.holds("ids: a record that names none is of the one request that runs; of several at once: null")
def test_where_several_may_run_nothing_is_known_of_a_bare_line_once_starts_and_ends_may_have_been_dropped() -> None:
    dropped = envelope("platform.logsDropped", {"droppedRecords": 3})
    source = reader(concurrent=True)
    assert runs(source, start("r1"), dropped) is None
    assert runs(source, ended("r1")) is None
    assert runs(source, start("r2")) is None
    assert [whose({"requestId": one}, source) for one in ("r1", "r2", "")] == ["r1", "r2", None]
    other = reader(concurrent=True)
    other.restore(source.state())
    assert [whose({"requestId": one}, other) for one in ("r1", "r2", "")] == ["r1", "r2", None]
    assert runs(reader(), start("r1"), dropped) == "r1"


def test_an_empty_id_is_not_one() -> None:
    source = reader()
    source.saw("")
    assert whose({"requestId": ""}, source) is None
    assert runs(source, start("r1"), start("")) == "r1"


def test_an_invoke_alone_does_not_run_where_several_may() -> None:
    source = reader(concurrent=True)
    source.saw("r1")
    assert runs(source) is None
    assert whose({"requestId": "r1"}, source) == "r1"


def test_where_one_runs_at_a_time_a_line_behind_its_end_is_still_its() -> None:
    source = reader()
    assert runs(source, start("r1")) == "r1"
    assert runs(source, ended("r1", "platform.runtimeDone")) == "r1"
    assert runs(source, ended("r1")) == "r1"
    assert runs(source, start("r2")) == "r2"


@pytest.mark.holds("ids: the id that a record names wins, by a usual name in objects and in JSON text")
@pytest.mark.parametrize("concurrent", [False, True])
def test_a_request_that_has_ended_is_still_believed(*, concurrent: bool) -> None:
    source = reader(concurrent=concurrent)
    read(f"[{start('r1')},{ended('r1')},{start('r2')}]", source)
    assert whose({"requestId": "r1"}, source) == "r1"


def test_a_request_that_runs_for_long_stays_known() -> None:
    source = reader(concurrent=True)
    read(f"[{start('long')},{start('r')}]", source)
    for number in range(2000):
        read(f"[{start(f'r{number}')},{ended(f'r{number}')}]", source)
    assert whose({"requestId": "long"}, source) == "long"
    assert runs(source, ended("r")) == "long"


def test_ends_that_never_come_are_waited_for_512_times() -> None:
    source = reader(concurrent=True)
    for number in range(2000):
        read(f"[{start(f'r{number}')}]", source)
    state = source.state()
    assert state.running == tuple(f"r{number}" for number in range(1488, 2000))
    assert whose({"requestId": "r976"}, source) == "r976"
    assert whose({"requestId": "r975"}, source) is None


@pytest.mark.parametrize("length", [128, 129])
def test_an_id_of_more_than_128_characters_is_not_one(length: int) -> None:
    source = reader()
    one = "r" * length
    source.saw(one)
    assert whose({"requestId": one}, source) == (one if length == 128 else None)
    received = read(f"[{start(one)}]", source)
    assert ids_of(received) == [one if length == 128 else None]
    assert received.started == ([one] if length == 128 else [])
