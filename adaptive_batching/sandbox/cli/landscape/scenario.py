"""Plays the landscape: starts it, loads it, waits until nothing is on its way, and copies its logs into a folder."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adaptive_batching.load.core import users
from adaptive_batching.load.generator import Generator, Limits
from adaptive_batching.load.run import prepared
from adaptive_batching.load.targets import HttpTarget
from adaptive_batching.sandbox.cli.landscape.accounts import Left, missing
from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.mock import stubs
from adaptive_batching.sandbox.mock.service import Mock
from adaptive_batching.sandbox.s3 import embedded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.load.core.figures import Measured

#: What is wrong with the application: parameters of the template.
DEFECTS = {"SaveFailsOn": "poison", "SaveSleepSeconds": "3", "NotifySeconds": "1"}
#: The template's ids of what is looked at.
BUCKET, DEAD, TABLE = "LogBucket", "ConferenceDeadQueue", "ConferenceTable"
ACCEPTED = 202
_HOOK = {"request": {"method": "POST", "url": "/webhook"}, "response": {"status": 200, "fixedDelayMilliseconds": 20}}
_LOOK = 0.5  # seconds between two looks at what is still on its way


@dataclass(frozen=True)
class Wanted:
    """What is played. `into` gets the logs. `drain` seconds after the load, all must have come to its end."""

    template: Path
    layer: Path
    script: Path
    into: Path
    parameters: Mapping[str, str] = field(default_factory=lambda: DEFECTS)
    seed: int = 1
    drain: float = 100.0


@dataclass(frozen=True)
class Played:
    """What came of it, and what is known of its functions.

    `refused` counts the sessions that were not taken, `late` says what was still on its way, "" if nothing was, and
    `timeouts` are those of the functions, in seconds.
    """

    left: Left
    refused: int
    late: str
    seconds: float
    timeouts: Mapping[str, float]


def play(wanted: Wanted, err: Console) -> Played:
    """Play it. Raises SandboxError, LoadError, and OSError if the folder cannot be written."""
    begun = time.monotonic()
    with Mock(stubs.read(json.dumps(_HOOK))) as mock, conference(wanted, mock, err) as landscape:
        look = Look(landscape, mock)
        measured = load(wanted, landscape.http_url, err)
        sent = accepted(measured)
        late = drained(look, sent, wanted.drain, err)
        landscape.finish()
        left = look.left(sent)
        copy(landscape, wanted.into)
        timeouts = {name: fleet.function.timeout for name, fleet in landscape.fleets.items()}
    return Played(left, measured.begun - len(sent), late, time.monotonic() - begun, timeouts)


def conference(wanted: Wanted, mock: Mock, err: Console) -> Landscape:
    """Return the conference, whose webhook is a mock. Raises SandboxError."""
    parameters = {"Conference": "true", "WebhookUrl": f"{mock.url}/webhook", **wanted.parameters}
    return Landscape(wanted.template, parameters, Settings(layers=(wanted.layer,)), say=err.say)


def load(wanted: Wanted, url: str, err: Console) -> Measured:
    """Send what the script says. Raises LoadError."""
    plan = prepared(wanted.script, wanted.seed, err)
    timeout = plan.script.config.http.timeout
    generator = Generator(
        HttpTarget(url, timeout), Limits(200, timeout), lambda done, all_: err.progress("sessions sent", done, all_)
    )
    measured = generator.run(plan.schedule, users.users(plan.script, plan.rows, plan.random))
    err.clear()
    if measured.interrupted:
        raise KeyboardInterrupt
    return measured


def accepted(measured: Measured) -> list[str]:
    """Return the traces of the sessions that were taken."""
    return [one.ids[0] for one in measured.sent if one.code == ACCEPTED]


class Look:
    """Looks at what the application leaves, by the APIs of its services."""

    def __init__(self, landscape: Landscape, mock: Mock) -> None:
        self._clients = Clients(landscape.endpoint, embedded.REGION)
        self._dead, self._table, self._mock = landscape.queue(DEAD), landscape.table(TABLE), mock
        self._found: dict[str, str] = {}  # messages that were seen -> their traces

    def left(self, sent: list[str]) -> Left:
        """Return what is there now."""
        items = self._clients("dynamodb").get_paginator("scan").paginate(TableName=self._table)
        sessions = [item["sessionId"]["S"] for page in items for item in page["Items"]]
        return Left(sent, self._letters(), sessions, len(self._mock.requests))

    def _letters(self) -> list[str]:
        """Return the traces of the dead letters, which are hidden for a while and stay there."""
        sqs = self._clients("sqs")
        while found := sqs.receive_message(QueueUrl=self._dead, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
            "Messages"
        ):
            self._found |= {one["MessageId"]: json.loads(one["Body"])["traceId"] for one in found}
        return list(self._found.values())


def drained(look: Look, sent: list[str], drain: float, err: Console) -> str:
    """Wait until each session is a dead letter, or saved and told. Return what is not, "" if nothing."""
    deadline = time.monotonic() + drain
    while True:
        left = look.left(sent)
        done = len(left.dead) + min(len(left.items), left.notifications)
        err.progress("sessions at their end", done, len(sent))
        if done >= len(sent) or time.monotonic() > deadline:
            err.clear()
            return missing(left) if done < len(sent) else ""
        time.sleep(_LOOK)


def copy(landscape: Landscape, into: Path) -> None:
    """Copy all objects into a folder, under their keys. What an earlier run left there is removed."""
    shutil.rmtree(into, ignore_errors=True)
    bucket, s3 = landscape.bucket(BUCKET), embedded.client(landscape.endpoint)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            file = into / entry["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
