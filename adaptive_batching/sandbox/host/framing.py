"""Cutting a process's output into log records. Pure and incremental.

Lines: stdout and stderr are split at newlines, the newline kept. Frames: what managed runtimes write to the
descriptor named by `_LAMBDA_TELEMETRY_LOG_FD` (protocol reference 2): 4-byte type, 4-byte length, 8-byte microseconds
since the epoch, message, all big-endian; one frame is one record.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER = struct.Struct(">IIQ")
_MAGIC = 0xA55A0000
_JSON = 0x02  # the low two bits; text is 0x03
_LEVELS = {0x08: "DEBUG", 0x0C: "INFO", 0x10: "WARN", 0x14: "ERROR", 0x18: "FATAL", 0x00: None}

#: A line longer than this is cut here, so that a process that never writes a newline cannot fill our memory.
LINE_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Frame:
    """One framed record. `at` is seconds since the epoch, as the runtime stamped it."""

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
        """Return what was written after the last newline, if anything."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class Frames:
    """Splits a byte stream into frames. What is not a frame is dropped up to the end of the buffer."""

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
        """Count an unfinished frame as garbage: its end will never come."""
        self.garbage += len(self._rest)
        self._rest = b""
        return []


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
