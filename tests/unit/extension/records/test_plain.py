"""Plain lines are found by counting: what comes of them is, byte for byte, what the scanner makes of the same body.

The reference is the reader itself: with a blank behind the bracket a body is left to the scanner.
"""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extension.records import plain, request_ids
from tests.unit.extension.records.reading import TIME, read, reader, start
from tests.unit.extension.records.strategies import JSON, PATIENT

if TYPE_CHECKING:
    from extension.records.reader import Received

RUNNING, EARLIER = "5f0c8b1e-8c8a-4a4e-9a51-0123456789ab", "6a1d9c2f-9d9b-4b5f-8b62-123456789abc"
FACTS = ("lines", "records", "unparsed", "first_time", "last_time", "started", "done", "dropped")

# What stands in a record, as JSON writes it: what is plain, what names a request, and what only looks so.
TEXTS = (
    *(
        "",
        "hello",
        "\\n",
        "a\\tb",
        'say \\"hi\\"',
        "C:\\\\dir\\\\",
        "\\\\",
        '\\\\\\"',
        "\\\\n",
        "\\u00e9",
        "é😀",
        "\\/\\b\\f\\r",
    ),
    *("\\ud800", "\\u0022", '},{\\"time\\":\\"', '\\"},{\\"time\\":\\"x\\",\\"type\\":\\"function\\",\\"record\\":\\"'),
    *(f'{{\\"requestId\\":\\"{one}\\"}}' for one in (RUNNING, EARLIER, "unknown")),
    *(f'{{\\"a\\":1,\\"function_request_id\\": \\"{one}\\",\\"b\\":\\"request\\"}}\\n' for one in (RUNNING, EARLIER)),
    *(f'{{\\"re\\u0071uestId\\":\\"{one}\\"}}' for one in (RUNNING, EARLIER)),
    *(f'{{\\"requestId\\":\\"x\\",\\"message\\":{{\\"request_id\\":\\"{one}\\"}}}}' for one in (RUNNING, EARLIER)),
    *(f'{{\\"note\\":\\"requestId\\\\\\":\\\\\\"{one}\\\\\\"\\"}}' for one in (RUNNING, EARLIER)),
    *(f"[INFO]\\t{TIME}\\t{one}\\tdone\\n" for one in (RUNNING, EARLIER, "unknown")),
    *(f"{TIME}\\t{one}\\tINFO\\t{two}\\tx" for one in (RUNNING, EARLIER, "unknown") for two in (RUNNING, EARLIER)),
    *(f"{TIME}\\t{one}\\t{two}\\tx" for one in (RUNNING, EARLIER, "unknown") for two in (RUNNING, EARLIER)),
    *(f"T{TIME[1:]}\\t{RUNNING}\\t{two}\\tx" for two in (RUNNING, EARLIER)),
    *(f"RequestId: {one} Process exited" for one in (RUNNING, EARLIER)),
    *(f"I, [{TIME} #7]  INFO {one} -- : hello" for one in (RUNNING, EARLIER)),
    *(f"a\\u0009b\\t{one}\\tc" for one in (RUNNING, EARLIER)),
    *(f"a\\u0009b\\u0009{one}\\u0009c" for one in (RUNNING, EARLIER)),
    *(
        f'{{\\"request_id\\":\\"{one}\\",\\"requestId\\":\\"{two}\\"}}'
        for one, two in ((RUNNING, EARLIER), (EARLIER, RUNNING))
    ),
    *(f'{{\\"request_id\\":\\"{RUNNING}\\",\\"re\\u0071uestId\\":\\"{one}\\"}}' for one in (RUNNING, EARLIER)),
    *(f"x\\\\ty\\t{one}\\tc\\t{two}\\t" for one in (RUNNING, EARLIER) for two in (RUNNING, EARLIER)),
)
FAULTS = (
    "\\x",
    "\\",
    "\t",
    "\x00",
    '"',
    '","type":"function","record":"',
    '"},{"time":"',
    "\\u12",
    "\\u00g0",
    "]",
    "}",
)
TIMES = (TIME, TIME, TIME, "2026-11-20T09:15:02Z", "2026-11-20T09:15:02.150é", "", "z" * 24, "\\u0032" * 4)
KINDS = ("function", "function", "function", "function", "extension", "platform.end", "unknown", "functio\\u006e")
OTHERS = (
    f'{{"time":"{TIME}","type":"platform.start","record":{{"requestId":"{RUNNING}","version":"$LATEST"}}}}',
    f'{{"time":"{TIME}","type":"platform.report","record":{{"requestId":"{EARLIER}"}}}}',
    f'{{"time":"{TIME}","type":"platform.x","record":[{{"a":1}},{{"time":"y","type":"function","record":"z"}},{{"time":"x"}}]}}',
    f'{{"time":"{TIME}","type":"function","record":{{"message":"a \\\\ \\" b"}}}}',
    f'{{"time":"{TIME}","type":"function","record":"a" }}',
    f'{{"time":"{TIME}","type":"function","record":"a","record":"b"}}',
    f'{{"type":"function","time":"{TIME}","record":"a"}}',
    '{"time":"x"}',
)


