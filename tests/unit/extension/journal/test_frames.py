"""The journal's frames: what was written comes back; where a file is broken, all that stands before does."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.journal import frames
from extension.records.chunk import ReaderState, Seal

SERIALS = st.integers(1, 2**63 - 1)
RANGES = st.tuples(SERIALS, SERIALS).map(sorted).map(tuple)
TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates among them
IDS = st.lists(TEXTS, max_size=3).map(tuple)
STATES = st.builds(ReaderState, st.none() | TEXTS, IDS, st.integers(0, 2**53), TEXTS, st.none() | IDS)
PARTIAL = st.lists(SERIALS, max_size=2).map(tuple)
ENVIRONMENTS = st.text("0123456789abcdef", min_size=12, max_size=12)
REPORTS = st.just("") | st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda one: json.dumps(one) + "\n")


@st.composite
def seals(draw: st.DrawFn) -> Seal:
    first, last = draw(st.just((None, None)) | RANGES)
    report = draw(REPORTS)
    before, after = draw(STATES), draw(STATES)
    after.sequence = before.sequence + bool(report) + draw(st.integers(0, 2**20))
    environment = draw(st.just("") | ENVIRONMENTS)
    filters = draw(st.just(()) | st.tuples(*[TEXTS] * frames.FILTERS))
    return Seal(draw(TEXTS), first, last, before, after, draw(TEXTS), report, draw(PARTIAL), environment, filters)


SEALS = seals()
WALLS = st.floats(2**30, 2**31)


def members(state: ReaderState | None) -> list[object] | None:
    return None if state is None else [state.request_id, state.seen, state.sequence, state.arn, state.running]


def one_frame() -> st.SearchStrategy[bytes]:
    entry = st.builds(
        lambda serial, wall, body: frames.entry(serial, wall, body) + body, SERIALS, WALLS, st.binary(max_size=80)
    )
    seal = st.builds(lambda one: frames.seal(one, "0123456789ab"), SEALS)
    forget = st.builds(lambda both: frames.serials(frames.FORGET, *both), RANGES)
    replaying = st.builds(lambda first: frames.serials(frames.REPLAYING, first), SERIALS)
    return st.one_of(entry, seal, forget, replaying)


SEQUENCES = st.lists(one_frame(), max_size=12)


def read(data: bytes) -> tuple[list[bytes], int]:
    """The whole frames of `data` as bytes, and where the last one ends."""
    found, at = [], 0
    for _, payload, end in frames.valid(io.BytesIO(data).read, len(data)):
        found.append(data[end - len(payload) - frames.PREFIX_BYTES : end])
        at = end
    return found, at


@given(SEQUENCES)
def test_any_sequence_of_frames_comes_back(sequence: list[bytes]) -> None:
    assert read(b"".join(sequence)) == (sequence, sum(map(len, sequence)))


@given(SEQUENCES, st.data())
def test_any_cut_of_a_file_leaves_exactly_the_frames_before_it(sequence: list[bytes], data: st.DataObject) -> None:
    file = b"".join(sequence)
    cut = data.draw(st.integers(0, len(file)))
    expected, size = [], 0
    for frame in sequence:
        if size + len(frame) > cut:
            break
        expected.append(frame)
        size += len(frame)
    assert read(file[:cut]) == (expected, size)


@pytest.mark.holds("journal: each entry has a length and a checksum")
@given(SEQUENCES.filter(bool), st.data())
def test_a_changed_byte_costs_the_frame_that_holds_it_and_those_behind_only_if_it_is_in_the_length(
    sequence: list[bytes], data: st.DataObject
) -> None:
    broken = data.draw(st.integers(0, len(sequence) - 1))
    at = data.draw(st.integers(0, len(sequence[broken]) - 1))
    changed = bytearray(sequence[broken])
    changed[at] ^= data.draw(st.integers(1, 255))
    found, _ = read(b"".join([*sequence[:broken], changed, *sequence[broken + 1 :]]))
    behind = sequence[broken + 1 :]
    assert found[:broken] == sequence[:broken]
    if at < 4:  # behind a longer length another frame may begin
        assert found[broken:] in [behind[skipped:] for skipped in range(len(behind) + 1)]
    else:
        assert found[broken:] == behind


@pytest.mark.holds("journal: a broken entry costs itself alone if its length is whole")
def test_of_two_broken_frames_side_by_side_the_reading_ends_at_the_first() -> None:
    good = [frames.serials(frames.REPLAYING, number) for number in range(1, 6)]
    bad = [one[:-1] + b"\xff" for one in good]
    assert read(b"".join([good[0], bad[1], good[2], bad[3], good[4]]))[0] == [good[0], good[2], good[4]]
    assert read(b"".join([good[0], bad[1], bad[2], good[3], good[4]])) == ([good[0]], len(good[0]))
    assert read(b"".join([good[0], bad[1]])) == ([good[0]], len(good[0]))


ONE_OF_EACH = [
    frames.header(frames.Header("0123456789ab", 1_000_000)),
    frames.entry(1, 2.0**30, b"body") + b"body",
    frames.seal(Seal("key", 1, 1, ReaderState("r-0", (), 0), ReaderState("r-1", (), 1), "age"), "e"),
    *(frames.serials(kind, *range(1, 3)) for kind in (frames.FORGET, frames.REPLAYING, frames.REPLAYED)),
]


@pytest.mark.holds("journal: each entry has a length and a checksum")
@pytest.mark.parametrize("frame", ONE_OF_EACH, ids=["header", "entry", "seal", "forget", "replaying", "replayed"])
def test_length_kind_and_every_byte_of_the_payload_are_under_the_checksum(frame: bytes) -> None:
    assert read(frame) == ([frame], len(frame))
    for at in range(len(frame)):
        for change in (1, 3, 255):
            changed = frame[:at] + bytes((frame[at] ^ change,)) + frame[at + 1 :]
            assert read(changed + bytes(256)) == ([], 0), (at, change)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_reading_raise(data: bytes) -> None:
    found, end = read(data)
    assert sum(map(len, found)) <= end <= len(data)


def test_zeros_such_as_a_file_system_leaves_behind_are_no_frame() -> None:
    assert read(frames.serials(frames.FORGET, 1, 2) + bytes(64))[1] == len(frames.serials(frames.FORGET, 1, 2))


@pytest.mark.holds("journal: each entry has a length and a checksum")
def test_a_length_beyond_every_body_is_not_waited_for() -> None:
    counts: list[int] = []

    def source(count: int) -> bytes:
        counts.append(count)
        return b"\xff" * count

    assert list(frames.valid(source, 2**40)) == []
    assert max(counts) == frames.PREFIX_BYTES


@given(SERIALS, WALLS, st.binary(max_size=80))
def test_an_entry_keeps_serial_arrival_to_the_last_bit_and_body(serial: int, wall: float, body: bytes) -> None:
    ((kind, payload, _),) = frames.valid(
        io.BytesIO(frames.entry(serial, wall, body) + body).read, frames.ENTRY_BYTES + len(body)
    )
    assert (kind, *frames.read_entry(payload)) == (frames.ENTRY, serial, wall, body)


def test_a_clock_before_the_epoch_is_no_reason_to_fail() -> None:
    head = frames.entry(1, -5.0, b"x")
    assert frames.read_entry(head[frames.PREFIX_BYTES :] + b"x") == (1, 0.0, b"x")


@given(SEALS, ENVIRONMENTS)
def test_a_seal_keeps_everything(seal: Seal, environment: str) -> None:
    back = frames.read_seal(frames.seal(seal, environment)[frames.PREFIX_BYTES :])
    assert (back.key, back.first, back.last, back.reason, back.report_line) == (
        seal.key,
        seal.first,
        seal.last,
        seal.reason,
        seal.report_line,
    )
    assert (members(back.before), members(back.after)) == (members(seal.before), members(seal.after))
    assert back.environment == (seal.environment or environment)
    assert back.filters == seal.filters


@given(
    SERIALS,
    st.lists(RANGES, max_size=3),
    st.dictionaries(SERIALS, st.integers(1, 9), max_size=3),
    st.none() | STATES,
)
def test_a_header_keeps_everything(
    last: int, forgotten: list[tuple[int, int]], replays: dict[int, int], state: ReaderState | None
) -> None:
    told = frames.Header("0123456789ab", 1_000_000)
    told.last, told.forgotten, told.replays, told.state = last, forgotten, replays, state
    back = frames.read_header(frames.header(told)[frames.PREFIX_BYTES :])
    assert (back.environment, back.limit, back.last) == ("0123456789ab", 1_000_000, last)
    assert (back.forgotten, back.replays, members(back.state)) == (forgotten, replays, members(state))


OLD_STATE = ["r-1", 7, ["r-0", "r-1"], "arn:1"]


def test_a_header_of_an_earlier_version_is_read() -> None:
    payload = json.dumps([1, "0123456789ab", 1_000_000, 9, [[1, 2]], [[3, 1]], OLD_STATE]).encode()
    assert members(frames.read_header(payload).state) == ["r-1", ("r-0", "r-1"), 7, "arn:1", None]


def test_a_seal_of_an_earlier_version_is_read() -> None:
    payload = json.dumps(["key", 1, 2, "age", "", [], "0123456789ab", OLD_STATE, OLD_STATE]).encode()
    back = frames.read_seal(payload)
    assert members(back.before) == members(back.after) == ["r-1", ("r-0", "r-1"), 7, "arn:1", None]
    assert back.filters == ()


def test_where_one_runs_at_a_time_a_state_is_written_as_earlier_versions_wrote_it() -> None:
    told = frames.Header("0123456789ab", 1_000_000)
    told.state = ReaderState("r-1", ("r-0", "r-1"), 7, "arn:1")
    assert json.loads(frames.header(told)[frames.PREFIX_BYTES :])[-1] == OLD_STATE


@pytest.mark.parametrize("running", [None, (), ("r-1",)])
def test_a_seal_keeps_the_timeout_that_stands_beside_its_lines(running: tuple[str, ...] | None) -> None:
    state = ReaderState("r-1", ("r-1",), 7, "arn:1", running, 30)
    back = frames.read_seal(frames.seal(Seal("key", 1, 2, state, state, "age"), "0123456789ab")[frames.PREFIX_BYTES :])
    assert (back.before.timeout, back.before.running) == (30, running)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        json.dumps([2, "0123456789ab", 1, 1, [], [], None]).encode(),
        json.dumps([1, "0123456789ab", math.inf, 1, [], [], None]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [5], [], None]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, 1]]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, "1", []]]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, 1, [], "", "r-1"]]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, 1, [], "", {}]]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, 1, [], "", None, -1]]).encode(),
        json.dumps([1, "0123456789ab", 1, 1, [], [], [None, 1, [], "", None, "30"]]).encode(),
        b"[" * 100_000,
    ],
)
def test_what_is_no_header_or_no_seal_is_a_value_error(payload: bytes) -> None:
    for read_payload in (frames.read_header, frames.read_seal):
        with pytest.raises(ValueError, match=r"\w"):
            read_payload(payload)


def test_serials_and_entries_of_the_wrong_length_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="15 bytes for 2 serials"):
        frames.read_serials(bytes(15), 2)
    with pytest.raises(ValueError, match="without serial"):
        frames.read_entry(bytes(15))


TOO_MUCH = [0, 2**63, 2**64 - 1]
SEAL = Seal("key", 1, 2, ReaderState("r-0", (), 0), ReaderState("r-1", (), 2), "age", environment="0123456789ab")
HEADER = [1, "0123456789ab", 1000, 7, [[1, 2]], [[3, 1]], None]


def sealed(**changed: object) -> bytes:
    """The payload of a seal, of which these members are something else."""
    names = ["key", "first", "last", "reason", "line", "partial", "environment", "before", "after"]
    members = dict(zip(names, json.loads(frames.seal(SEAL, "")[frames.PREFIX_BYTES :]), strict=True))
    return json.dumps(list((members | changed).values())).encode()


def test_the_seal_of_these_tests_is_one() -> None:
    assert frames.read_seal(sealed()).entries == (1, 2)
    assert frames.read_header(json.dumps(HEADER).encode()).last == 7


@pytest.mark.holds("journal: a frame with a right checksum that says what is never written is left out and counted")
@pytest.mark.parametrize("serial", TOO_MUCH)
def test_serials_beyond_63_bits_and_0_are_a_value_error(serial: int) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        frames.read_entry(serial.to_bytes(8, "big") + bytes(8))
    for numbers in ((serial,), (1, serial), (serial, 2**64 - 1)):
        with pytest.raises(ValueError, match="not a whole number"):
            frames.read_serials(b"".join(number.to_bytes(8, "big") for number in numbers), len(numbers))
    assert frames.read_entry((2**63 - 1).to_bytes(8, "big") + bytes(8))[0] == 2**63 - 1


def test_a_range_that_ends_before_it_begins_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="ends before"):
        frames.read_serials(frames.serials(frames.FORGET, 2, 1)[frames.PREFIX_BYTES :], 2)
    assert frames.read_serials(frames.serials(frames.FORGET, 2, 2)[frames.PREFIX_BYTES :], 2) == [2, 2]


ENVIRONMENTS_OF_OTHERS: list[object] = [
    "",
    "0123456789a",
    "0123456789abc",
    '012345"78"ab',
    "0123456789AB",
    "0123456789aé",
    None,
    7,
]


WRONG: dict[str, list[object]] = {
    "first": [0, -1, 2**63, 2**64, 1.0, "1", True, None, 3],
    "last": [0, -1, 2**63, 10**30, 1.5, "2", None],
    "partial": [[0], [-1], [2**63], ["1"], [None], 7],
    "environment": ENVIRONMENTS_OF_OTHERS,
    "key": [None, 7, [], {}],
    "reason": [None, 7, [], {}],
    "line": ["{}", "[]\n", '{"a":1}\n{}\n', "no JSON\n", "\n", 7, None, "{\n}\n"],
    "before": [None, [], *(["r", one, [], ""] for one in (-1, 2**63, "1", 3)), [7, 0, [], ""], ["r", 0, [7], ""]],
    "filters": [["a"], ["a"] * 6, [1] * 5, "abcde", None, 7, {}],
    "after": [["r", 1.0, [], ""], ["r", True, [], ""], ["r", 0, "seen", ""], ["r", 0, [], None]],
}


@pytest.mark.holds("journal: a frame with a right checksum that says what is never written is left out and counted")
@pytest.mark.parametrize(("name", "value"), [(name, one) for name, values in WRONG.items() for one in values])
def test_a_seal_that_says_what_is_never_written_is_a_value_error(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        frames.read_seal(sealed(**{name: value}))


@pytest.mark.holds("journal: a frame with a right checksum that says what is never written is left out and counted")
@pytest.mark.parametrize(
    ("place", "values"),
    [
        (1, ENVIRONMENTS_OF_OTHERS),
        (2, [-1, 2**63, "1", None, 1.0]),
        (3, [-1, 2**63, "1", None, 1.0]),
        (4, [[[2, 1]], [[0, 1]], [[1, 2**63]], [["1", 2]], 7]),
        (5, [[[0, 1]], [[2**63, 1]], [[1, -1]], [["1", 1]], 7]),
        (6, [[None, -1, [], ""], [7, 1, [], ""], 7]),
    ],
)
def test_a_header_that_says_what_is_never_written_is_a_value_error(place: int, values: list[object]) -> None:
    for value in values:
        members = [*HEADER[:place], value, *HEADER[place + 1 :]]
        with pytest.raises(ValueError, match=r"\w"):
            frames.read_header(json.dumps(members).encode())
