"""The shell in one process, for tests: what start-up would have left behind, around a real inbox and a real journal."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

from extension.events import LogsReceived, Shutdown
from extension.extensions_api import ExtensionsApi
from extension.inbox import CAPACITY_BYTES, Inbox
from extension.journal import Journal
from extension.records import objects
from extension.records.chunk import ReaderState, Seal
from extension.settings import PREFIX, from_environ
from extension.shell.consumer import Consumer
from extension.shell.executor import Executor
from extension.shell.poller import Polled
from extension.startup import Started
from tests.fakes import s3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from extension.journal import Leftover

ENVIRONMENT = "0123456789ab"
FOLDER = "adaptive-batching-extension"
KEY = "the-key-of-before.log"
WALL = 1_795_608_000.0


class Scene:
    """One process of an environment whose `store` is where these variables lead.

    The test is its poller: it releases, and puts what `event/next` answered.
    """

    def __init__(
        self,
        tmp: Path,
        store: Mapping[str, str],
        initialization: str = "on-demand",
        *,
        capacity: int = CAPACITY_BYTES,
        **values: str,
    ) -> None:
        told = {PREFIX + name: value for name, value in {"S3_BUCKET": s3.BUCKET, **values}.items()}
        self.environ = s3.clean_environ(**store, TMPDIR=str(tmp), AWS_LAMBDA_FUNCTION_NAME="f", **told)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            del self.environ[name]  # a profile would ask for boto3
        self.settings = from_environ(self.environ)
        self.inbox = Inbox(capacity)
        self.started = Started(ExtensionsApi("127.0.0.1:1"), self.inbox, initialization)
        self.started.api = "telemetry"
        self.released = 0

    def receive(self, body: bytes) -> None:
        """In the listener's place: take one body in, and wake the consumer behind the answer."""
        self.started.intake.accept(body)
        self.inbox.wake()

    def release(self) -> None:
        """In the poller's place."""
        self.released += 1

    def consumer(self) -> Consumer:
        return Consumer(self.settings, self.started, self.environ, self)  # type: ignore[arg-type]  # one method is used

    def executor(self) -> Executor:
        return Executor(self.settings, self.started, self.environ)

    def shut_down(self, seconds: float = 2.0) -> None:
        self.inbox.put(Shutdown("spindown", time.time() + seconds))


def invoke(request: str, arn: str = "") -> Polled:
    """What `event/next` answers."""
    event = {"eventType": "INVOKE", "requestId": request, "deadlineMs": int((time.time() + 30) * 1000)}
    return Polled(json.dumps({**event, "invokedFunctionArn": arn} if arn else event).encode())


def line(text: str) -> bytes:
    """A POST with one line of the function's."""
    return json.dumps([{"time": "t", "type": "function", "record": text}]).encode()


def said(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(one) for one in capfd.readouterr().err.splitlines()]


def records(store: s3.Moto) -> list[dict[str, object]]:
    """Every line of every object; the store is empty afterwards."""
    found = []
    for key in store.keys():  # noqa: SIM118 - not a mapping
        found += objects.decode(store.get(key)[0])
        store.client().delete_object(Bucket=store.bucket, Key=key)
    return found


def shipped(store: s3.Moto) -> list[str]:
    """The function's lines; the store is empty afterwards."""
    return [str(record["record"]) for record in records(store) if record["type"] == "function"]


def left_by_another(tmp: Path, *bodies: bytes, sealed: int = 0, replays: int = 0, records: int = 0) -> None:
    """A journal with these bodies, the first `sealed` of them in a closed chunk whose replay has failed so often.

    The chunk had so many `records`, one for each body if nothing else is said.
    """
    journal = Journal.open(str(tmp), ENVIRONMENT, lambda *_: None)
    for body in bodies:
        journal.append(body, WALL)
    if sealed:
        after = ReaderState(None, (), records or sealed)
        journal.seal(Seal(KEY, 1, sealed, ReaderState(None, (), 0), after, "bytes"))
    for _ in range(replays):
        journal.replaying(1)
    journal.close()


def recovered(made: Executor) -> list[bytes]:
    """The bodies that were in no chunk; the chunks are recovered."""
    bodies = []
    while not made.replay.is_over:
        one = made.replay.step()
        if isinstance(one, LogsReceived):
            bodies.append(one.body)
        elif one:
            for action in made.shipper.recover(one):
                made.carry_out(action)
    return bodies


def left(tmp: Path) -> Leftover:
    """What a process that started at this moment would find in the journal, whoever holds it."""
    copy = tmp / "copy"
    shutil.copytree(tmp / FOLDER, copy / FOLDER)
    journal = Journal.open(str(copy), "another12345", lambda *_: None)
    journal.close()
    shutil.rmtree(copy)
    return journal.left
