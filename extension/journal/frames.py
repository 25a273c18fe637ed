"""The format of the journal's files: frames, each with its length and a checksum. Encode and decode.

Pure. A file is a sequence of frames, the first one a HEADER. What is wrong with it is usually its end, which is cut off
and counted. A frame that is broken in the middle costs itself alone, if the frame behind its length is whole.

Whatever a frame says is checked against what is written: other processes of this user can write frames, too.

    length of the payload (4 bytes, big-endian) | kind (1) | crc32 of the two and of the payload (4) | payload

    HEADER     JSON: format, environment, limit, last serial, what is forgotten, replays begun, the reader's state
    ENTRY      serial (8) | arrival (8, in 2**-22 s since the epoch) | the body of one POST
    SEAL       JSON: what makes one chunk again, and the reader's state after it
    FORGET     first serial (8) | last serial (8)
    REPLAYING  first serial of the chunk that is about to be made again (8)
    REPLAYED   the same: it could be made
"""

from __future__ import annotations

import json
import zlib

from extension.records.chunk import ReaderState, Seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
LAST_SERIAL = 2**63 - 1
ENVIRONMENT_CHARACTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyz-")
ENVIRONMENT_LENGTH = 12
FILTERS = 5  # texts that filters are told
HEADER, ENTRY, SEAL, FORGET, REPLAYING, REPLAYED = range(1, 7)
PREFIX_BYTES = 9
ENTRY_BYTES = PREFIX_BYTES + 16  # an ENTRY before its body
LONGEST = 64 * 1024 * 1024  # bytes of a payload: over the 4 MiB of a body by far; what is longer is no frame
TICKS = 2**22  # a second; every double between 2**30 and 2**31 seconds (2004 to 2038) is a whole number of them


class Header:
    """What a file must tell so that those before it may go."""

    __slots__ = ("environment", "forgotten", "last", "limit", "replays", "state")

    def __init__(self, environment: str, limit: int) -> None:
        self.environment = environment
        self.limit = limit  # bytes of the journal, when this was written
        self.last = 0  # the serial given last
        self.forgotten: list[tuple[int, int]] = []  # ranges of serials
        self.replays: dict[int, int] = {}  # first serial of a chunk: replays begun and not ended
        self.state: ReaderState | None = None  # the reader's after the last seal


def frame(kind: int, payload: bytes, body: bytes = b"") -> bytes:
    """Return the frame's bytes up to `body`, which is the last part of the payload and follows them as it is."""
    start = (len(payload) + len(body)).to_bytes(4, "big") + bytes((kind,))
    checksum = zlib.crc32(body, zlib.crc32(start + payload))
    return start + checksum.to_bytes(4, "big") + payload


def entry(serial: int, wall: float, body: bytes) -> bytes:
    """Return the first part of an ENTRY; `body` follows it. `wall`, in seconds since the epoch, keeps its last bit."""
    return frame(ENTRY, serial.to_bytes(8, "big") + int(max(wall, 0.0) * TICKS).to_bytes(8, "big"), body)


def read_entry(payload: bytes) -> tuple[int, float, bytes]:
    """Return serial, arrival in seconds since the epoch, body. ValueError if it is not an entry."""
    if len(payload) < ENTRY_BYTES - PREFIX_BYTES:
        raise ValueError("an entry without serial and arrival")
    return _whole(int.from_bytes(payload[:8], "big"), 1), int.from_bytes(payload[8:16], "big") / TICKS, payload[16:]


def serials(kind: int, *numbers: int) -> bytes:
    """Return a FORGET, REPLAYING or REPLAYED."""
    return frame(kind, b"".join(number.to_bytes(8, "big") for number in numbers))


def read_serials(payload: bytes, count: int) -> list[int]:
    """Return the serials of such a frame, in order. ValueError if there are not so many."""
    if len(payload) != 8 * count:
        raise ValueError(f"{len(payload)} bytes for {count} serials")
    numbers = [_whole(int.from_bytes(payload[at : at + 8], "big"), 1) for at in range(0, len(payload), 8)]
    if numbers != sorted(numbers):
        raise ValueError("a range that ends before it begins")
    return numbers


def header(told: Header) -> bytes:
    """Return a HEADER."""
    replays = list(told.replays.items())
    members = [FORMAT, told.environment, told.limit, told.last, told.forgotten, replays, _members(told.state)]
    return frame(HEADER, json.dumps(members).encode())


