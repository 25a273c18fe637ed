"""The notifier in the sandbox, beside the functions whose failures it tells: template.yaml as a landscape."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from botocore.config import Config

from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.options import Options
from tests.e2e.conftest import LAYER, ROOT
from tests.edge.sandbox.world import eventually
from tests.fakes import webhook as fake
from tests.fakes.network.ports import free_port
from tests.unit.functions.notifier.test_events import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUES = ("ConferenceDeadQueue", "ConferenceStreamDeadQueue", "AsyncDeadLetters")
#: Seconds for anything to happen on a busy machine.
PATIENCE = 90


@dataclass
class Happened:
    """What the test below looks at: ids, what each run of the notifier ended with, what the webhook got."""

    landscape: Landscape
    traces: dict[str, str] = field(default_factory=dict)
    runs: list[str | None] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    event: str = ""
    again: str = ""
    later: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        return boto3.client(
            service,
            endpoint_url=self.landscape.invoke_url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",
            config=Config(retries={"max_attempts": 0}, proxies={}, read_timeout=PATIENCE),
        )

    def lying(self, logical_id: str) -> tuple[int, int]:
        """How many messages anybody could receive, and how many are hidden."""
        found = self.client("sqs").get_queue_attributes(
            QueueUrl=self.landscape.queue(logical_id), AttributeNames=["All"]
        )["Attributes"]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return int(found[names[0]]), int(found[names[1]])

    def hide(self, seconds: int, times: int) -> None:
        """Let the queue hide a message for so long whenever it is received, and give up after so many times."""
        dead = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:conference-dead", "maxReceiveCount": times}
        self.client("sqs").set_queue_attributes(
            QueueUrl=self.landscape.queue("ConferenceQueue"),
            Attributes={"VisibilityTimeout": str(seconds), "RedrivePolicy": json.dumps(dead)},
        )

    def submit(self, subject: str) -> None:
        answer = requests.post(f"{self.landscape.http_url}/sessions", json={"subject": subject}, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        self.traces[subject] = answer.json()["traceId"]

    def invoke(self) -> str:
        """Send an event to the function that raises; return its request id."""
        name = self.landscape.function("AsyncFunction")
        sent = self.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload="{}")
        return str(sent["ResponseMetadata"]["RequestId"])

    def to_the_notifier(self) -> None:
        """Make the notifier the failure destination of that function, beside its queue of dead letters."""
        notifier = self.landscape.function("NotifierFunction")
        self.client("lambda").put_function_event_invoke_config(
            FunctionName=self.landscape.function("AsyncFunction"),
            MaximumRetryAttempts=0,
            DestinationConfig={
                "OnFailure": {"Destination": f"arn:aws:lambda:us-east-1:123456789012:function:{notifier}"}
            },
        )

    def look(self) -> None:
        answer = self.client("lambda").invoke(
            FunctionName=self.landscape.function("NotifierFunction"), Payload=json.dumps(SCHEDULE)
        )
        self.runs.append(answer.get("FunctionError") and json.loads(answer["Payload"].read())["errorMessage"])


@pytest.fixture(scope="module")
def happened() -> Iterator[Happened]:
    with fake.webhook() as hook:
        parameters = {
            "Conference": "true",
            "SaveFailsOn": "poisoned",
            "WebhookUrl": f"http://127.0.0.1:{free_port()}/",  # nobody listens: notify fails
            "AsyncExample": "true",
            "AsyncMode": "raise",
            "AsyncRetryAttempts": "0",
            "ShipRateInvokes": "1",
            "Monitoring": "on",
            "NotifyWebhook": hook.url,
        }
        settings = Settings(layers=(LAYER,), options=Options(awslambdaric=ROOT / "build/runtime/awslambdaric"))
        with Landscape(ROOT / "template.yaml", parameters, settings) as landscape:
            found = Happened(landscape)
            found.hide(1, times=1)  # the queue gives up at once
            found.submit("poisoned")
            eventually(lambda: found.lying("ConferenceDeadQueue") == (1, 0), PATIENCE)
            found.hide(PATIENCE, times=9)
            found.submit("queues")
            found.event = found.invoke()
            eventually(lambda: all(found.lying(one) == (1, 0) for one in QUEUES), PATIENCE)
            hook.answers = [500]

            def told() -> bool:
                found.look()
                return len(hook.texts) == len(QUEUES)

            eventually(told, PATIENCE)
            found.texts = list(hook.texts)
            found.to_the_notifier()
            found.again = found.invoke()
            eventually(lambda: found.lying("AsyncDeadLetters")[0] == 2, PATIENCE)

            def told_again() -> bool:
                found.look()
                return len(hook.texts) == len(found.texts) + 2

            eventually(told_again, PATIENCE)
            found.later = hook.texts[len(found.texts) :]
            yield found


def text(happened: Happened, where: str) -> str:
    (found,) = [one for one in happened.texts if one.startswith(f":warning: dead letter in `{where}`")]
    return found


def test_a_webhook_that_is_down_fails_the_run_and_then_each_message_is_told_once(happened: Happened) -> None:
    assert happened.runs[0] == "the webhook answered 500: 'invalid_payload'"
    assert happened.runs[1:] == [None] * (len(happened.runs) - 1)
    assert len(happened.texts) == len(QUEUES)
    assert len(happened.later) == 2  # of later looks, of which none told the others again


def test_the_messages_are_still_there_for_everybody(happened: Happened) -> None:
    assert [happened.lying(one) for one in QUEUES] == [(1, 0), (1, 0), (2, 0)]


def test_a_message_that_a_queue_gave_up_on_is_told_by_its_trace(happened: Happened) -> None:
    told, trace = text(happened, "conference-dead"), happened.traces["poisoned"]
    assert re.search(rf"conference-save  request [0-9a-f-]{{36}}  trace {trace}  ValueError: this subject", told)
    assert "SAVE_REQUEST_RECEIVED  saving" in told
    assert f"`adaptive-batching logs trace {trace} s3://{happened.landscape.bucket('LogBucket')}`" in told


def test_a_record_of_a_stream_is_told_by_its_request(happened: Happened) -> None:
    told = text(happened, "conference-stream-dead")
    assert "tried 3 times" in told
    assert re.search(rf"conference-notify  request [0-9a-f-]{{36}}  trace {happened.traces['queues']}", told)
    assert "NOTIFICATION_RECEIVED  notifying" in told


def test_a_dead_letter_of_lambda_is_told_by_its_attribute(happened: Happened) -> None:
    """Its function logs text, not JSON."""
    told = text(happened, "adaptive-batching-extension-demo-function-async-dead-letters")
    assert f"-async  request {happened.event}  RuntimeError: Lambda function throwing exception" in told
    assert "Traceback (most recent call last):" in told


def test_an_event_that_failed_is_told_to_the_notifier_itself_as_its_destination(happened: Happened) -> None:
    (told,) = [one for one in happened.later if one.startswith(":warning: failed event of `")]
    assert "-async`, tried once, " in told
    assert f"-async  request {happened.again}  RuntimeError: Lambda function throwing exception" in told
