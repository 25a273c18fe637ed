"""Queues and tables of the embedded server under many clients at once: nothing is lost, nothing comes back."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.s3.embedded import embedded_s3
from adaptive_batching.sandbox.s3.moto_server import with_trace
from adaptive_batching.sandbox.s3.one_at_a_time import one_at_a_time, service
from tests.edge.sandbox.world import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENDERS, EACH = 4, 10


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with embedded_s3() as endpoint:
        yield Clients(endpoint, "us-east-1")


def at_once(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


SIGNED = "AWS4-HMAC-SHA256 Credential=x/20261126/us-east-1/{}/aws4_request, SignedHeaders=a"


def environ(name: str, body: bytes = b"{}") -> dict[str, Any]:
    return {
        "HTTP_AUTHORIZATION": SIGNED.format(name),
        "HTTP_X_AMZ_TARGET": "AmazonSQS.DeleteMessage",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


def test_requests_of_all_services_but_s3_are_one_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []
    meeting = threading.Barrier(2)

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - as WSGI has it
        inside.append(1)
        most.append(len(inside))
        if service(environ["HTTP_AUTHORIZATION"]) == "s3":
            meeting.wait(60)
        time.sleep(0.001)  # lets other threads in, if they may come in
        start("200 OK", [])
        inside.pop()
        return [b"done"]

    guarded: Any = one_at_a_time(application)

    def ask(*names: str) -> None:
        for name in names:
            assert guarded(environ(name), lambda *_words: None) == [b"done"]

    at_once(lambda: ask("s3"), lambda: ask("s3"))
    assert max(most) == 2
    most.clear()
    at_once(*[lambda: ask(*("sqs", "dynamodb", "sns", "monitoring") * 5)] * 4)
    assert max(most) == 1
    assert len(most) == 80


def test_each_message_is_received_once_and_stays_deleted(clients: Clients) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="busy", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    found: list[str] = []
    total = SENDERS * EACH

    def send(sender: int) -> None:
        for number in range(EACH):
            sqs.send_message(QueueUrl=url, MessageBody=f"{sender}-{number}")

    def receive() -> None:
        while len(found) < total:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    at_once(*(lambda sender=sender: send(sender) for sender in range(SENDERS)), *[receive] * 3)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert Counter(found) == Counter(f"{sender}-{number}" for sender in range(SENDERS) for number in range(EACH))
    assert set(left.values()) == {"0"}


def test_a_request_that_waits_for_messages_holds_nobody_up(clients: Clients) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(
        target=lambda: answers.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)), daemon=True
    )
    waiting.start()
    for number in range(20):
        sqs.create_queue(QueueName=f"other-{number}")
    assert waiting.is_alive()
    sqs.send_message(QueueUrl=url, MessageBody="at last")
    waiting.join(60)
    assert answers[0]["Messages"][0]["Body"] == "at last"


def test_a_message_that_becomes_visible_again_ends_a_wait(clients: Clients) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="again", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"), 60)


def test_the_records_of_a_stream_have_numbers_of_their_own(clients: Clients) -> None:
    dynamodb, streams = clients("dynamodb"), clients("dynamodbstreams")
    dynamodb.create_table(
        TableName="t",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )

    def put(writer: int) -> None:
        for number in range(EACH):
            dynamodb.put_item(TableName="t", Item={"id": {"S": f"{writer}-{number}"}})

    at_once(*(lambda writer=writer: put(writer) for writer in range(SENDERS)))
    arn = dynamodb.describe_table(TableName="t")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    first = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = streams.get_records(ShardIterator=first)["Records"]
    assert len({one["dynamodb"]["SequenceNumber"] for one in found}) == len(found) == SENDERS * EACH


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        (None, ""),
        ("Basic x", ""),
        (SIGNED.format("s3"), "s3"),
        (SIGNED.format("dynamodb").partition(",")[0], "dynamodb"),
    ],
)
def test_what_service_a_request_is_for(authorization: str | None, name: str) -> None:
    assert service(authorization) == name


def test_a_message_keeps_a_trace_of_its_own() -> None:
    own = b'{"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "mine"}}}'
    assert b'"mine"' in with_trace(own, "Root=1-x")
    assert b'"Root=1-x"' in with_trace(b'{"MessageBody": "m"}', "Root=1-x")
