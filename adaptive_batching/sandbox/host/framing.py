"""Split the output of a process into log records. Pure and incremental.

Lines: stdout and stderr are split after each newline. Frames: managed runtimes write frames to the descriptor that
`_LAMBDA_TELEMETRY_LOG_FD` names (docs/lambda-protocol.md, 2). A frame is a 4-byte type, a 4-byte length, 8-byte
microseconds since the epoch, and the message. Its numbers are big-endian. One frame is one record.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER = struct.Struct(">IIQ")
_MAGIC = 0xA55A0000
_JSON = 0x02  # the low two bits; text is 0x03
_LEVELS = {0x08: "DEBUG", 0x0C: "INFO", 0x10: "WARN", 0x14: "ERROR", 0x18: "FATAL", 0x00: None}

#: The longest line, in bytes. A longer one is split, so that output without newlines cannot fill the memory.
LINE_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Frame:
    """One framed record. `at` is the runtime's timestamp in seconds since the epoch."""

    text: str
    at: float
    level: str | None
    is_json: bool


class Lines:
    """Splits a byte stream into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes, each with its newline."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        lines = [_text(line + b"\n") for line in whole]
        while len(self._rest) >= LINE_LIMIT:
            lines.append(_text(self._rest[:LINE_LIMIT]))
            self._rest = self._rest[LINE_LIMIT:]
        return lines

    def close(self) -> list[str]:
        """Return the unfinished line after the last newline, if there is one."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class Frames:
    """Splits a byte stream into frames.

    If the next bytes are not a frame, the rest of the buffer is dropped. `garbage` counts the dropped bytes.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.garbage = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes."""
        buffer = self._rest + data
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= _HEADER.size:
            kind, length, micros = _HEADER.unpack_from(buffer, start)
            if kind & 0xFFFF0000 != _MAGIC:
                self.garbage += len(buffer) - start
                start = len(buffer)
                break
            end = start + _HEADER.size + length
            if len(buffer) < end:
                break
            text = _text(buffer[start + _HEADER.size : end])
            frames.append(Frame(text, micros / 1e6, _LEVELS.get(kind & 0x1C), kind & 0x03 == _JSON))
            start = end
        self._rest = buffer[start:]
        return frames

    def close(self) -> list[Frame]:
        """Count an unfinished frame as garbage. Return no frames."""
        self.garbage += len(self._rest)
        self._rest = b""
        return []


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
