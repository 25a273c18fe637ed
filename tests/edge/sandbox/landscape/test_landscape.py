"""A whole application at once: its API, queues, streams and schedules, with real functions and moto's server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from botocore.config import Config

from adaptive_batching.sandbox.fleet.aws.clients import Clients
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.landscape.events import QueueMapping, Rate, StreamMapping
from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.landscape.outcomes import Outcomes
from adaptive_batching.sandbox.landscape.queues.poller import QueuePoller
from adaptive_batching.sandbox.landscape.rest import gateway
from adaptive_batching.sandbox.landscape.schedule import Scheduler
from adaptive_batching.sandbox.landscape.streams.poller import StreamPoller
from adaptive_batching.sandbox.options import Options
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adaptive_batching.sandbox.lifecycle.results import Result

APPLICATION = Path(__file__).parent / "application/template.yaml"
KEYS = [f"k{number:02}" for number in range(6)] + ["poison"] + [f"k{number:02}" for number in range(6, 12)]


def happens(condition: Callable[[], object]) -> None:
    eventually(condition, 60)


class World:
    """The landscape, what it said, and clients of what it made."""

    def __init__(self, landscape: Landscape, said: list[str], reported: list[tuple[str, Result, str]]) -> None:
        self.landscape, self.said, self.reported = landscape, said, reported
        self.clients = Clients(landscape.endpoint, "us-east-1")
        self.session = requests.Session()
        self.session.trust_env = False

    def http(self, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        return self.session.request(method, self.landscape.http_url + path, timeout=60, **more)

    def lines(self, function: str) -> list[Any]:
        """What a function said, each line a document."""
        written = [line for one in self.landscape.fleets[f"app-{function}"].all for line in one.function_lines]
        return [json.loads(line) for line in written if line.startswith(('{"', '["'))]

    def send(self, queue: str, *bodies: str) -> None:
        for body in bodies:
            self.clients("sqs").send_message(QueueUrl=self.landscape.queue(queue), MessageBody=body)

    def put(self, *keys: str) -> None:
        for key in keys:
            self.clients("dynamodb").put_item(TableName=self.landscape.table("Items"), Item={"id": {"S": key}})

    def received(self, queue: str) -> list[dict[str, Any]]:
        answer = self.clients("sqs").receive_message(
            QueueUrl=self.landscape.queue(queue), MessageSystemAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def in_queue(self, queue: str) -> tuple[int, int]:
        """How many messages are visible and how many are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.clients("sqs").get_queue_attributes(QueueUrl=self.landscape.queue(queue), AttributeNames=names)
        visible, hidden = (int(found["Attributes"][name]) for name in names)
        return visible, hidden


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Everything that takes time is begun here, so that the tests wait together."""
    said: list[str] = []
    settings = Settings(layers=(ROOT / "build/layer",), options=Options(awslambdaric=AWSLAMBDARIC))
    reported: list[tuple[str, Result, str]] = []
    with Landscape(
        APPLICATION, settings=settings, say=said.append, report=lambda *one: reported.append(one)
    ) as landscape:
        one = World(landscape, said, reported)
        one.put(*KEYS)
        one.send("PoisonQueue", "poison")
        one.send("SlowQueue", *(str(number) for number in range(8)))
        one.send("PartialQueue", "good", "bad", "good too")
        one.send("MalformedQueue", "malformed")
        yield one


# ---- what is made


def test_what_the_template_has_is_made_and_the_rest_is_counted(world: World) -> None:
    described = world.landscape.description
    assert [name for name in world.landscape.fleets if name == "app-extra"] == []
    assert described.left_out == {"AWS::Logs::LogGroup": 1}
    assert world.landscape.bucket("Logs") == "app-logs"
    assert [one["Name"] for one in world.clients("s3").list_buckets()["Buckets"]] == ["app-logs"]
    assert len(world.clients("sqs").list_queues()["QueueUrls"]) == len(described.queues)
    assert world.landscape.sources.notes == ["Api.New is not run: events of type HttpApi are not made here"]


def test_one_address_stands_for_every_service(world: World) -> None:
    options: dict[str, Any] = {
        "endpoint_url": world.landscape.invoke_url,
        "region_name": "us-east-1",
        "aws_access_key_id": "x",
        "aws_secret_access_key": "y",
        "config": Config(retries={"max_attempts": 0}, proxies={}),
    }
    answer = boto3.client("lambda", **options).invoke(FunctionName="app-plain", Payload=b'{"n": 7}')
    assert json.loads(answer["Payload"].read()) == {"n": 7}
    assert boto3.client("sqs", **options).get_queue_url(QueueName="app-dead")["QueueUrl"].endswith("/app-dead")


# ---- the API


def test_a_request_becomes_the_event_of_its_route(world: World) -> None:
    answer = world.http(
        "POST", "/echo/a%20b?q=1&q=2", data="é".encode(), headers={"X-Mine": "1", "Content-Type": "t/t"}
    )
    event = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/echo/{id}", "/echo/a%20b", "POST")
    assert (event["pathParameters"], event["queryStringParameters"]) == ({"id": "a%20b"}, {"q": "2"})
    assert (event["headers"]["X-Mine"], event["body"], event["isBase64Encoded"]) == ("1", "é", False)
    assert event["headers"]["X-Amzn-Trace-Id"] == answer.headers["X-Amzn-Trace-Id"]
    assert event["requestContext"]["requestId"] == answer.headers["x-amzn-RequestId"]
    assert world.http("OPTIONS", "/echo/x").json()["httpMethod"] == "OPTIONS"
    assert world.http("HEAD", "/echo/x").content == b""


def test_an_answer_may_set_a_header_twice(world: World) -> None:
    answer = world.http("GET", "/answer/cookies")
    assert (answer.status_code, answer.content) == (201, "é".encode())
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nowhere", 403, "Missing Authentication Token"),
        ("POST", "/answer/text", 403, "Missing Authentication Token"),
        ("GET", "/answer/raises", 502, "Internal server error"),
        ("GET", "/answer/text", 502, "Internal server error"),
    ],
)
def test_what_is_no_answer_of_a_function_is_one_of_api_gateway(
    world: World, method: str, path: str, status: int, message: str
) -> None:
    answer = world.http(method, path)
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    if path == "/answer/text" and status == 502:
        assert "GET /answer/text: the answer of app-api is not one for API Gateway: it is a string" in "".join(
            world.said
        )


def test_what_is_too_large_for_api_gateway_or_for_lambda_is_413(world: World) -> None:
    invoked = len(world.lines("api"))
    for size, why in ((6 * 1024 * 1024, "the event has "), (10 * 1024 * 1024 + 1, "the body has 10,485,761 bytes")):
        before = len(world.said)  # functions of other tests still say something
        answer = world.http("POST", "/echo/large", data=b"x" * size)
        assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})
        said = "\n".join(world.said[before:])
        assert f"POST /echo/large: app-api was not invoked: {why}" in said
    assert len(world.lines("api")) == invoked


def test_a_function_that_takes_too_long_is_504_and_one_that_is_throttled_500(world: World) -> None:
    fleets = world.landscape.fleets
    server = Server(gateway.serve(world.landscape.sources.routes, fleets, world.said.append, 0.1), names=())
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"http://{server.address}/answer/sleeps", timeout=60)
        fleets["app-api"].settings.change(reserved=0)
        throttled = session.get(f"http://{server.address}/answer/sleeps", timeout=60)
        fleets["app-api"].settings.change(reserved=None)
    server.stop()
    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})
    assert (throttled.status_code, throttled.json()) == (500, {"message": "Internal server error"})


def test_a_function_invokes_another_one(world: World) -> None:
    assert world.http("GET", "/answer/invokes").json() == {"n": 1}


# ---- queues


def test_a_message_from_a_function_carries_its_trace(world: World) -> None:
    answer = world.http("GET", "/answer/sends")
    happens(lambda: [one for one in world.lines("traced") if one["body"] == "sent"])
    (record,) = [one for one in world.lines("traced") if one["body"] == "sent"]
    root, _, sampled = record["attributes"]["AWSTraceHeader"].split(";")
    assert (record["body"], record["attributes"]["ApproximateReceiveCount"]) == ("sent", "1")
    assert (root, sampled) == (answer.headers["X-Amzn-Trace-Id"], "Sampled=1")
    happens(lambda: world.in_queue("TracedQueue") == (0, 0))


def test_no_more_batches_run_at_a_time_than_the_maximum_concurrency(world: World) -> None:
    happens(lambda: world.in_queue("SlowQueue") == (0, 0))
    assert sorted(one["body"] for one in world.lines("slow")) == [str(number) for number in range(8)]
    assert len(world.landscape.fleets["app-slow"].all) == 2


def test_of_a_batch_only_what_failed_stays_in_the_queue(world: World) -> None:
    happens(lambda: world.in_queue("PartialQueue") == (0, 1))
    bodies = sorted(one["body"] for one in world.lines("partial") if one["body"] != "malformed")
    assert bodies == ["bad", "good", "good too"]


def test_what_failed_of_a_batch_is_told_with_its_invocation_and_in_all(world: World) -> None:
    happens(lambda: world.landscape.outcomes.summary("app-partial") == ["2 of 4 messages failed"])
    told = [failed for name, _, failed in world.reported if name == "app-partial" and failed]
    assert len(told) == 2
    assert "1 of 1 message failed" in told
    happens(lambda: "1 record given up" in world.landscape.outcomes.summary("app-follow"))
    happens(lambda: [one for one in world.reported if one[0] == "app-poison"])
    assert {result.why for name, result, _ in world.reported if name == "app-poison"} == {"ValueError: no"}


def test_an_answer_that_names_no_record_fails_the_whole_batch(world: World) -> None:
    sentence = "the answer of app-partial fails its whole batch: a failure in it has no itemIdentifier"
    happens(lambda: sentence in world.said)
    assert world.in_queue("MalformedQueue") == (0, 1)


def test_a_message_that_keeps_failing_is_moved_by_its_queue(world: World) -> None:
    happens(lambda: world.in_queue("Dead") == (1, 0))
    (message,) = world.received("Dead")
    environments = world.landscape.fleets["app-poison"].all
    happens(lambda: sum(len(one.finished) for one in environments) == 2)
    assert message["Body"] == "poison"
    assert {result.function_error for one in environments for result in one.finished} == {"Unhandled"}
    assert world.in_queue("PoisonQueue") == (0, 0)


def test_a_batch_that_was_throttled_runs_later_and_a_queue_that_is_gone_is_said(world: World) -> None:
    arn, fleet = "arn:aws:sqs:us-east-1:123456789012:own", world.landscape.fleets["app-traced"]
    url = world.clients("sqs").create_queue(QueueName="own", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    fleet.settings.change(reserved=0)
    poller = QueuePoller(
        QueueMapping("app-traced", arn), url, fleet, world.clients("sqs"), world.said.append, Outcomes()
    )
    world.clients("sqs").send_message(QueueUrl=url, MessageBody="throttled")
    names = ["ApproximateNumberOfMessagesNotVisible"]
    happens(
        lambda: (
            world.clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]] == "1"
        )
    )
    fleet.settings.change(reserved=None)
    happens(lambda: [one for one in world.lines("traced") if one["body"] == "throttled"])
    (record,) = [one for one in world.lines("traced") if one["body"] == "throttled"]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    world.clients("sqs").delete_queue(QueueUrl=url)
    happens(lambda: any(sentence.startswith(f"{arn} cannot be read: ") for sentence in world.said))
    poller.close()


# ---- streams


def test_a_stream_is_followed_in_order_and_what_keeps_failing_is_told_to_a_queue(world: World) -> None:
    wanted = [key for key in KEYS if key != "poison"]
    happens(lambda: len([key for keys in world.lines("follow") for key in keys]) >= len(wanted))
    assert [key for keys in world.lines("follow") for key in keys][: len(wanted)] == wanted
    (message,) = world.received("StreamDead")
    document = json.loads(message["Body"])
    info, context = document["DDBStreamBatchInfo"], document["requestContext"]
    assert (info["batchSize"], info["startSequenceNumber"]) == (1, info["endSequenceNumber"])
    assert (context["condition"], document["responseContext"]["functionError"]) == (
        "RetryAttemptsExhausted",
        "Unhandled",
    )
    (environment,) = world.landscape.fleets["app-follow"].all  # one at a time
    failed = [one.request_id for one in environment.finished if one.function_error]
    assert context["requestId"] == failed[-1]
    assert context["functionArn"] == environment.function.arn
    assert any("app-follow gives up 1 of the stream's records" in sentence for sentence in world.said)


def test_from_latest_on_only_new_records_are_read(world: World) -> None:
    (known,) = world.landscape.sources.streams
    mapping = StreamMapping("app-plain", known.stream, latest=True)
    fleet = world.landscape.fleets["app-plain"]
    before = len([result for one in fleet.all for result in one.finished])
    poller = StreamPoller(mapping, fleet, world.clients, "", world.said.append, Outcomes())
    world.put("latest")
    happens(lambda: len([result for one in fleet.all for result in one.finished]) == before + 1)
    poller.close()


# ---- the rest


def test_what_an_event_leads_to_goes_to_a_queue_of_the_template(world: World) -> None:
    world.landscape.fleets["app-async"].events.accept(b'{"n": 1}')
    happens(lambda: world.in_queue("AsyncDead") == (1, 0))
    (message,) = world.received("AsyncDead")
    assert json.loads(message["Body"])["requestPayload"] == {"n": 1}
    request_id = json.loads(message["Body"])["requestContext"]["requestId"]
    assert f"app-async drops the event {request_id}: RetriesExhausted" in world.said


def test_a_schedule_invokes_its_function_again_and_again(world: World) -> None:
    fleet = world.landscape.fleets["app-plain"]
    before = sum(len(one.finished) for one in fleet.all)
    scheduler = Scheduler([Rate("app-plain", "often", 0.3)], world.landscape.fleets)
    happens(lambda: sum(len(one.finished) for one in fleet.all) >= before + 2)
    scheduler.close()
