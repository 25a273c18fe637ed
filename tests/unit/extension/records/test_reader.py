"""Reading what the platform POSTs: tolerant of everything, and true to the text it was given."""

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extension.records import objects
from extension.records.envelopes import UNPARSED, UNPARSED_TEXT
from extension.records.reader import Reader
from tests.unit.extension.records.reading import (
    ALL,
    NOW,
    TIME,
    envelope,
    lines,
    read,
    reader,
    request_ids,
    start,
    unparsed_texts,
)
from tests.unit.extension.records.strategies import JSON, PATIENT

# what a line is


def test_a_line_keeps_the_envelope_and_adds_request_environment_and_sequence() -> None:
    received = read('[{"time":"2026-11-20T09:15:02.150Z","type":"function","record":"hello\\n"}]')
    assert received.lines == (
        b'{"time":"2026-11-20T09:15:02.150Z","type":"function","record":"hello\\n",'
        b'"requestId":null,"environment":"0123456789ab","sequence":1}\n'
    )


def test_the_sequence_rises_across_posts_and_counts_only_what_is_shipped() -> None:
    source = reader("function")
    first = read(f"[{envelope('function', 'a')},{envelope('platform.start', {})}]", source)
    second = read(f"[{envelope('extension', 'x')},{envelope('function', 'b')}]", source)
    assert [line["sequence"] for line in lines(first) + lines(second)] == [1, 2]


@pytest.mark.holds("input: records that are null, an array or a number pass through, those of platform types too")
@pytest.mark.parametrize(
    "record",
    [
        "1.10",
        "1e400",
        "-1e-400",
        "-0",
        "-0.0",
        "9" * 5000,
        "1E+2",
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\u00e9 \\/ \\" \\\\"',
        '"é 😀 \u2028"',
        '{"a":1,"a":2,"a":{"a":1.10}}',
        "[ 1 , 2 ,\t{ } ]",
        "null",
        "true",
        "[]",
        "{}",
        '""',
        "7",
    ],
)
def test_the_text_of_a_record_stays_byte_for_byte(record: str) -> None:
    raw = '{"time":"' + TIME + '","type":"function","record":' + record + "}"
    received = read(f"[{raw}]")
    assert received.unparsed == 0
    assert received.lines.startswith(raw[:-1].encode() + b',"requestId":')
    json.loads(received.lines, parse_int=str)  # 5,000 digits are JSON, but too many for Python's int


def test_line_breaks_between_tokens_become_blanks_and_nothing_else_changes() -> None:
    received = read('\r\n[\n{\r\n "time" :\n"t",\n"type":\t"function","record":[1,\n2]\n}\n]\n')
    assert received.lines == (
        b'{   "time" : "t", "type":\t"function","record":[1, 2] ,'
        b'"requestId":null,"environment":"0123456789ab","sequence":1}\n'
    )


@pytest.mark.parametrize("space", ["\n", "\r", "\r\n"])
def test_a_line_has_no_break_but_its_end_whichever_the_body_is_written_with(space: str) -> None:
    received = read(f'[{{"time":"t",{space}"type":"function","record":"x"}}]')
    assert received.lines.splitlines() == [received.lines.rstrip(b"\n")]


@pytest.mark.holds("input: unknown types and malformed times pass through")
def test_unknown_members_and_unknown_types_pass_through() -> None:
    raw = '{"type":"platform.novelty","time":"t","record":{"x":1},"extra":[1]}'
    other = '{"type":"weather","record":"rain"}'
    received = read(f"[{raw},{other}]")
    assert [line["type"] for line in lines(received)] == ["platform.novelty", "weather"]
    assert received.lines.startswith(raw[:-1].encode())


