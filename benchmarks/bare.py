"""The program that everything is compared with: it registers, subscribes and polls over plain sockets, and no more.

Run by the layer's interpreter. For the chart, the first argument says where modules are found (`a:b:c`), and
the others what to import before all else: `boto3` makes a client too, `pydantic` a model.
"""

import os
import sys

if sys.argv[1:]:
    sys.path[:0] = sys.argv[1].split(":")
for name in sys.argv[2:]:
    module = __import__(name)
    if name == "boto3":
        module.client("s3")
    elif name == "pydantic":
        type("Record", (module.BaseModel,), {"__annotations__": {"time": str, "type": str}})

import _socket  # noqa: E402 - after what is measured
import _thread  # noqa: E402

address = os.environ["AWS_LAMBDA_RUNTIME_API"]
host, _, port = address.rpartition(":")
endpoint = _socket.socket()
endpoint.connect((host.encode(), int(port)))


def send(method: str, path: str, headers: str, body: str = "") -> None:
    """Write one call."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    endpoint.sendall((head + body).encode())


def receive(source: _socket.socket) -> bytes:
    """Return head and body of one answer, or request; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = source.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(rest) < length:
        rest += source.recv(65536)
    return head + b"\r\n\r\n" + rest


def listen() -> None:
    """Take what is delivered, and forget it."""
    while True:
        descriptor, _ = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what `socket.socket` wraps
        connection = _socket.socket(fileno=descriptor)
        while receive(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


registration = "Lambda-Extension-Name: adaptive-batching-extension\r\n"
send("POST", "/2020-01-01/extension/register", registration, '{"events":["INVOKE","SHUTDOWN"]}')
identifier = receive(endpoint).partition(b"Lambda-Extension-Identifier: ")[2].split(b"\r\n")[0].decode()
me = f"Lambda-Extension-Identifier: {identifier}\r\n"
listener = _socket.socket()
listener.bind(("", 0))
listener.listen()
uri = f"http://sandbox.localdomain:{listener.getsockname()[1]}/"
subscription = f'{{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{{"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"{uri}"}}}}'  # noqa: E501
send("PUT", "/2022-07-01/telemetry", me, subscription)
receive(endpoint)
send("GET", "/2020-01-01/extension/event/next", me)
_thread.start_new_thread(listen, ())
while b'"SHUTDOWN"' not in receive(endpoint):
    send("GET", "/2020-01-01/extension/event/next", me)