def envelope(text: str, time: str = TIME, kind: str = "function") -> str:
    return f'{{"time":"{time}","type":"{kind}","record":"{text}"}}'


FILLER = (envelope("x" * 200) + ",").encode() * (plain.WORTH // 200)


def told(received: Received) -> list[object]:
    return [getattr(received, name) for name in FACTS]


def both(body: bytes, *types: str, running: str = RUNNING) -> tuple[list[object], list[object]]:
    """What a reader makes of a body, and what it makes of the same with a blank that leaves it to the scanner.

    Before the body stand lines enough to make it one that is worth counting.
    """
    outcomes = []
    for one in (b"[" + FILLER + body[1:], b"[ " + FILLER + body[1:]):
        source = reader(*types)
        source.saw(EARLIER)
        read(f"[{start(EARLIER)},{start(running)}]" if running else "[]", source)
        outcomes.append([*told(read(one, source)), told(source.close_partial()), vars_of(source.state())])
    return outcomes[0], outcomes[1]


def vars_of(state: object) -> list[object]:
    return [getattr(state, name) for name in ("request_id", "seen", "sequence", "arn", "running")]


def plain_lines(body: bytes) -> plain.Lines | None:
    """The plain lines with which a body begins."""
    found = plain.find(body.decode("utf-8", "replace"), body)
    return found.at(1) if found else None


def is_plain(text: str, *, count: int = 1) -> bool:
    """Whether a body of `count` such lines, and another envelope behind them, is read without the scanner."""
    body = f"[{','.join([text] * count)},{OTHERS[0]}]"
    lines = plain_lines(body.encode())
    return lines is not None and len(lines.texts) == count


@pytest.mark.parametrize("text", TEXTS)
def test_any_line_of_a_logger_is_plain_and_comes_out_as_the_scanner_makes_it(text: str) -> None:
    json.loads(envelope(text))
    assert is_plain(envelope(text))
    body = f"[{envelope(text)},{envelope('behind')},{OTHERS[0]}]".encode()
    for running in (RUNNING, ""):
        ours, scanners = both(body, running=running)
        assert ours == scanners


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_that_is_no_json_or_none_of_its_own_is_left_to_the_scanner_with_its_neighbours(fault: str) -> None:
    for text in (fault, f"a{fault}", f"{fault}b", f"a{fault}b"):
        body = f"[{envelope('before')},{envelope(text)},{envelope('behind')},{OTHERS[0]}]".encode()
        ours, scanners = both(body)
        assert ours == scanners


def test_faults_that_make_up_for_each_other_are_left_to_the_scanner() -> None:
    whole = (
        [envelope(fault) for fault in FAULTS] + [envelope("a" + fault) for fault in FAULTS] + [envelope("")[:-2] + "}"]
    )
    for one, two in itertools.permutations(whole, 2):
        ours, scanners = both(f"[{envelope('before')},{one},{two},{envelope('behind')},{OTHERS[0]}]".encode())
        assert ours == scanners, (one, two)


def test_a_body_that_ends_anywhere_comes_out_as_the_scanner_makes_it() -> None:
    for last in ("behind", "be\\\\", 'be\\"'):
        body = f"[{envelope('before')},{envelope(last)},{envelope(last)}]".encode()
        for end in range(1, len(body)):
            ours, scanners = both(body[:end])
            assert ours == scanners, body[:end]


def test_the_requests_of_plain_lines_are_those_that_a_search_in_each_one_finds() -> None:
    body = f"[{','.join(map(envelope, TEXTS))},{OTHERS[0]}]"
    lines = plain_lines(body.encode())
    assert lines is not None
    records = [json.loads(envelope(text))["record"] for text in TEXTS]
    for known in itertools.chain.from_iterable(
        itertools.combinations((RUNNING, EARLIER, "unknown"), n) for n in range(4)
    ):
        for otherwise in (RUNNING, EARLIER, "1", None):
            expected = [request_ids.request_of(record, known, otherwise) for record in records]
            ours: list[str | None] = [otherwise] * len(records)
            for number, request in request_ids.other_requests(lines, known, otherwise):
                ours[number] = request
            assert ours == expected, (known, otherwise)


def broken_off(text: str, *, unicode: bool) -> plain.Lines:
    """A line that lacks the quote behind its text: it cannot be decoded."""
    head = f'{TIME}","type":"function","record":"'
    return plain.Lines([head + text], [head + text], [TIME], len(head), 0, unicode)


@pytest.mark.parametrize("unicode", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        *("hello", "é", "START RequestId: 7 Version: $LATEST", '{\\"a\\":1}', "{", "{\\n"),
        *(f'{{\\"requestId\\":\\"{RUNNING}\\"}}', f'{{\\"a\\":1,\\"request_id\\": \\"{RUNNING}\\",\\"b\\":2}}\\n'),
        *(f"[INFO]\\t{TIME}\\t{RUNNING}\\tdone\\n", f"{TIME}\\t{RUNNING}\\tINFO\\tdone"),
        f"I, [{TIME} #7]  INFO {RUNNING} -- : done",
    ],
)
def test_a_line_is_decoded_only_if_it_may_be_another_request_s(text: str, *, unicode: bool) -> None:
    known = (RUNNING, EARLIER)
    assert list(request_ids.other_requests(broken_off(text, unicode=unicode), known, RUNNING)) == []
    with pytest.raises(ValueError, match="Unterminated"):
        list(request_ids.other_requests(broken_off(f"RequestId: {text}", unicode=unicode), known, RUNNING))


