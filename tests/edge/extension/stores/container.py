"""The endpoint that hands out credentials where there are no keys in the environment (SnapStart)."""

from __future__ import annotations

import json

from tests.fakes.listener import Connection, Listener
from tests.fakes.s3 import REGION
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY


class ContainerEndpoint(Listener):
    """Hands out the scripted S3's keys with each of the given expiries, the last one on and on; refuses without any."""

    def __init__(self, expiries: list[str]) -> None:
        super().__init__()
        self._expiries = expiries
        self.asked: list[tuple[str, str]] = []

    def environ(self) -> dict[str, str]:
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/2021-04-23/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a token",
            "AWS_REGION": REGION,
        }

    def serve(self, connection: Connection) -> None:
        request = connection.head()
        if request is None:
            return
        self.asked.append((request.path, request.headers.get("authorization", "")))
        if not self._expiries:
            connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            return
        expiry = self._expiries.pop(0) if len(self._expiries) > 1 else self._expiries[0]
        body = json.dumps({"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": "", "Expiration": expiry})
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
