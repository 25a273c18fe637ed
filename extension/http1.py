"""HTTP/1.1 as both sides of the extension read it: the requests of Lambda's POSTs, the answers of its Runtime API.

Content-Length and chunked, over plain sockets: `http.client` costs 23 ms before the first `event/next`.
"""

LONGEST_HEAD = 65536  # bytes of a start line with its header fields
LONGEST_BODY = 4 * 1024 * 1024  # bytes; the platform sends twice maxBytes (1 MiB) and envelopes at most, under 3 MiB
BLOCK_BYTES = 65536  # read at once


class Refusal(ValueError):  # noqa: N818 - an answer
    """What was sent cannot be read. The text is the status line that a server answers with before it closes."""


class Response:
    """Status, headers (lower-case names) and body of one answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: "dict[str, str]", body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def read_head(connection: "_socket.socket", received: bytes) -> "tuple[str, dict[str, str], bytes] | None":
    """Return start line, headers (lower-case names) and what was read behind them; None if the connection ended.

    `received` is what was read before. Raises Refusal for a head over 64 KiB.
    """
    while b"\r\n\r\n" not in received:
        piece = connection.recv(BLOCK_BYTES)
        if not piece:
            return None
        received += piece
        if len(received) > LONGEST_HEAD and b"\r\n\r\n" not in received:
            raise Refusal("431 Request Header Fields Too Large")
    head, _, received = received.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    headers = {}
    for field in fields:
        name, _, value = field.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first, headers, received


def body_length(headers: "dict[str, str]") -> int:
    """Return how many bytes the body has that these headers announce, at most. Raises Refusal if they are too many."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return LONGEST_BODY
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refusal("400 Bad Request")
    if len(length) > 18 or int(length) > LONGEST_BODY:  # noqa: PLR2004 - 64 bits
        raise Refusal("413 Content Too Large")
    return int(length)


def read_body(connection: "_socket.socket", received: bytes, headers: "dict[str, str]") -> "tuple[bytes, bytes]":
    """Return the body that these headers announce, and what was read behind it.

    Raises Refusal if it cannot be read, OSError if the connection ends within it.
    """
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunked(connection, received)
    return _read_exactly(connection, received, body_length(headers))


def read_response(connection: "_socket.socket") -> Response:
    """Read one answer. Raises OSError or ValueError if none came that can be read."""
    head = read_head(connection, b"")
    if head is None:
        msg = "the connection ended before an answer"
        raise OSError(msg)
    first, headers, received = head
    version, _, status = first.partition(" ")
    digits = status.partition(" ")[0]
    if not (version.startswith("HTTP/1.") and len(digits) == 3 and digits.isascii() and digits.isdigit()):  # noqa: PLR2004 - a status
        msg = "what came is not an answer of HTTP/1.1"
        raise ValueError(msg)
    body, _ = read_body(connection, received, headers)
    return Response(int(digits), headers, body)


def _read_exactly(connection: "_socket.socket", received: bytes, length: int) -> "tuple[bytes, bytes]":
    if length > LONGEST_BODY:
        raise Refusal("413 Content Too Large")
    if len(received) >= length:
        return received[:length], received[length:]
    body = bytearray(length)
    body[: len(received)] = received
    view = memoryview(body)
    at = len(received)
    while at < length:
        count = connection.recv_into(view[at:])
        if not count:
            msg = "the connection ended within a body"
            raise OSError(msg)
        at += count
    return bytes(body), b""


def _read_chunked(connection: "_socket.socket", received: bytes) -> "tuple[bytes, bytes]":
    body = bytearray()  # grows in place: 4 MiB in chunks of a kilobyte would else be copied thousands of times
    while True:
        line, received = _read_line(connection, received)
        digits = line.split(b";")[0].strip()
        if not 0 < len(digits) <= 8 or digits.strip(b"0123456789abcdefABCDEF"):  # noqa: PLR2004 - 32 bits
            raise Refusal("400 Bad Request")
        size = int(digits, 16)
        if not size:
            while line:  # trailers end with an empty line
                line, received = _read_line(connection, received)
            return bytes(body), received
        if len(body) + size > LONGEST_BODY:
            raise Refusal("413 Content Too Large")
        piece, received = _read_exactly(connection, received, size + 2)
        if piece[-2:] != b"\r\n":
            raise Refusal("400 Bad Request")
        body += piece[:-2]


def _read_line(connection: "_socket.socket", received: bytes) -> "tuple[bytes, bytes]":
    while b"\r\n" not in received:
        if len(received) > LONGEST_HEAD:
            raise Refusal("400 Bad Request")
        piece = connection.recv(BLOCK_BYTES)
        if not piece:
            msg = "the connection ended within a body"
            raise OSError(msg)
        received += piece
    line, _, received = received.partition(b"\r\n")
    return line, received


TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
