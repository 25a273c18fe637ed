"""Send batches to one destination over HTTP or TCP on loopback, without threads and without retries."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.sandbox.telemetry.subscriptions import Destination

#: Timeout of one POST in seconds, for connecting and for the answer.
POST_TIMEOUT = 5.0


class Transport:
    """Sends batches of encoded events to one destination.

    `attached` says that the subscriber's process is running. Otherwise nothing is sent, because the extension of
    another environment may listen on the same port. Raises OSError if connecting to a TCP destination fails.
    """

    def __init__(self, destination: Destination) -> None:
        self.attached = True
        self._target = destination
        self._session = requests.Session()
        self._session.trust_env = False  # ignore the proxies of the user
        # A TCP destination is connected now, an HTTP destination with the first POST.
        self._socket = self._connect() if destination.protocol == "TCP" else None
        self._unanswered: socket.socket | None = None

    def send(self, batch: Sequence[bytes]) -> bool:
        """Send a batch. Return whether it was answered with 2xx, or written to a TCP destination."""
        if not self.attached:
            return False
        if self._target.protocol == "TCP":
            return self._write(b"".join(event + b"\n" for event in batch))
        target = self._target
        try:
            answer = self._session.request(
                target.method,
                f"http://127.0.0.1:{target.port}{target.path}",
                data=_body(batch),
                headers={"Content-Type": "application/json", "Host": f"{target.host}:{target.port}"},
                timeout=POST_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
        return answer.ok

    def send_unanswered(self, batch: Sequence[bytes]) -> bool:
        """POST a batch and leave the answer unread until `hang_up`. Return whether it was sent."""
        target = self._target
        if not batch or target.protocol == "TCP" or not self.attached:
            return False
        body = _body(batch)
        head = (
            f"{target.method} {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            self._unanswered = self._connect()
            self._unanswered.sendall(head.encode() + body)
        except OSError:
            return False
        return True

    def hang_up(self) -> None:
        """Close the connection whose answer was not read, if there is one."""
        if self._unanswered is not None:
            self._unanswered.close()
            self._unanswered = None

    def close(self) -> None:
        """Close every connection."""
        self._disconnect()
        self.hang_up()
        self._session.close()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target.port), POST_TIMEOUT)

    def _write(self, data: bytes) -> bool:
        try:
            if self._socket is None:
                self._socket = self._connect()
            self._socket.sendall(data)
        except OSError:
            self._disconnect()
            return False
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def _body(batch: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(batch) + b"]"
