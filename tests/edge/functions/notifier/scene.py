"""A scene for functions/notifier: moto's S3 and SQS, a webhook on a real socket, and what is in them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from notifier.bucket import Bounds, Bucket
from notifier.layout import DEFAULT
from notifier.run import Notifier
from tests.fakes.shipped import Shipped, done, report, started, text
from tests.unit.functions.notifier.test_events import SCHEDULE, alarm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import s3
    from tests.fakes import webhook as fake

SAVE = "conference-save"
ACCOUNT = "123456789012"

#: Operation -> the action that allows it.
ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


@dataclass
class World:
    """moto, the clients that the notifier gets, and the calls that it makes with them."""

    moto: s3.Moto
    clients: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for service in ("s3", "sqs"):
            client = boto3.session.Session().client(
                service,
                endpoint_url=self.moto.endpoint,
                region_name=self.moto.region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(proxies={}, s3={"addressing_style": "path"}),
            )
            client.meta.events.register(f"provide-client-params.{service}", self._note)
            self.clients[service] = client

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401
        self.calls.append((model.name, params))


@dataclass
class Scene:
    """A bucket, queues, a webhook, and the notifier between them."""

    world: World
    hook: fake.Webhook
    folder: Path
    bucket: str
    urls: list[str] = field(default_factory=list)
    webhook: str = ""

    @property
    def moto(self) -> s3.Moto:
        return self.world.moto

    def queue(self, name: str) -> str:
        url = str(self.moto.client("sqs").create_queue(QueueName=f"{self.bucket}-{name}")["QueueUrl"])
        self.urls.append(url)
        return url

    def send(self, body: object, url: str = "", **attributes: str) -> str:
        """Put a dead letter into a queue, the first one if none is named; return its id."""
        made = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        answer = self.moto.client("sqs").send_message(
            QueueUrl=url or self.urls[0], MessageBody=json.dumps(body), MessageAttributes=made
        )
        return str(answer["MessageId"])

    def ship(self, trace: str, *, function: str = SAVE, ago: float = 1.0, prefix: str = DEFAULT) -> str:
        """Ship a request of the trace that failed; return its id."""
        request, begin = str(uuid.uuid4()), datetime.now(UTC) - timedelta(seconds=ago)
        failed = {"level": "ERROR", "message": "failed", "traceId": trace, "exception": "ValueError: no"}
        key = Shipped(self.folder, function, prefix=prefix, now=begin)(
            started(request, time=begin),
            text({"level": "INFO", "message": "saving", "traceId": trace}, request=request),
            text(failed, request=request),
            done(request, status="error"),
            report(request, status="error"),
        )
        self.moto.client().put_object(Bucket=self.bucket, Key=key, Body=(self.folder / key).read_bytes())
        return request

    def run(self, event: object = SCHEDULE, **more: Any) -> None:  # noqa: ANN401
        """Run the notifier once, as its handler does."""
        now, where = int(datetime.now(UTC).timestamp() * 1000), self.webhook or self.hook.url
        names = [SAVE, "conference-submit"]
        fixed: dict[str, Any] = {"now": now, "wait": 0}
        Notifier(self.reading(), self.world.clients["sqs"], self.urls, names, where, **{**fixed, **more}).run(event)

    def reading(self, template: str = DEFAULT, name: str = "", **bounds: Any) -> Bucket:  # noqa: ANN401
        known = {"region": self.moto.region, "account": ACCOUNT}
        return Bucket(self.world.clients["s3"], name or self.bucket, template, known, Bounds(**bounds))

    def markers(self) -> set[str]:
        return self.reading().markers()

    def lying(self, url: str = "") -> int:
        """How many messages anybody could receive now; none is hidden."""
        found = self.moto.client("sqs").get_queue_attributes(QueueUrl=url or self.urls[0], AttributeNames=["All"])
        assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"
        return int(found["Attributes"]["ApproximateNumberOfMessages"])


def a_trace() -> str:
    return str(uuid.uuid4())


def now_alarm(**trigger: object) -> dict[str, Any]:
    event = alarm(**trigger)
    message = json.loads(event["Records"][0]["Sns"]["Message"])
    message["StateChangeTime"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.999+0000"
    event["Records"][0]["Sns"]["Message"] = json.dumps(message)
    return event