@pytest.mark.holds("input: unknown types and malformed times pass through")
@pytest.mark.parametrize("time", [None, 5, [], {}, "", "t" * 41, "2026-11-20T09:15:02.150Zé", "2026\r\nX: y"])
def test_an_odd_time_is_shipped_as_it_is_and_kept_out_of_the_metadata(time: object) -> None:
    received = read(f"[{envelope('function', 'x', time)}]")
    assert [line["time"] for line in lines(received)] == [time]
    assert (received.first_time, received.last_time) == ("", "")


def test_a_time_of_40_characters_is_one() -> None:
    received = read(f"[{envelope('function', 'x', 't' * 40)}]")
    assert (received.first_time, received.last_time) == ("t" * 40, "t" * 40)


def test_first_and_last_time_are_of_what_is_shipped_whatever_its_order() -> None:
    times = ["2026-11-20T09:15:02.3Z", "2026-11-20T09:15:02.1Z", "2026-11-20T09:15:02.2Z"]
    body = [envelope("function", "x", time) for time in times] + [envelope("platform.start", {}, "2020")]
    received = read(f"[{','.join(body)}]", reader("function"))
    assert (received.first_time, received.last_time) == (times[1], times[0])


@pytest.mark.parametrize(
    ("types", "shipped"),
    [
        (("platform",), ["platform.start", "later.kind", UNPARSED]),
        (("function",), ["function", "later.kind", UNPARSED]),
        (("extension",), ["extension", "later.kind", UNPARSED]),
        (ALL, ["platform.start", "function", "extension", "later.kind", UNPARSED]),
    ],
)
def test_log_types_say_what_is_shipped(types: tuple[str, ...], shipped: list[str]) -> None:
    kinds = ["platform.start", "function", "extension", "later.kind"]
    received = read(f"[{','.join(envelope(kind, 'x') for kind in kinds)},5]", reader(*types))
    assert [line["type"] for line in lines(received)] == shipped


# what cannot be read


@pytest.mark.parametrize("body", ["", " \r\n\t", "[]", " [ ] "])
def test_nothing_is_nothing(body: str) -> None:
    received = read(body)
    assert (received.records, received.lines, received.unparsed) == (0, b"", 0)


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
@pytest.mark.parametrize(
    "entry", ["5", "null", "true", '"text"', "[]", "{}", '{"type":5}', '{"type":null,"record":1}', '{"record":"x"}']
)
def test_an_entry_without_a_type_becomes_one_line_with_its_text_and_spoils_no_other(entry: str) -> None:
    received = read(f"[{envelope('function', 'a')}, {entry} ,{envelope('function', 'b')}]")
    assert [line["type"] for line in lines(received)] == ["function", UNPARSED, "function"]
    assert lines(received)[1] == {
        "time": NOW,
        "type": UNPARSED,
        "record": entry,
        "requestId": None,
        "environment": "0123456789ab",
        "sequence": 2,
    }
    assert received.unparsed == 1


def test_an_entry_without_a_record_or_time_still_has_a_type() -> None:
    received = read('[{"type":"function"}]')
    assert [line["type"] for line in lines(received)] == ["function"]
    assert received.unparsed == 0


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        '{"type":"function","record":"not in an array"}',
        "5",
        "[",
        "[1",
        "]",
        "<html></html>",
        '"[]"',
        "\x00",
        "{",
        "[,]",
        "[{]",
        '[{"type":}]',
    ],
)
def test_a_body_that_does_not_parse_becomes_a_line_with_its_text(body: str) -> None:
    received = read(body)
    assert received.unparsed >= 1
    assert "".join(str(text) for text in unparsed_texts(received)).strip("[ ") in body


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_body_cut_anywhere_keeps_the_whole_entries_before_the_cut(cut: int) -> None:
    whole = envelope("function", "whole")
    body = f"[{whole},{envelope('function', 'é' * 3)}]"
    received = read(body.encode()[:-cut])
    assert lines(received)[0]["record"] == "whole"
    assert received.unparsed == 1