def read_header(payload: bytes) -> Header:
    """Return what `header` was told. ValueError if it is of another format, or says what is never written."""
    try:
        number, environment, limit, last, forgotten, replays, state = json.loads(payload)
        if number != FORMAT:
            raise ValueError(f"format {number}, known is {FORMAT}")
        told = Header(_environment(environment), _whole(limit, 0))
        told.last = _whole(last, 0)
        told.forgotten = [_range(first, final) for first, final in forgotten]
        told.replays = {_whole(first, 1): _whole(count, 0) for first, count in replays}
        told.state = None if state is None else _state(state)
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return told


def seal(one: Seal, environment: str) -> bytes:
    """Return a SEAL; `environment` stands in for one that the seal does not name."""
    serials_and_reason = [one.first or 0, one.last or 0, one.reason, one.report_line, list(one.partial_at)]
    members = [one.environment or environment, _members(one.before), _members(one.after)]
    filters = [list(one.filters)] if one.filters else []  # a member that earlier versions did not write
    return frame(SEAL, json.dumps([one.key, *serials_and_reason, *members, *filters]).encode())


def read_seal(payload: bytes) -> Seal:
    """Return what `seal` was told. ValueError if it is not a seal."""
    try:
        key, first, last, reason, line, partial, environment, before, after, *more = json.loads(payload)
        begins, ends = _range(first, last) if first or last else (None, None)
        partial_at = tuple(_whole(serial, 1) for serial in partial)
        states = _state(before), _state(after)
        report = _line(line)
        filters = _filters(more)
        told = Seal(
            _text(key), begins, ends, *states, _text(reason), report, partial_at, _environment(environment), filters
        )
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if told.records < 0:
        raise ValueError("a seal of less than no records")
    return told


def _filters(more: list[object]) -> tuple[str, ...]:
    told = more[0] if more else []
    if not isinstance(told, list) or len(told) not in (0, FILTERS) or len(more) > 1:
        raise ValueError("not what filters are told")
    return tuple(map(_text, told))


def _members(state: ReaderState | None) -> list[object] | None:
    if state is None:
        return None
    running = None if state.running is None else list(state.running)
    members: list[object] = [state.request_id, state.sequence, list(state.seen), state.arn, running, state.timeout]
    return members if state.timeout else members[:-1] if state.running is not None else members[:-2]


def _state(members: list[object]) -> ReaderState:
    request_id, sequence, seen, arn, *more = members
    # Members that earlier versions did not write.
    running = more[0] if more else None
    timeout = _whole(more[1], 0) if len(more) > 1 else 0
    if not isinstance(seen, list) or not isinstance(running, list | None):
        raise ValueError("no state of a reader")  # noqa: TRY004 - one kind of error for whatever cannot be read
    request = None if request_id is None else _text(request_id)
    several = None if running is None else tuple(map(_text, running))
    return ReaderState(request, tuple(map(_text, seen)), _whole(sequence, 0), _text(arn), several, timeout)


def _whole(number: object, least: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= LAST_SERIAL:
        raise ValueError(f"not a whole number from {least} to {LAST_SERIAL}")
    return number


def _range(first: object, last: object) -> tuple[int, int]:
    serials = _whole(first, 1), _whole(last, 1)
    if serials[1] < serials[0]:
        raise ValueError("a range that ends before it begins")
    return serials


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - one kind of error
    return text


def _environment(text: object) -> str:
    """Check what stands in every line that is made of this: a quote in it would break them all."""
    environment = _text(text)
    if len(environment) != ENVIRONMENT_LENGTH or not ENVIRONMENT_CHARACTERS.issuperset(environment):
        raise ValueError("not the id of an environment")
    return environment


def _line(text: object) -> str:
    """Check the report, which becomes a line of the object as it is."""
    line = _text(text)
    if line and (line[-1] != "\n" or line.count("\n") != 1 or not isinstance(json.loads(line), dict)):
        raise ValueError("not one line of JSON")
    return line


def valid(read: Callable[[int], bytes], size: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield each whole frame of `size` bytes that `read(count)` gives: kind, payload, and where it ends.

    Raises nothing itself. A broken frame is left out if the next one is whole, so between two frames there may be a
    gap. Where it stops short of `size`, the rest cannot be read.
    """
    at = 0
    broken = False  # the frame before
    while at + PREFIX_BYTES <= size:
        prefix = read(PREFIX_BYTES)
        length = int.from_bytes(prefix[:4], "big")
        end = at + PREFIX_BYTES + length
        if len(prefix) < PREFIX_BYTES or length > LONGEST or end > size:
            return
        payload = read(length)
        is_whole = zlib.crc32(payload, zlib.crc32(prefix[:5])) == int.from_bytes(prefix[5:], "big")
        if len(payload) < length or (broken and not is_whole):
            return
        broken = not is_whole
        if is_whole:
            yield prefix[4], payload, end
        at = end
