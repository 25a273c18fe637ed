"""The ways in which a scripted S3 answers, or does not: the steps of a `ScriptedS3`'s script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.fakes.listener import Connection, Request
    from tests.fakes.s3_scripted import ScriptedS3


class Step(Protocol):
    """One entry of a script."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        """Deal with a request whose head was read; tell whether the connection goes on."""


class Fine:
    """Store and say so, as S3 does."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        connection.send(s3.store(request))
        return True


@dataclass
class Refuse:
    """Answer with S3's error document, after the body came; with `early`, before, and close."""

    status: int
    code: str
    extra: str = ""  # further elements of the document
    headers: dict[str, str] = field(default_factory=dict)
    early: bool = False
    chunked: bool = False
    message: str = "as scripted"

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        if not self.early:
            connection.body(request)
        s3.refused += 1
        document = f"<Message>{self.message}</Message>{self.extra}"
        connection.send(error(self.status, self.code, document, self.headers, chunked=self.chunked))
        return not self.early


class DropBefore:
    """Close as soon as the head is there: nothing is stored."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        del s3, connection, request
        return False


class LeaveAfter:
    """Store, close without a word, and take no connection any more."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        s3.store(request)
        s3.refuse()
        return False


class DropAfter:
    """Store, and close without a word."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        s3.store(request)
        return False


@dataclass
class Half:
    """Store (or not), send the status line and half of what follows it (or half of the status line), close."""

    stored: bool = True

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        answer = s3.store(request) if self.stored else b"HTTP/1"
        connection.send(answer[: len(answer) // 2])
        return False


class CloseAfter:
    """Store and say so with no word of closing, then close: what a kept connection meets after a freeze."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        connection.send(s3.store(request))
        return False


class BlackHole:
    """Read everything, store nothing, never answer."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        del s3
        connection.body(request)
        connection.closing.wait()
        return False


class Deaf:
    """Stop reading after the head and never answer."""

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        del s3, request
        connection.closing.wait()
        return False


@dataclass
class Slow:
    """Store at once and answer `seconds` later."""

    seconds: float

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        connection.body(request)
        answer = s3.store(request)
        connection.closing.wait(self.seconds)
        connection.send(answer)
        return True


@dataclass
class Say:
    """Send these bytes after the body came, and close."""

    data: bytes

    def play(self, s3: ScriptedS3, connection: Connection, request: Request) -> bool:
        del s3
        connection.body(request)
        connection.send(self.data)
        return False


def error(
    status: int,
    code: str,
    rest: str = "<Message>as scripted</Message>",
    headers: dict[str, str] | None = None,
    *,
    chunked: bool = False,
) -> bytes:
    """S3's error answer; `rest` are the elements behind the code."""
    document = f"<Error><Code>{code}</Code>{rest}</Error>"
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n' + document).encode()
    lines = [f"{name}: {value}\r\n" for name, value in (headers or {}).items()]
    if chunked:
        lines.append("Transfer-Encoding: chunked\r\n")
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:30], body[30:], b""))
    else:
        lines.append(f"Content-Length: {len(body)}\r\n")
    return f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/xml\r\n{''.join(lines)}\r\n".encode() + body