@pytest.mark.parametrize("broken", ["", "what?,", "{,"])
def test_a_last_entry_that_is_whole_is_read_though_the_array_does_not_end(broken: str) -> None:
    received = read(f"[{broken}{envelope('function', 'whole')}")
    assert [line["record"] for line in lines(received)] == [*filter(None, [broken.strip(",")]), "whole", ""]


def test_what_stands_behind_the_array_is_not_lost() -> None:
    received = read(f"[{envelope('function', 'a')}] and more")
    assert [line["type"] for line in lines(received)] == ["function", UNPARSED]
    assert "and more" in str(unparsed_texts(received)[0])


def test_what_stands_behind_an_empty_array_is_not_lost_either() -> None:
    assert unparsed_texts(read("[] and more")) == [" and more"]


def test_an_entry_that_is_no_json_spares_the_next_one() -> None:
    received = read(f"[x,{envelope('function', 'a')}]")
    assert [line["record"] for line in lines(received)] == ["x", "a"]


def test_the_text_of_an_unreadable_body_is_kept_up_to_64_kib() -> None:
    received = read("x" * 1_000_000)
    assert unparsed_texts(received) == ["x" * UNPARSED_TEXT]
    assert UNPARSED_TEXT == 65536


@pytest.mark.holds("input: the reader does not raise, whatever the bytes are")
@pytest.mark.parametrize("opening", ["[", '{"type":"function","record":', '{"a":[', "[{"])
def test_nesting_without_end_is_one_unparsed_line(opening: str) -> None:
    received = read("[" + opening * 200_000)
    assert received.records == received.unparsed == 1


def test_deep_but_sane_nesting_is_a_record() -> None:
    received = read("[" + envelope("function", 0).replace("0}", "[" * 200 + "]" * 200 + "}") + "]")
    assert (received.records, received.unparsed) == (1, 0)


def test_a_byte_order_mark_is_skipped() -> None:
    received = read(b"\xef\xbb\xbf[" + envelope("function", "x").encode() + b"]")
    assert [line["type"] for line in lines(received)] == ["function"]


def test_invalid_utf8_becomes_the_replacement_character_and_the_record_stays() -> None:
    received = read(b'[{"time":"t","type":"function","record":"a\xff\xc3\xa9\xed\xa0\x80b"}]')
    assert [line["record"] for line in lines(received)] == ["a\ufffdé\ufffd\ufffd\ufffdb"]
    assert received.unparsed == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_another_encoding_is_a_line_and_no_fault(encoding: str) -> None:
    assert read(f"[{envelope('function', 'x')}]é".encode(encoding)).records >= 1


@pytest.mark.holds("input: the reader does not raise, whatever the bytes are")
@PATIENT
@given(st.binary())
def test_any_bytes_at_all_become_lines_that_parse(body: bytes) -> None:
    lines(read(body))


TOKENS = '[ ] { } , : " \\ "type" "function" "platform.start" "platform.logsDropped" "record" "requestId" "time"'
JUNK = st.sampled_from([*TOKENS.split(), '"droppedRecords"', "null", "1e400", "NaN", "²", "\n", "\r", " ", "\ufeff"])


@pytest.mark.holds("input: the reader does not raise, whatever the bytes are")
@PATIENT
@given(st.lists(JUNK, max_size=40).map("".join))
def test_any_heap_of_tokens_becomes_lines_that_parse(body: str) -> None:
    lines(read(body))


KNOWN = st.sampled_from(["function", "extension", "platform.novelty", "platform.report", "platform.logsDropped"])
KINDS = KNOWN | st.text().filter(lambda kind: kind != UNPARSED)  # that one is ours
NAMES = st.sampled_from(["requestId", "AWSRequestId", "droppedRecords", "functionArn"]) | st.text()
ENVELOPES = st.fixed_dictionaries(
    {
        "time": JSON,
        "type": KINDS | st.text().filter(lambda kind: kind != UNPARSED),
        "record": JSON | st.dictionaries(NAMES, JSON),
    }
)


