"""What reading a body costs, in steps counted: whatever the bytes are, a few for each character of it.

A step is a character that was scanned, copied or searched where something is broken; the same counter ends the mending.
Hypothesis looks for the bodies that cost most.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from extension.records import envelopes
from extension.records.envelopes import UNPARSED, Entry
from extension.records.mending import ENTRIES, FREE_STEPS, SHORTEST, STEPS, Steps
from extension.records.plain import WORTH
from tests.unit.extension.records.reading import NOW
from tests.unit.extension.records.strategies import PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extension.records.plain import Lines

HEAD = '{"time":"2026-11-20T09:15:02.150Z","type":"function","record":'
ENOUGH = 300_000  # characters: more than what any body may cost, whatever its length
PARTS = st.sampled_from(
    [
        *(HEAD, HEAD + '"ab"}', HEAD + '{"message":"AAAA}', HEAD + "x}", HEAD + "{}}", '{"time":', '{"time":x}'),
        *("},", "}", "{", "[", "]", ",", '"', "\\", '\\"', "\\u12", "1", "-", "9" * 50, " ", "\n", "é", "\U0001f600"),
        *('{"n":1}', "{}", '{"type":"a"}', '"a",', "[[[[[[", "]]]]]]", "\x00", "tru", ":", "},{", " " * 300),
    ]
)
BODIES = st.lists(st.lists(PARTS, min_size=1, max_size=6).map("".join), min_size=1, max_size=3)


def alone(lines: Lines) -> Iterator[Entry]:
    """Each of some plain lines as an entry of its own."""
    for text, time in zip(lines.texts, lines.times, strict=True):
        raw = f'{{"time":"{text}}}'
        yield Entry(raw, "function", time, json.loads(raw)["record"])


def cost(text: str, tail: str = "") -> tuple[list[Entry], str, Steps]:
    size = len(text) + len(tail)
    steps = Steps(size)
    read, left = envelopes.split(text.encode(), tail, NOW, steps)
    found = [entry for one in read for entry in ([one] if isinstance(one, Entry) else alone(one))]
    most = 2 * (STEPS * size + FREE_STEPS) + 2 * size  # what is begun within the allowance is ended
    assert steps.taken <= most, f"{steps.taken} steps for {size} characters"
    assert len(found) <= ENTRIES + size // SHORTEST + 2 + text.count(HEAD)
    return found, left, steps


@pytest.mark.holds("input: whatever the bytes are, reading a body takes a bounded number of steps")
@PATIENT
@given(units=BODIES, separator=st.sampled_from(["", ",", "},", " ,"]), opens=st.booleans())
def test_no_body_costs_more_than_a_few_steps_for_each_of_its_characters(
    units: list[str], separator: str, *, opens: bool
) -> None:
    unit = separator.join(units) + separator
    text = "[" * opens + unit * (ENOUGH // len(unit)) + "]" * opens
    _, _, steps = cost(text)
    target(steps.taken / len(text))


@pytest.mark.holds("input: whatever the bytes are, reading a body takes a bounded number of steps")
@PATIENT
@given(units=BODIES, tail=st.lists(PARTS, min_size=1, max_size=3).map("".join))
def test_nor_does_what_the_body_before_left_unfinished(units: list[str], tail: str) -> None:
    text = "[" + HEAD + ",".join(units) * (ENOUGH // 3 // len("".join(units) + ",")) + "]"
    _, _, steps = cost(text, HEAD + tail * (ENOUGH // 3 // len(tail)))
    target(steps.taken / len(text))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1023, 1024, 10_000])
def test_mending_ends_after_3_steps_for_each_character_and_1_mi_and_trying_after_2_and_1_mi_more(size: int) -> None:
    steps = Steps(size)
    counts = (3 * size + 1024 * 1024 - 1, 1, 2 * size + 1024 * 1024 - 1, 1)
    states = []
    for count in counts:
        steps.take(count)
        states.append((steps.may_mend, steps.are_spent))
    assert states == [(True, False), (False, False), (False, False), (False, True)]
    assert steps.taken == sum(counts)


@pytest.mark.parametrize("size", [0, 1023, 1024, 10_000])
def test_mending_ends_when_1000_scans_have_failed_and_one_more_for_each_kib(size: int) -> None:
    steps = Steps(size)
    may_mend = []
    for _ in range(1000 + size // 1024):
        may_mend.append(steps.may_mend)
        steps.failed(3)
    assert all(may_mend)
    assert not steps.may_mend
    assert steps.taken == (1000 + size // 1024) * (256 + 3)


@pytest.mark.parametrize("size", [0, 63, 64, 10_000])
def test_a_body_has_1000_entries_at_most_and_one_more_for_each_64_characters(size: int) -> None:
    steps = Steps(size)
    steps.entries -= 999 + size // 64
    assert not steps.are_spent
    steps.entries -= 1
    assert steps.are_spent


LONG = '{"type":"a","record":["' + "x" * 10_000 + '"]}'


@PATIENT
@given(st.lists(st.sampled_from(['{"type":"a"}', HEAD + '"ab"}', HEAD + '"a\\"b"}', HEAD + "{}}", "5", "[]", LONG])))
def test_what_is_whole_costs_no_steps(parts: list[str]) -> None:
    _, left, steps = cost(array(*parts))
    assert (left, steps.taken, steps.failures) == ("", 0, 0)


def array(*parts: str) -> str:
    return "[" + ",".join(parts) + "]"


SLOW = {
    "every second record is cut": array(*[HEAD + '"ab"}', HEAD + '{"message":"AAAA}'] * 5_000),
    "9,000 seams in one record": array(HEAD + '[{"n":1},' + (HEAD + "1},") * 9_000 + "1]}"),
    "9,000 seams, and none fits": array(*[HEAD + '{"a":"b}'] * 9_000),
    "deep": "[" + HEAD + "[" * 500_000 + "}]",
    "unbalanced quotes": array(*[HEAD + '"abc}'] * 9_000),
    "a huge number": array(HEAD + "1" * 1_000_000 + "}"),
    "backslashes": array(HEAD + '"' + "\\" * 1_000_001 + '"}'),
    "blanks": "[" + HEAD + '"a"}' + " " * 1_000_000 + "x",
    "tiny envelopes": array(*["{}"] * 300_000),
    "tiny types": array(*['{"type":"a"}'] * 70_000),
}


@pytest.mark.holds("input: whatever the bytes are, reading a body takes a bounded number of steps")
@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_bodies_that_were_made_to_be_slow_are_not(text: str) -> None:
    cost(text)


@pytest.mark.holds("input: a broken entry is shipped as text and counted, and its neighbours are kept")
def test_where_every_second_record_is_cut_every_neighbour_is_kept() -> None:
    found, left, _ = cost(SLOW["every second record is cut"])
    assert [one.record for one in found if one.readable] == ["ab"] * 5_000
    assert sum(one.type == UNPARSED for one in found) == 4_999
    assert left.endswith("AAAA")  # the last of them may have its other half in the next body


def test_of_tiny_envelopes_a_body_has_no_more_than_the_platform_can_send_and_the_rest_is_text() -> None:
    found, _, _ = cost(SLOW["tiny types"])
    assert found[-1].type == UNPARSED
    assert str(found[-1].record).startswith('{"type":"a"},{"type":"a"}')
    assert {one.type for one in found[:-1]} == {"a"}


def test_a_number_is_its_own_text_and_no_string() -> None:
    (entry,), _, _ = cost(array('{"time":5,"type":"a","record":[1.10,1e400,-0]}'))
    assert json.loads(entry.raw)["record"] == [1.1, float("inf"), 0]
    assert (entry.time, entry.record) == ("", [b"1.10", b"1e400", b"-0"])


BIG = "x" * 5000
#: What is broken, as body and tail of the body before: steps, scans that failed, entries of the allowance, entries
#: found, characters left for the next body. Which pieces belong together is held in test_splits; what that costs, here.
COSTS = {
    "cut in two": (array(HEAD + '"ab"}', HEAD + '{"m":"AA}', HEAD + 'BB"}}', HEAD + '"c"}'), "", (563, 1, 2, 3, 0)),
    "cut in three": (array(HEAD + '{"m":"AA}', HEAD + "BB}", HEAD + 'CC"}}'), "", (1351, 3, 1, 1, 0)),
    "cut between digits": (array(HEAD + '{"n":1}', HEAD + "0}}"), "", (546, 1, 1, 1, 0)),
    "one is broken": (array(HEAD + "x}", HEAD + '"a"}'), "", (785, 2, 2, 2, 0)),
    "broken behind a window": (array(HEAD + f'"{BIG}" x}}', HEAD + '"a"}'), "", (20146, 3, 2, 2, 0)),
    "broken behind two": (array(HEAD + f'"{BIG * 9}" x}}', HEAD + '"a"}'), "", (156786, 4, 2, 2, 0)),
    "the second is broken": (array(HEAD + f'"{BIG}"}}', HEAD + "x}", HEAD + '"a"}'), "", (1418, 2, 2, 3, 0)),
    "two are broken": (array(HEAD + "x}", HEAD + f'"{BIG}"}}', HEAD + "y}", HEAD + '"a"}'), "", (10920, 5, 3, 4, 0)),
    "the end is to come": (array(HEAD + '"a"}', HEAD + '{"m":"AA}'), "", (336, 1, 1, 1, 70)),
    "the end has come": ("[" + HEAD + 'BB"}},' + HEAD + '"a"}]', HEAD + '{"m":"AA', (0, 0, 2, 2, 0)),
    "it is cut again": ("[" + HEAD + "BB}," + HEAD + 'CC"}},' + HEAD + '"a"}]', HEAD + '{"m":"AA', (1122, 2, 2, 2, 0)),
    "the end never comes": ("[" + HEAD + '"a"}]', HEAD + '{"m":"AA', (331, 1, 1, 2, 0)),
    "trailing": ("[" + HEAD + '"a"} x', "", (1, 0, 1, 1, 0)),
    "behind the array": ("[" + HEAD + '"a"}] x', "", (0, 0, 1, 2, 0)),
    "long pieces": (
        array(HEAD + f'{{"m":"{BIG}}}', HEAD + BIG + "}", HEAD + BIG + '"}}', HEAD + '"a"}'),
        "",
        (60747, 4, 2, 2, 0),
    ),
    "blanks": ("[ " + HEAD + '"a"}  ,\n ' + HEAD + "x}  , " + HEAD + '"b"} \n]', "", (805, 2, 3, 3, 0)),
}


@pytest.mark.parametrize(("text", "tail", "expected"), COSTS.values(), ids=COSTS.keys())
def test_what_mending_costs_to_the_step(text: str, tail: str, expected: tuple[int, ...]) -> None:
    steps = Steps(len(text) + len(tail))
    allowed = steps.entries
    found, left = envelopes.split(text.encode(), tail, NOW, steps)
    assert (steps.taken, steps.failures, allowed - steps.entries, len(found), len(left)) == expected


#: What must be left of the allowance for the pieces to be joined.
LEAST = {
    "cut in two": 355,
    "cut in three": 1208,
    "cut between digits": 343,
    "long pieces": 40_613,
    "it is cut again": 910,
}


@pytest.mark.parametrize("what", LEAST)
def test_pieces_are_joined_as_long_as_the_allowance_lasts(what: str) -> None:
    text, tail, _ = COSTS[what]
    whole = cost(text, tail)[0]
    for spare in (0, -1):
        steps = Steps(len(text) + len(tail))
        steps.take(steps.left - LEAST[what] - spare)
        found, _ = envelopes.split(text.encode(), tail, NOW, steps)
        records = [entry.record for entry in found if isinstance(entry, Entry)]
        assert (records == [entry.record for entry in whole]) == (spare == 0)


LINE = HEAD + '"hello"}'
OBJECT = HEAD + '{"a":1}}'
OF_EXTENSION = LINE.replace("function", "extension")
BEGUN = HEAD + '{"m":"AA'


def sized(size: int, unit: str = LINE) -> str:
    """A body of just so many bytes: such units, and a line that fills it up."""
    text = "[" + (unit + ",") * ((size - 2 - len(LINE)) // (len(unit) + 1))
    return f'{text}{LINE[:-2]}{"x" * (size - len(text) - len(LINE) - 1)}"}}]'


#: How a body is read: one scan for each entry of the allowance; the others half a scan; of plain lines none.
WAYS = {
    "lines": (array(*[LINE] * 5), "", (1, 5, 0)),
    "one line": (array(LINE), "", (1, 1, 0)),
    "beyond ASCII": (array(*[HEAD + '"h\u00e9"}'] * 5), "", (1, 5, 0)),
    "a byte order mark": ("\ufeff" + array(*[LINE] * 5), "", (1, 5, 0)),
    "behind a cut record": (array(*[LINE] * 5), BEGUN, (5, 6, 0)),
    "blanks between": ("[" + ", ".join([LINE] * 5) + "]", "", (5, 5, 0)),
    "objects among lines": (array(LINE, OBJECT, LINE, LINE, HEAD + "[]}", LINE), "", (3, 6, 0)),
    "of an extension": (array(*[OF_EXTENSION] * 4), "", (1, 4, 0)),
    "of the platform": (array(*[LINE.replace("function", "platform.x")] * 4), "", (4, 4, 0)),
    "a time that is none": (array(*[LINE.replace("-", "-" * 20)] * 4), "", (4, 4, 0)),
    "long enough": (sized(WORTH), "", (1, 1, 229)),
    "not long enough": (sized(WORTH - 1), "", (1, 230, 0)),
    "long, behind a cut record": (sized(WORTH), BEGUN, (230, 231, 0)),
    "long and mixed": (sized(2 * WORTH, f"{LINE},{OBJECT},{LINE},{OF_EXTENSION}"), "", (115, 229, 228)),
}


@pytest.mark.parametrize(("text", "tail", "expected"), WAYS.values(), ids=WAYS.keys())
def test_what_is_regular_is_read_with_as_few_scans_as_it_may(text: str, tail: str, expected: tuple[int, ...]) -> None:
    assert way(text.encode(), tail) == expected
    assert way(text.encode(), tail, singly=True)[1:] == (expected[1] + expected[2], 0)
    spoilt = text.encode().replace(b'"h', b'"\xc3h', 1)  # not UTF-8: nothing of it is regular
    assert way(spoilt, tail)[0] == way(spoilt, tail)[1] - bool(tail)


def way(body: bytes, tail: str, *, singly: bool = False) -> tuple[int, int, int]:
    """Entries of the allowance, entries by themselves, lines that are plain."""
    steps = Steps(len(body) + len(tail))
    allowed = steps.entries
    found, _ = envelopes.split(body, tail, NOW, steps, singly=singly)
    alone_ones = [one for one in found if isinstance(one, Entry)]
    plain_ones = [text for one in found if not isinstance(one, Entry) for text in one.texts]
    return allowed - steps.entries, len(alone_ones), len(plain_ones)
