"""Filters in the reader: what is shipped of a body is what an oracle leaves of its records, whatever else is in it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import objects
from extension.records.envelopes import UNPARSED
from extension.records.filters import Filters
from extension.records.plain import WORTH
from extension.records.reader import Reader
from tests.unit.extension.build import EPOCH, told
from tests.unit.extension.records.reading import ALL, TIME, envelope, lines, read, start
from tests.unit.extension.records.strategies import JSON, PATIENT

HEAD = f'{{"time":"{TIME}","type":"function","record":'
LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"]
WORDS = st.lists(st.sampled_from(["health", "pay", "x", "bob@x.io", "a b"]), max_size=3).map(" ".join)
LEVELLED = st.sampled_from([*LEVELS, ""])
RECORDS = st.one_of(
    WORDS,
    st.tuples(LEVELLED, WORDS).map(lambda two: f"[{two[0].upper()}]\t{TIME}\tid\t{two[1]}" if two[0] else two[1]),
    st.tuples(LEVELLED, WORDS).map(lambda two: {"level": two[0], "message": two[1]} if two[0] else {"message": two[1]}),
)
KINDS = st.sampled_from(["function", "function", "extension", "platform.report", "something.new"])
ENVELOPES = st.lists(st.tuples(KINDS, RECORDS), max_size=8)
TOLD = st.fixed_dictionaries(
    {
        "EXCLUDE": st.sampled_from(["", "health", "^pay", "x$"]),
        "INCLUDE": st.sampled_from(["", "pay|a b", "[a-z]"]),
        "MIN_LEVEL": st.sampled_from(["", *LEVELS]),
        "REDACT": st.sampled_from(["", "email"]),
    }
)


def filtering(*, types: tuple[str, ...] = ALL, concurrent: bool = False, **values: str) -> Reader:
    told_so = told(**values).filters
    filters = Filters(told_so) if told_so else None
    assert not filters or not filters.problems
    return Reader(types, objects.Origin("f", "1", "0123456789ab"), concurrent=concurrent, filters=filters)


def passes(kind: str, record: object, values: dict[str, str]) -> bool:
    """Written another way: from the meaning of the settings."""
    if kind not in ("function", "extension"):
        return True
    text = record if isinstance(record, str) else json.dumps(record)
    level = record.get("level") if isinstance(record, dict) else (re.findall(r"^\[(\w+)\]", text) or [None])[0]
    if level and values["MIN_LEVEL"] and LEVELS.index(level.lower()) < LEVELS.index(values["MIN_LEVEL"]):
        return False
    excluded = values["EXCLUDE"] and re.search(values["EXCLUDE"], text)
    return not excluded and (not values["INCLUDE"] or bool(re.search(values["INCLUDE"], text)))


@pytest.mark.holds("filters: what is shipped is what EXCLUDE, INCLUDE and MIN_LEVEL leave; exclude wins")
@PATIENT
@given(ENVELOPES, TOLD, st.booleans())
def test_what_is_left_is_what_an_oracle_leaves(
    found: list[tuple[str, object]],
    values: dict[str, str],
    is_long: bool,  # noqa: FBT001
) -> None:
    found = found * (WORTH // 100 if is_long else 1)
    received = read("[" + ",".join(envelope(*one) for one in found) + "]", filtering(**values))  # type: ignore[arg-type]  # settings
    left = [(kind, record) for kind, record in found if passes(kind, record, values)]
    if values["REDACT"]:
        hidden = json.loads(json.dumps(left).replace("bob@x.io", "[redacted:email]"))
        left = [one if one[0] == "platform.report" else tuple(there) for one, there in zip(left, hidden, strict=True)]
    shipped = lines(received)
    assert [(line["type"], line["record"]) for line in shipped] == left
    assert [line["sequence"] for line in shipped] == list(range(1, len(left) + 1))
    assert received.filtered == len(found) - len(left)
    assert received.redacted == sum("[redacted:" in json.dumps(record) for _, record in left)


@PATIENT
@given(st.lists(JSON, max_size=5), st.sampled_from(["", "[a-z]"]))
def test_every_line_of_any_record_is_json_and_nothing_is_counted_twice(records: list[object], exclude: str) -> None:
    source = filtering(EXCLUDE=exclude, REDACT="email,card,ipv4,bearer,aws-keys")
    received = read("[" + ",".join(envelope("function", one) for one in records) + "]", source)
    lines(received)
    assert received.records + received.filtered == len(records)


@PATIENT
@given(st.binary(max_size=200), st.sampled_from([".", "a"]))
def test_no_bytes_raise(body: bytes, exclude: str) -> None:
    lines(read(body, filtering(EXCLUDE=exclude, REDACT="email", MIN_LEVEL="fatal", REDACT_PATTERN="[a-z]+")))


def test_records_of_the_platform_always_pass_as_they_are() -> None:
    report = {"requestId": "r", "a": "10.0.0.1"}
    body = f"[{start('bob@x.io')},{envelope('platform.report', report)}]"
    received = read(body, filtering(INCLUDE="nothing", REDACT="email,ipv4", REDACT_PATTERN=".*"))
    assert [line["record"] for line in lines(received)] == [{"requestId": "bob@x.io"}, report]
    assert received.started == ["bob@x.io"]
    assert (received.filtered, received.redacted) == (0, 0)


def test_what_cannot_be_read_passes_every_filter_and_is_redacted() -> None:
    received = read("to bob@x.io, no JSON", filtering(INCLUDE="nothing", REDACT="email"))
    (line,) = lines(received)
    assert (line["type"], line["record"]) == (UNPARSED, "to [redacted:email], no JSON")
    assert (received.unparsed, received.filtered, received.redacted) == (1, 0, 1)


@pytest.mark.parametrize("cut", range(1, 27))
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.holds("filters: a record that Lambda has cut is matched when it is joined")
def test_a_cut_record_is_matched_when_it_is_joined(cut: int, *, apart: bool) -> None:
    whole = json.dumps({"m": "to bob@x.io health"})
    pieces = f"{HEAD}{whole[:cut]}}}", f"{HEAD}{whole[cut:]}}}"
    bodies = [f"[{one}]" for one in pieces] if apart else [f"[{','.join(pieces)}]"]
    source = filtering(EXCLUDE="health")
    assert [(one.records, one.filtered) for one in (read(body, source) for body in bodies)][-1] == (0, 1)
    source = filtering(REDACT="email")
    received = [read(body, source) for body in bodies][-1]
    assert [line["record"] for line in lines(received)] == [{"m": "to [redacted:email] health"}]


def test_a_piece_whose_rest_never_comes_is_redacted() -> None:
    source = filtering(REDACT="email")
    read(f'[{HEAD}{{"m":"to bob@x.io}}]', source)
    received = source.close_partial()
    assert b"bob" not in received.lines
    assert received.redacted == received.unparsed == 1


def test_the_request_of_a_record_is_read_before_it_is_redacted() -> None:
    source = filtering(REDACT_PATTERN="r-[0-9]+")
    source.saw("r-1")
    source.saw("r-2")
    received = read(f"[{start('r-2')},{envelope('function', {'requestId': 'r-1'})}]", source)
    line = lines(received)[1]
    assert line["record"] == {"requestId": "[redacted:pattern]"}
    assert line["requestId"] == "r-1"


def test_types_that_are_not_asked_for_are_not_counted_as_filtered() -> None:
    source = filtering(types=("platform",), EXCLUDE=".")
    received = read(f"[{envelope('function', 'x')},{envelope('extension', 'y')}]", source)
    assert (received.records, received.filtered) == (0, 0)


def test_the_text_of_an_object_is_its_json_as_it_is_shipped() -> None:
    body = f'[{HEAD}{{"path": "/health","n":1.10}}}}]'
    assert read(body, filtering(EXCLUDE='"path": "/health"')).filtered == 1
    assert read(body, filtering(EXCLUDE=r"^\{.*1\.10\}$")).filtered == 1
    assert read(body, filtering(EXCLUDE="function|time")).filtered == 0


def test_the_text_of_an_object_whose_members_stand_in_another_order_is_the_whole_envelope() -> None:
    body = f'[{{"type":"function","record":{{"n":1}},"time":"{TIME}"}}]'
    assert read(body, filtering(EXCLUDE=rf'^\{{"type".*"time":"{TIME}"\}}$')).filtered == 1


def test_blanks_before_the_end_of_an_envelope_are_no_part_of_its_text() -> None:
    body = f'[{HEAD}{{"n":1}} \t}}]'
    assert read(body, filtering(EXCLUDE=r'^\{"n":1\}$')).filtered == 1


@pytest.mark.parametrize("level", LEVELS)
def test_without_a_least_level_the_least_passes(level: str) -> None:
    body = f"[{envelope('function', {'level': level})}]"
    assert read(body, filtering(EXCLUDE="never")).filtered == 0
    assert read(body, filtering(MIN_LEVEL=level)).filtered == 0


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("EXCLUDE", "(", "that is not a regular expression (missing ), unterminated subpattern at position 0)"),
        ("INCLUDE", r"(a)\1", "a back-reference is refused, so that its time grows with the text alone"),
        ("REDACT_PATTERN", "(?<=pw=)x", "look-around is refused, so that its time grows with the text alone"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_one_problem_and_loses_nothing(name: str, value: str, why: str) -> None:
    filters = Filters(told(**{name: value}).filters)
    (problem,) = filters.problems
    assert problem == (name, value, why)
    source = Reader(ALL, objects.Origin("f", "1", "0123456789ab"), filters=filters)
    received = source.read(f"[{envelope('function', 'hello a@b.io')}]".encode(), EPOCH)
    (line,) = lines(received)
    assert line["record"] == ("hello [redacted:email]" if name == "REDACT_PATTERN" else "hello a@b.io")


@pytest.mark.parametrize("concurrent", [False, True])
def test_with_filters_that_change_nothing_the_bytes_are_those_without_any(*, concurrent: bool) -> None:
    texts = ["plain", 'tab\tand é \\ "', "id r-1", f"[INFO]\t{TIME}\tr-1\tx"] * (WORTH // 200)
    body = f"[{start('r-1')},{','.join(envelope('function', text) for text in texts)}]"
    with_them = read(body, filtering(concurrent=concurrent, EXCLUDE="never", REDACT="email"))
    assert with_them.lines == read(body, filtering(concurrent=concurrent)).lines
