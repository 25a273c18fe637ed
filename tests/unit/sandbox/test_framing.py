"""Lines and frames, cut anywhere."""

from __future__ import annotations

import struct

import pytest

from adaptive_batching.sandbox.host.framing import LINE_LIMIT, Frame, Frames, Lines


def frame(kind: int, text: str, micros: int = 1_500_000) -> bytes:
    data = text.encode()
    return struct.pack(">IIQ", kind, len(data), micros) + data


def test_lines_keep_their_newline_and_the_rest_waits_for_the_end() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntwo\nth") == ["one\n", "two\n"]
    assert lines.feed(b"ree\nfour") == ["three\n"]
    assert lines.close() == ["four"]
    assert lines.close() == []


def test_a_character_cut_in_the_middle_is_whole_again() -> None:
    lines = Lines()
    data = "für\n".encode()
    assert lines.feed(data[:2]) == []
    assert lines.feed(data[2:]) == ["für\n"]


def test_what_is_not_utf_8_is_replaced() -> None:
    assert Lines().feed(b"a\xff\n") == ["a\ufffd\n"]


def test_a_line_without_end_is_cut_at_the_limit() -> None:
    lines = Lines()
    assert [len(line) for line in lines.feed(b"x" * (2 * LINE_LIMIT + 5))] == [LINE_LIMIT, LINE_LIMIT]
    assert lines.close() == ["x" * 5]


def test_frames_are_records_wherever_the_pipe_cuts_them() -> None:
    data = frame(0xA55A0003, "one\nof two lines\n") + frame(0xA55A0016, '{"level":"ERROR"}')
    for cut in range(len(data)):
        frames = Frames()
        assert frames.feed(data[:cut]) + frames.feed(data[cut:]) == [
            Frame("one\nof two lines\n", 1.5, None, is_json=False),
            Frame('{"level":"ERROR"}', 1.5, "ERROR", is_json=True),
        ]
        assert frames.garbage == 0


LEVELS = [
    (0x0B, "DEBUG", False), (0x0A, "DEBUG", True), (0x0F, "INFO", False), (0x0E, "INFO", True),
    (0x13, "WARN", False), (0x12, "WARN", True), (0x17, "ERROR", False), (0x16, "ERROR", True),
    (0x1B, "FATAL", False), (0x1A, "FATAL", True), (0x03, None, False), (0x02, None, True),
]  # fmt: skip


@pytest.mark.parametrize(("low", "level", "is_json"), LEVELS)
def test_the_low_bits_of_the_type_carry_format_and_level(*, low: int, level: str | None, is_json: bool) -> None:
    (found,) = Frames().feed(frame(0xA55A0000 | low, "x"))
    assert (found.level, found.is_json) == (level, is_json)


def test_what_is_not_a_frame_is_counted_and_dropped() -> None:
    frames = Frames()
    assert frames.feed(b"this is not a frame at all") == []
    assert frames.garbage == 26
    assert [one.text for one in frames.feed(frame(0xA55A0003, "x"))] == ["x"]
