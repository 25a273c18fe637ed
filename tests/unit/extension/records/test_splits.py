"""Records over maxBytes, which the platform cuts inside their JSON value (lambda-protocol 6.3): every cut rejoins."""

from __future__ import annotations

import json
import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import envelopes, objects
from extension.records.envelopes import UNPARSED, Entry
from extension.records.mending import Steps
from extension.records.reader import Reader
from tests.unit.extension.build import EPOCH
from tests.unit.extension.records.strategies import JSON, PATIENT

RECORD = {"message": 'AA"é}]\\ü\n\U0001f600,{"time":', "list": [1, {"b": {}}], "n": 1.10}
BEFORE = b'{"time":"2026-11-20T09:15:02.149Z","type":"function","record":"before\\n"}'
AFTER = b'{"time":"2026-11-20T09:15:02.151Z","type":"platform.end","record":{"requestId":"1"}}'


def reader() -> Reader:
    return Reader(("platform", "function"), objects.Origin("orders-api", "1", "0123456789ab"))


def envelope(time: str, record: bytes) -> bytes:
    return b'{"time":"' + time.encode() + b'","type":"function","record":' + record + b"}"


def encoded(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def pieces(record: object, *cuts: int) -> list[bytes]:
    """The envelopes of a record that is cut before these bytes of its JSON value, each with its own time."""
    value = encoded(record)
    bounds = [0, *cuts, len(value)]
    parts = [value[a:b] for a, b in pairwise(bounds)]
    return [envelope(f"2026-11-20T09:15:02.{150 + n}Z", part) for n, part in enumerate(parts)]


def shipped(*bodies: list[bytes]) -> list[dict[str, object]]:
    """What one reader makes of these bodies."""
    one = reader()
    lines = b"".join(one.read(b"[" + b",".join(body) + b"]", EPOCH).lines for body in bodies)
    return [json.loads(line) for line in (lines + one.close_partial().lines).splitlines()]


NUMBERS = {"items": [{"a": 10, "b": -123.45}, {"c": 1e30}, 100, [{"d": 12345}]], "n": 10}


@pytest.mark.holds("input: the pieces of a cut record are joined, within one body and across two")
@pytest.mark.parametrize(
    "record",
    [RECORD, NUMBERS, "plain é text\n" * 3, ["a", {"b": 1}]],
    ids=["object", "numbers", "string", "array"],
)
def test_every_cut_rejoins_within_one_body_and_across_two(record: object) -> None:
    for at in range(1, len(encoded(record))):
        first, second = pieces(record, at)
        for lines in (shipped([BEFORE, first, second, AFTER]), shipped([BEFORE, first], [second, AFTER])):
            assert [line["record"] for line in lines] == ["before\n", record, {"requestId": "1"}], at
            assert lines[1]["time"] == "2026-11-20T09:15:02.150Z"


@pytest.mark.holds("input: the pieces of a cut record are joined, within one body and across two")
def test_every_two_cuts_rejoin() -> None:
    record = ["a", {"b": [{"c": 100}, 200], "d": "\\}"}, [{"e": 1.25e30}]]
    for cuts in combinations(range(1, len(encoded(record))), 2):
        parts = pieces(record, *cuts)
        for bodies in ([[*parts, AFTER]], [parts[:1], [*parts[1:], AFTER]]):
            assert [line["record"] for line in shipped(*bodies)] == [record, {"requestId": "1"}], cuts


@pytest.mark.holds("input: the pieces of a cut record are joined, within one body and across two")
@PATIENT
@given(record=st.text() | st.lists(JSON) | st.dictionaries(st.text(), JSON), data=st.data())
def test_any_record_that_is_cut_anywhere_rejoins(record: object, data: st.DataObject) -> None:
    first, second = pieces(record, data.draw(st.integers(1, len(encoded(record)) - 1)))
    for bodies in ([[BEFORE, first, second, AFTER]], [[BEFORE, first], [second, AFTER]]):
        assert [line["record"] for line in shipped(*bodies)] == ["before\n", record, {"requestId": "1"}]


#: Long ones are read in parts once something in a body was broken.
LONG = st.builds(
    lambda text, more: {"message": text + "x" * more}, st.text(), st.integers(0, 3) | st.integers(3900, 20_000)
)


@pytest.mark.holds("input: the pieces of a cut record are joined, within one body and across two")
@PATIENT
@given(
    records=st.lists(st.lists(JSON) | st.dictionaries(st.text(), JSON) | LONG, min_size=2, max_size=4), data=st.data()
)
def test_each_of_several_records_that_are_cut_anywhere_rejoins(records: list[object], data: st.DataObject) -> None:
    parts = []
    for record in records:
        cuts = data.draw(st.sets(st.integers(1, len(encoded(record)) - 1), max_size=3))
        parts += pieces(record, *sorted(cuts))
    assert [line["record"] for line in shipped(parts)] == records


@pytest.mark.parametrize(("parts", "failures"), [(1, 0), (2, 1), (3, 3), (7, 11)])
def test_of_the_pieces_of_a_record_the_first_costs_one_failed_scan_the_last_none_and_any_other_two(
    parts: int, failures: int
) -> None:
    record = {"message": "x" * 300, "more": list(range(50))}
    text = b"[" + b",".join([*pieces(record, *range(10, 10 * parts, 10)) * 3, AFTER]) + b"]"
    steps = Steps(len(text))
    entries, _ = envelopes.split(text, "", "now", steps)
    assert len(entries) == 3 + 1
    assert steps.failures == failures * 3


def test_where_a_cut_record_stands_costs_an_eighth_of_what_stands_before_it() -> None:
    cut = [*pieces(RECORD, 13, 30), AFTER]
    costs = []
    for before in (0, 1, 9, 100):
        body = b"[" + b",".join([BEFORE] * before + cut) + b"]"
        steps = Steps(len(body))
        envelopes.split(body, "", "now", steps)
        costs.append(steps.taken - (1 + before * len(BEFORE + b",")) // 8)
    assert len(set(costs)) == 1


def test_what_is_broken_far_before_its_end_is_not_joined_to_what_follows() -> None:
    broken = envelope("2026-11-20T09:15:02.150Z", b"what? " + b"x" * 1000)
    body = b"[" + broken + b"," + BEFORE + b"]"
    steps = Steps(len(body))
    entries, _ = envelopes.split(body, "", "now", steps)
    assert [entry.record for entry in entries if isinstance(entry, Entry)] == [broken.decode(), "before\n"]
    assert steps.failures == 1


@pytest.mark.holds("input: each piece of a record has a time stamp; the record has that of the first")
def test_each_piece_has_a_time_stamp_of_its_own_and_the_record_has_that_of_the_first() -> None:
    parts = pieces(RECORD, 5, 20)
    assert len({part[:34] for part in parts}) == 3
    for bodies in ([parts], [parts[:1], parts[1:]], [parts[:2], parts[2:]], [[part] for part in parts]):
        (line,) = shipped(*bodies)
        assert (line["record"], line["time"]) == (RECORD, "2026-11-20T09:15:02.150Z")


def test_a_record_that_holds_envelopes_as_its_own_is_no_cut_record() -> None:
    inner = json.loads(envelope("2026-11-20T09:15:02.150Z", b'"logged"'))
    record = {"received": [{"n": 1}, inner, {"n": 2}, inner | {"record": {}}]}
    assert [line["record"] for line in shipped([BEFORE, *pieces(record), AFTER])][1] == record


@pytest.mark.holds("input: the pieces of a cut record are joined, within one body and across two")
def test_many_pieces_over_many_bodies_rejoin() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    record = {"message": "x" * 300 + "é" * 50, "more": list(range(50))}
    length = len(encoded(record))
    for _ in range(200):
        parts = pieces(record, *sorted(chance.sample(range(20, length, 20), chance.randint(1, 8))))
        bodies: list[list[bytes]] = [[BEFORE]]
        for part in parts:
            if chance.random() < 0.5:
                bodies.append([])
            bodies[-1].append(part)
        bodies[-1].append(AFTER)
        assert [line["record"] for line in shipped(*bodies)] == ["before\n", record, {"requestId": "1"}]


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
def test_a_piece_whose_other_half_never_comes_is_kept_as_text_and_its_neighbours_stay() -> None:
    first, second = pieces(RECORD, 13)
    lines = shipped([BEFORE, first], [BEFORE, AFTER])
    assert [line["type"] for line in lines] == ["function", UNPARSED, "function", "platform.end"]
    assert str(lines[1]["record"]).endswith('"record":{"message":"A')
    _, number = pieces(RECORD, len(encoded(RECORD)) - 4)  # begins as a whole envelope would: "record":1.1}
    for piece in (second, number):
        lines = shipped([piece, AFTER, BEFORE])
        assert [line["type"] for line in lines] == [UNPARSED, "platform.end", "function"]
    _, closed = pieces(RECORD, len(encoded(RECORD)) - 13)  # so does this one: "record":{}}]
    lines = shipped([closed, AFTER, BEFORE])
    assert [line["type"] for line in lines] == ["function", UNPARSED, "platform.end", "function"]


def test_a_piece_that_looks_like_a_record_with_something_behind_it_spares_its_neighbours() -> None:
    lines = shipped([envelope("2026-11-20T09:15:02.150Z", b"7}"), AFTER])
    assert [line["type"] for line in lines] == [UNPARSED, "platform.end"]


def test_where_two_envelopes_only_look_like_pieces_no_text_is_lost() -> None:
    first, second = "2026-11-20T09:15:02.150Z", "2026-11-20T09:15:02.151Z"
    kept = json.dumps(shipped([envelope(first, b"1}"), envelope(second, b',"x":2')]))
    assert first in kept
    assert second in kept


def test_a_tail_is_not_joined_to_a_body_that_is_cut_short_itself() -> None:
    first, second = pieces(RECORD, 13)
    one = reader()
    one.read(b"[" + first + b"]", EPOCH)
    lines = [json.loads(line) for line in one.read(b"[" + second[:-3], EPOCH).lines.splitlines()]
    assert [line["type"] for line in lines] == [UNPARSED, UNPARSED]
    assert "02.150Z" in lines[0]["record"]
    assert "02.151Z" in lines[1]["record"]


@pytest.mark.parametrize(
    "end", [b'{"a":"AA', b'{"a":"AA]', b'{"a":"AA}', b'{"a":"AA}x', b'{"a":"AA} ]x', b'{"a":"AA}\v]', b'{"a":"AA}]\v']
)
def test_what_does_not_end_as_a_body_does_is_not_waited_for_and_is_kept_to_its_last_character(end: bytes) -> None:
    rest = envelope("2026-11-20T09:15:02.150Z", end)[:-1]
    (line,) = reader().read(b"[" + rest, EPOCH).lines.splitlines()
    assert json.loads(line)["record"] == rest.decode()


def test_an_unfinished_record_waits_for_the_next_body_and_is_given_up_without_one() -> None:
    first, _ = pieces(RECORD, 10)
    one = reader()
    waiting = [one.unfinished]
    assert one.read(b"[" + first + b"]", EPOCH).records == 0
    waiting.append(one.unfinished)
    received = one.close_partial()
    assert (received.records, received.unparsed) == (1, 1)
    waiting.append(one.unfinished)
    assert waiting == [False, True, False]
    assert one.close_partial().records == 0


def test_a_body_of_broken_envelopes_costs_bounded_work() -> None:
    broken = b"[" + b",".join([envelope("2026-11-20T09:15:02.150Z", b"{")] * 3000) + b"]"
    lines = [json.loads(line) for line in reader().read(broken, EPOCH).lines.splitlines()]
    assert {line["type"] for line in lines} <= {UNPARSED}


@pytest.mark.parametrize(("cuts", "joined"), [(64, True), (65, False)])
def test_a_record_in_more_than_65_pieces_is_kept_as_text(cuts: int, joined: bool) -> None:  # noqa: FBT001
    (line,) = shipped(pieces("x" * 100, *range(2, 2 + cuts)))
    assert (line["type"], line["record"] == "x" * 100) == ("function" if joined else UNPARSED, joined)
    assert str(line["record"]).count("x") == 100


def test_behind_what_cannot_be_read_the_next_64_envelopes_are_tried() -> None:
    broken = envelope("2026-11-20T09:15:02.150Z", b"{")
    lines = shipped([BEFORE, *[broken] * 64, AFTER])
    assert [line["type"] for line in lines] == ["function", UNPARSED, "platform.end"]
    lines = shipped([BEFORE, *[broken] * 65, AFTER])
    assert [line["type"] for line in lines] == ["function", UNPARSED]
    assert '"platform.end"' in str(lines[1]["record"])  # as text


def test_what_is_given_up_has_the_time_at_which_its_body_came() -> None:
    first, _ = pieces(RECORD, 10)
    one = reader()
    one.read(b"[" + first + b"]", EPOCH + 5)
    (line,) = one.close_partial().lines.splitlines()
    assert json.loads(line)["time"] == objects.iso_time(EPOCH + 5)


@pytest.mark.parametrize(("over", "waits"), [(0, True), (1, False)])
def test_an_unfinished_record_waits_only_up_to_4_mi_characters(over: int, waits: bool) -> None:  # noqa: FBT001
    bare = envelope("2026-11-20T09:15:02.150Z", b'"') + b"]"
    long = bare.replace(b'"}]', b'"' + b"x" * (4 * 1024 * 1024 - len(bare) + over) + b"}]")
    one = reader()
    assert one.read(b"[" + long, EPOCH).records == over
    assert one.unfinished is waits


HEAD = b'{"time":"2026-11-20T09:15:02.150Z","type":"function","record":'
CUT = b"[" + HEAD + b'{"message":"AA}]'


@pytest.mark.parametrize("before", [b"", CUT], ids=["fresh", "behind a cut record"])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" \n", b"[]", b"[ ] ", b"[] what is this", b"no JSON", b"7", b'"text"', b"{}", b"[", b"[,]"),
        *(b"[" + BEFORE + b"]", b"[" + BEFORE + b"] and more", b"[" + BEFORE + b" and more", b"[" + BEFORE + b",]"),
        *(b"[" + BEFORE + b"," + AFTER + b"]]", b"[" + BEFORE + b"?," + AFTER + b"]", b"[what?," + AFTER + b"]"),
    ],
)
def test_a_body_that_ends_behind_its_array_leaves_nothing_for_the_next(before: bytes, body: bytes) -> None:
    one = reader()
    one.read(before, EPOCH)
    one.read(body, EPOCH)
    assert not one.unfinished
    after = one.read(b"[" + AFTER + b"]", EPOCH)
    assert (after.records, after.unparsed) == (1, 0)


@pytest.mark.parametrize(("between", "behind"), [(b" ", b""), (b"", b"\n"), (b"\r\n", b" \t")])
def test_blanks_around_the_end_of_a_body_are_no_part_of_the_record_that_it_leaves_unfinished(
    between: bytes, behind: bytes
) -> None:
    first, second = pieces(RECORD, 13)
    one = reader()
    assert one.read(b"[" + first + between + b"]" + behind, EPOCH).records == 0
    (line,) = one.read(b" [ " + second + b" ] ", EPOCH).lines.splitlines()
    assert json.loads(line)["record"] == RECORD


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"no JSON", b"[" + BEFORE + b"]", b" [ " + BEFORE + b"]"),
        b"[" + envelope("2026-11-20T09:15:02.150Z", b'"a [list] of"') + b"]",
    ],
)
def test_a_cut_record_that_the_next_body_does_not_go_on_with_is_kept_as_its_text(body: bytes) -> None:
    one = reader()
    assert one.read(CUT, EPOCH).records == 0
    first, *others = (json.loads(line) for line in one.read(body, EPOCH).lines.splitlines())
    assert (first["type"], first["record"]) == (UNPARSED, HEAD.decode() + '{"message":"AA')
    assert len(others) == (body not in (b"", b"[]"))