@pytest.mark.holds("input: any record survives the round trip")
@PATIENT
@given(sent=st.lists(ENVELOPES), ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 1]))
def test_any_record_survives_the_round_trip(
    sent: list[dict[str, object]], indent: int | None, *, ascii_only: bool
) -> None:
    body = json.dumps(sent, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    if not ascii_only and b"\xed" in body:
        return  # a raw surrogate is not UTF-8; its escape, in the other half of the runs, survives
    received = read(body)
    got = [{name: line[name] for name in ("time", "type", "record")} for line in objects.decode(received.lines)]
    assert got == sent
    assert received.unparsed == 0


PLAIN = st.fixed_dictionaries(
    {
        "time": st.sampled_from([TIME, "2026-11-20T09:15:02.149Z", "2026-11-20T09:15:02.151Z", "odd"]),
        "type": st.sampled_from(["function", "extension"]),
        "record": st.text() | st.integers() | st.just(f"[INFO]\t{TIME}\tr1\torder accepted\n"),
    }
)


@PATIENT
@given(st.lists(PLAIN))
def test_a_body_without_blanks_which_is_read_the_quick_way_comes_to_the_same(sent: list[dict[str, object]]) -> None:
    sources = reader(), reader()
    for source in sources:
        source.saw("r1")
    quick, thorough = read(json.dumps(sent, separators=(",", ":")), sources[0]), read(json.dumps(sent), sources[1])
    assert lines(quick) == lines(thorough)
    assert (quick.first_time, quick.last_time) == (thorough.first_time, thorough.last_time)


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
@PATIENT
@given(st.lists(ENVELOPES, min_size=1), st.data())
def test_a_cut_anywhere_loses_no_whole_entry(sent: list[dict[str, object]], data: st.DataObject) -> None:
    texts = [json.dumps(one) for one in sent]
    kept = data.draw(st.integers(0, len(texts) - 1))
    cut = data.draw(st.integers(1, len(texts[kept]) - 1))
    received = read("[" + ",".join([*texts[:kept], texts[kept][:cut]]))
    assert [line["record"] for line in lines(received)[:kept]] == [one["record"] for one in sent[:kept]]
    assert received.unparsed == 1


# what is kept of what cannot be read

GOOD = '{"time":"' + TIME + '","type":"function","record":"line"}'
BROKEN = st.sampled_from(["what?", "{", 'a "', "}", '{"time":}', ",", "é x", "nul", '"record":"line"}', GOOD + "?"])
BEHIND = st.sampled_from(["", "]", "] and more"])


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
@PATIENT
@given(st.lists(st.tuples(st.just(GOOD), BEHIND) | st.tuples(st.just(""), BROKEN), min_size=1))
def test_between_whole_entries_all_that_is_broken_is_kept_as_it_stands_there(parts: list[tuple[str, str]]) -> None:
    expected: list[str] = []
    for good, junk in parts:
        if good:
            expected += ["line", junk]
        else:
            expected = [*expected[:-1], ",".join(filter(None, [*expected[-1:], junk]))]
    if expected[-1]:
        expected[-1] += "]"
    may_be_cut = expected[-1].startswith(GOOD + "?") and expected[-1].endswith("}]")
    assume(not may_be_cut)  # it waits for the next body
    received = read("[" + ",".join(good + junk for good, junk in parts) + "]")
    assert [line["record"] for line in lines(received)] == [text for text in expected if text]


# which request a record belongs to


def text_line(request_id: str) -> str:
    return envelope("function", f"[INFO]\t{TIME}\t{request_id}\torder accepted\n")


def test_a_bare_line_belongs_to_the_last_start_also_across_posts() -> None:
    source = reader()
    assert request_ids(read(f"[{envelope('function', 'early')}]", source)) == [None]
    assert request_ids(read(f"[{start('r1')},{envelope('function', 'a')}]", source)) == ["r1", "r1"]
    assert request_ids(read(f"[{envelope('function', 'b')}]", source)) == ["r1"]
    assert request_ids(read(f"[{start('r2')},{envelope('function', 'c')}]", source)) == ["r2", "r2"]


def test_an_invoke_makes_an_id_known_but_does_not_begin_a_request() -> None:
    source = reader()
    source.saw("r1")
    assert request_ids(read(f"[{envelope('function', 'bare')},{text_line('r1')}]", source)) == [None, "r1"]


@pytest.mark.parametrize("name", ["requestId", "AWSRequestId"])
def test_an_object_record_names_its_own_request(name: str) -> None:
    source = reader()
    source.saw("r1")
    assert request_ids(read(f"[{start('r2')},{envelope('function', {name: 'r1'})}]", source)) == ["r2", "r1"]


def test_the_third_field_of_a_text_record_names_its_request_also_at_the_end_of_the_line() -> None:
    source = reader()
    source.saw("r1")
    last = envelope("function", "a\tb\tr1\n")
    body = f"[{start('r2')},{text_line('r1')},{last}]"
    assert request_ids(read(body, source)) == ["r2", "r1", "r1"]


@pytest.mark.parametrize(
    "record",
    [
        {"requestId": "stranger"},
        {"requestId": 5},
        {"requestId": ["r1"]},
        {"event": {"requestId": "r1"}},
        "a\tb\tstranger\tc",
        "r1\tr1",
        "a\tb\tc\tr1",
        "r1",
        ["r1"],
        None,
        5,
    ],
)
def test_only_an_id_seen_in_this_environment_is_believed_else_the_last_start_counts(record: object) -> None:
    source = reader()
    source.saw("r1")
    assert request_ids(read(f"[{start('r2')},{envelope('function', record)}]", source)) == ["r2", "r2"]


def test_an_object_record_with_a_strange_id_may_still_name_a_known_one() -> None:
    source = reader()
    source.saw("r1")
    body = envelope("function", {"requestId": "of another service", "AWSRequestId": "r1"})
    assert request_ids(read(f"[{body}]", source)) == ["r1"]


def test_a_report_that_comes_late_belongs_to_its_own_request() -> None:
    source = reader()
    read(f"[{start('r1')}]", source)
    assert request_ids(read(f"[{start('r2')},{envelope('platform.report', {'requestId': 'r1'})}]", source)) == [
        "r2",
        "r1",
    ]


def test_the_last_start_counts_even_where_platform_records_are_not_shipped() -> None:
    source = reader("function")
    assert request_ids(read(f"[{start('r1')},{envelope('function', 'a')}]", source)) == ["r1"]


def test_what_cannot_be_read_belongs_to_the_last_start() -> None:
    source = reader()
    read(f"[{start('r1')}]", source)
    assert request_ids(read("garbage", source)) == ["r1"]


def crowd(source: Reader) -> None:
    """As many ids as are remembered beside one other."""
    for number in range(1023):
        source.saw(f"r{number}")


def test_ids_are_forgotten_only_after_a_thousand_newer_ones() -> None:
    source = reader()
    source.saw("old")
    crowd(source)
    assert request_ids(read(f"[{text_line('old')}]", source)) == ["old"]
    source.saw("one too many")
    assert request_ids(read(f"[{text_line('old')}]", source)) == [None]


def test_an_id_that_turns_up_again_is_young_again() -> None:
    source = reader()
    source.saw("r")
    crowd(source)
    source.saw("r")
    source.saw("one too many")
    assert request_ids(read(f"[{text_line('r')},{text_line('r0')}]", source)) == ["r", None]


def test_a_strange_request_id_is_escaped() -> None:
    received = read('[{"time":"t","type":"platform.start","record":{"requestId":"a\\"\\n\\ud800é"}}]')
    assert request_ids(received) == ['a"\n\ud800é']
    assert re.search(rb'"requestId":"a\\"\\n\\ud800\\u00e9"', received.lines)
