"""The journal's frames: what was written comes back; where a file is broken, all that stands before does."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.journal import frames
from extension.records.chunk import ReaderState, Seal

SERIALS = st.integers(0, 2**63)
TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates among them
IDS = st.lists(TEXTS, max_size=3).map(tuple)
STATES = st.builds(ReaderState, st.none() | TEXTS, IDS, st.integers(0, 2**53), TEXTS, st.none() | IDS)
PARTIAL = st.lists(SERIALS, max_size=2).map(tuple)
SEALED_SERIALS = st.none() | st.integers(1, 2**63)
ENVIRONMENTS = st.text("0123456789abcdef", min_size=12, max_size=12)
SEALS = st.builds(
    Seal,
    *(TEXTS, SEALED_SERIALS, SEALED_SERIALS, STATES, STATES, TEXTS, TEXTS, PARTIAL, st.just("") | ENVIRONMENTS),
)
WALLS = st.floats(2**30, 2**31)


def members(state: ReaderState | None) -> list[object] | None:
    return None if state is None else [state.request_id, state.seen, state.sequence, state.arn, state.running]


def one_frame() -> st.SearchStrategy[bytes]:
    entry = st.builds(
        lambda serial, wall, body: frames.entry(serial, wall, body) + body, SERIALS, WALLS, st.binary(max_size=80)
    )
    seal = st.builds(lambda one: frames.seal(one, "0123456789ab"), SEALS)
    forget = st.builds(lambda first, last: frames.serials(frames.FORGET, first, last), SERIALS, SERIALS)
    replaying = st.builds(lambda first: frames.serials(frames.REPLAYING, first), SERIALS)
    return st.one_of(entry, seal, forget, replaying)


SEQUENCES = st.lists(one_frame(), max_size=12)


def read(data: bytes) -> tuple[list[bytes], int]:
    """The whole frames of `data` as bytes, and where the last one ends."""
    found, at = [], 0
    for _, _, end in frames.valid(io.BytesIO(data).read, len(data)):
        found.append(data[at:end])
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
def test_any_changed_byte_ends_the_reading_at_the_frame_that_holds_it(
    sequence: list[bytes], data: st.DataObject
) -> None:
    file = bytearray(b"".join(sequence))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    expected, size = [], 0
    for frame in sequence:
        if size + len(frame) > at:
            break
        expected.append(frame)
        size += len(frame)
    assert read(bytes(file)) == (expected, size)


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
    assert sum(map(len, found)) == end <= len(data)


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


@given(
    SERIALS,
    st.lists(st.tuples(SERIALS, SERIALS), max_size=3),
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


def test_where_one_runs_at_a_time_a_state_is_written_as_earlier_versions_wrote_it() -> None:
    told = frames.Header("0123456789ab", 1_000_000)
    told.state = ReaderState("r-1", ("r-0", "r-1"), 7, "arn:1")
    assert json.loads(frames.header(told)[frames.PREFIX_BYTES :])[-1] == OLD_STATE


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