@pytest.mark.parametrize("time", TIMES)
def test_only_a_time_of_the_platforms_form_makes_a_line_plain(time: str) -> None:
    assert is_plain(envelope("a", time)) is (time in (TIME, "2026-11-20T09:15:02Z"))


@pytest.mark.parametrize("length", [1, 2, 40, 41])
def test_a_time_of_up_to_40_characters_makes_a_line_plain(length: int) -> None:
    assert is_plain(envelope("a", "7" * length)) is (length <= 40)


def test_lines_of_a_body_are_taken_together_and_what_stands_between_them_is_not() -> None:
    line, other = envelope("é\\n"), OTHERS[0]
    body = f"[{line},{line},{other},{line},{other},{other},{line},{line},{line},{line}]"
    found = plain.find(body, body.encode())
    assert found
    counts = []
    position = 1
    while position < len(body) - len(line) - 1:
        lines = found.at(position)
        counts.append(len(lines.texts) if lines else 0)
        position = lines.end if lines else position + len(other) + 1
    assert counts == [2, 0, 1, 0, 0, 3]  # the last has no other envelope behind it


@pytest.mark.parametrize(("length", "escapes", "plain_ones"), [(300, "", 1), (900, "", 0), (900, "\\n" * 20, 1)])
def test_long_lines_with_few_escapes_are_left_to_the_scanner(length: int, escapes: str, plain_ones: int) -> None:
    lines = [envelope("x" * length + escapes) for _ in range(10)]
    body = f"[{','.join(lines)},{OTHERS[0]}]".encode()
    assert (plain_lines(body) is not None) == plain_ones
    ours, scanners = both(body)
    assert ours == scanners


@pytest.mark.parametrize(
    ("period", "escapes", "counted"),
    [
        (510, 0, True),
        (511, 0, False),
        (900, 31, False),
        (900, 32, True),
    ],
)
def test_lines_are_counted_if_8_more_begin_or_32_escapes_stand_in_the_first_4_ki_characters(
    period: int, escapes: int, *, counted: bool
) -> None:
    first, other = (envelope(text + "x" * (period - 1 - len(envelope(text)))) for text in ("\\n" * escapes, ""))
    body = f"[{','.join([first, *[other] * 20])}]".encode()
    assert (plain_lines(body) is not None) is counted


def test_a_body_of_less_than_4_ki_characters_is_counted_however_few_its_lines_are() -> None:
    assert is_plain(envelope("x" * 3000))


def bodies(chance: random.Random) -> bytes:
    """A body of lines that are plain and lines that are nearly so, broken somewhere more often than not."""
    entries = []
    for _ in range(chance.randint(0, 12)):
        if chance.random() < 0.15:
            entries.append(chance.choice(OTHERS))
            continue
        text = "".join(chance.choice(TEXTS) for _ in range(chance.choice((1, 1, 1, 2))))
        if chance.random() < 0.05:
            text += chance.choice(FAULTS) + chance.choice(TEXTS)
        usual = chance.random() < 0.9
        entries.append(envelope(text) if usual else envelope(text, chance.choice(TIMES), chance.choice(KINDS)))
    body = bytearray(f"[{','.join(entries)}]".encode())
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        at = chance.randrange(1, len(body) + 1)
        kind = chance.random()
        if kind < 0.4:
            del body[at : at + chance.choice((1, 1, 1, 2, 40))]
        elif kind < 0.8:
            body[at:at] = chance.choice((*FAULTS, ",", "{", "\\\\", '\\"', "\n", "\xa0")).encode()
        else:
            body[at:at] = bytes([chance.randrange(256)])
    return bytes(body)


def test_whatever_the_body_is_counting_and_scanning_make_the_same_of_it() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    plain_ones = 0
    for _ in range(3000):
        body = bodies(chance)
        types = chance.choice(((), (), ("platform",), ("function",)))
        ours, scanners = both(body, *types, running=chance.choice((RUNNING, RUNNING, EARLIER, "")))
        assert ours == scanners, body
        plain_ones += plain_lines(body) is not None
    assert plain_ones > 500  # of the bodies some are read by counting


@PATIENT
@given(st.lists(st.text(max_size=20) | JSON, max_size=6), st.booleans())
@example(["\ud800", "a\\"], True)
def test_any_records_come_out_as_the_scanner_makes_them(records: list[object], ascii_only: bool) -> None:  # noqa: FBT001
    entries = [{"time": TIME, "type": "function", "record": one} for one in records]
    body = json.dumps(entries, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "surrogatepass")
    ours, scanners = both(body)
    assert ours == scanners
