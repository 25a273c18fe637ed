"""The loop of last resort: register, poll, leave at SHUTDOWN. Nothing is shipped, but the function lives.

It needs nothing but three built-in modules, so that it works when all the rest does not.
Source: Extensions API 2020-01-01, register and event/next.
"""

import _socket
import os
import time

NAME = "adaptive-batching-extension"
ATTEMPTS = 60  # failed calls in a row, a second apart, before the environment counts as ended
ESCAPES = {code: f"\\u{code:04x}" for code in (34, 92, *range(32), *range(127, 160), 0x2028, 0x2029)}


def run(why: str, identifier: str = "", waiting: "_socket.socket | None" = None) -> None:
    """Poll `event/next` until SHUTDOWN, registering first unless `identifier` (of an earlier registration) is given.

    `waiting`: a connection on which `event/next` was asked already. Its answer is read first: a second call beside it
    would get the events in turn with it, and the one that nobody reads may be SHUTDOWN.
    """
    text = f"nothing is shipped any more, the function continues: {why.translate(ESCAPES)}"
    line = f'{{"extension":"{NAME}","level":"error","message":"{text}"}}\n'
    os.write(2, line.encode("utf-8", "backslashreplace"))
    failures = 0
    while failures < ATTEMPTS:
        if waiting:
            head, body = _answer(waiting)
            waiting = None
        elif identifier:
            head, body = _call("GET", "event/next", f"Lambda-Extension-Identifier: {identifier}", "")
        else:
            head, body = _call("POST", "register", f"Lambda-Extension-Name: {NAME}", '{"events":["INVOKE","SHUTDOWN"]}')
            for field in head.split("\r\n"):
                if field.lower().startswith("lambda-extension-identifier:"):
                    identifier = field.partition(":")[2].strip()
        if '"SHUTDOWN"' in body:
            return
        if head.startswith("HTTP/1.1 200"):
            failures = 0
        else:
            failures += 1
            time.sleep(1)


def _call(method: str, path: str, header: str, body: str) -> "tuple[str, str]":
    """Send one request; return head and body of the answer, the head empty if none came."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        connection.connect((host.encode(), int(port)))
        connection.send(
            f"{method} /2020-01-01/extension/{path} HTTP/1.1\r\nHost: {host}:{port}\r\n{header}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
    except OSError:
        pass  # reading fails too: the caller counts it and calls again
    return _answer(connection)


def _answer(connection: "_socket.socket") -> "tuple[str, str]":
    """Return head and body of the answer, the head empty if none came; close the connection."""
    received = b""
    try:
        while not _is_whole(received) and (piece := connection.recv(65536)):
            received += piece
    except OSError:
        pass  # no answer: the caller counts it and calls again
    finally:
        connection.close()
    head, _, answer = received.decode("utf-8", "replace").partition("\r\n\r\n")
    return head, answer


def _is_whole(received: bytes) -> bool:
    """Whether the answer is complete. One without a length ends with its last chunk or with the connection."""
    head, end, body = received.partition(b"\r\n\r\n")
    for field in head.lower().split(b"\r\n"):
        name, _, value = field.partition(b":")
        if end and name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return bool(end) and body.endswith(b"0\r\n\r\n")
