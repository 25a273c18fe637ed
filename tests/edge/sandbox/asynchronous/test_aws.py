"""What asynchronous invocations send to other services, read back from moto; and one address for all of them."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from adaptive_batching.sandbox.asynchronous.configuration import Configuration, configured
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.fleet import invoke_api
from adaptive_batching.sandbox.fleet.aws.forwarding import Forward, is_lambdas
from adaptive_batching.sandbox.fleet.aws.outside import Outside
from adaptive_batching.sandbox.fleet.clock import Clock
from adaptive_batching.sandbox.fleet.fleet import Fleet, Told
from adaptive_batching.sandbox.http_server import Server
from adaptive_batching.sandbox.options import Options
from adaptive_batching.sandbox.s3.embedded import clean_environment, embedded_s3
from tests.edge.sandbox.cli.test_serve import AWS
from tests.edge.sandbox.world import AWSLAMBDARIC, ROOT, eventually, function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HERE = "us-east-1:123456789012"
QUEUE, TOPIC = f"arn:aws:sqs:{HERE}:records", f"arn:aws:sns:{HERE}:topic"
BUS, BUCKET = f"arn:aws:events:{HERE}:event-bus/bus", "arn:aws:s3:::records"
DEAD, DEAD_TOPIC = f"arn:aws:sqs:{HERE}:dead", f"arn:aws:sns:{HERE}:dead"
OTHER = f"arn:aws:lambda:{HERE}:function:other"
ARN = f"arn:aws:lambda:{HERE}:function:function"
FAST = 100.0


def happens(condition: Callable[[], object]) -> None:
    eventually(condition, 30)


class World:
    """A function, another one, and one address for them and for moto's services."""

    def __init__(self, endpoint: str, upstream: str) -> None:
        self.endpoint, self.upstream = endpoint, upstream
        self.said: list[str] = []
        self.region = "us-east-1"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id="x",
            aws_secret_access_key="y",
            config=Config(retries={"max_attempts": 0}, proxies={}, s3={"addressing_style": "path"}),
        )

    def send(self, event: object) -> str:
        answer = self.client("lambda").invoke(
            FunctionName="function", InvocationType="Event", Payload=json.dumps(event)
        )
        return str(answer["ResponseMetadata"]["RequestId"])

    def messages(self, queue: str, count: int = 1) -> list[dict[str, Any]]:
        sqs, found = self.client("sqs"), []
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

        def receive() -> bool:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            found.extend(answer.get("Messages", []))
            return len(found) >= count

        happens(receive)
        return found

    def subscribed(self, topic: str, queue: str, region: str = "us-east-1") -> None:
        url = self.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
        assert url
        inbox = f"arn:aws:sqs:{region}:123456789012:{queue}"
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox)

    def metric(self, name: str) -> dict[str, float]:
        now = dt.datetime.now(dt.UTC)
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": "function"}],
            StartTime=now - dt.timedelta(hours=1),
            EndTime=now + dt.timedelta(hours=12),
            Period=60,
            Statistics=["Sum", "Maximum", "SampleCount"],
        )["Datapoints"]
        return {
            "sum": sum(one["Sum"] for one in found),
            "maximum": max((one["Maximum"] for one in found), default=-1),
            "count": sum(one["SampleCount"] for one in found),
        }


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with embedded_s3() as endpoint:
        yield endpoint


@pytest.fixture
def emptied(moto: str) -> str:
    import requests

    requests.post(f"{moto}/moto-api/reset", timeout=10)
    return moto


@contextmanager
def world(folder: Path, moto: str, rate: float = FAST, **changes: object) -> Iterator[World]:
    changes.setdefault("event_config", {})
    document = {"MaximumRetryAttempts": 0, **changes.pop("event_config")}  # type: ignore[dict-item]
    one = function(folder, {}, event_config=document, **changes)
    options, clock = Options(awslambdaric=AWSLAMBDARIC), Clock(rate)
    found = World("", moto)
    outside = Outside(one, clock, moto, found.said.append, folder / "records.jsonl")
    outside.make(configured(one))
    fleets: dict[str, Fleet] = {}
    outside.fleets = fleets
    with (
        outside,
        Fleet(one, options, told=Told(watch=outside), clock=clock) as fleet,
        Fleet(replace(one, name="other"), options) as other,
    ):
        fleets.update({"function": fleet, "other": other})
        server = Server(invoke_api.serve(fleets, Forward(moto)), names=())
        found.endpoint = f"http://{server.address}"
        try:
            yield found
        finally:
            server.stop()


def destination(use: str, arn: str) -> dict[str, Any]:
    return {"DestinationConfig": {use: {"Destination": arn}}}


def check(record: dict[str, Any], request_id: str, condition: str) -> None:
    assert record["version"] == "1.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["timestamp"])
    context = record["requestContext"]
    assert (context["requestId"], context["condition"]) == (request_id, condition)
    assert (context["functionArn"], context["approximateInvokeCount"]) == (f"{ARN}:$LATEST", 1)
    assert record["responseContext"]["statusCode"] == 200


def test_a_queue_gets_the_record_as_its_message(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnSuccess", QUEUE)) as one:
        request_id = one.send({"n": 1})
        (message,) = one.messages("records")
        record = json.loads(message["Body"])
        check(record, request_id, "Success")
        assert record["requestPayload"] == {"n": 1}
        assert record["responsePayload"]["id"] == request_id
    assert json.loads((tmp_path / "records.jsonl").read_text()) == record


@pytest.mark.parametrize("where", ["eu-west-1:123456789012", "us-east-1:210987654321", "eu-west-1:210987654321"])
def test_a_target_of_another_region_is_there_and_one_of_another_account_is_in_the_only_one(
    tmp_path: Path, emptied: str, where: str
) -> None:
    region = where.partition(":")[0]
    queue, topic = f"arn:aws:sqs:{where}:records", f"arn:aws:sns:{where}:topic"
    bus = f"arn:aws:events:{where}:event-bus/bus"
    with world(tmp_path, emptied, dead_letter=topic, event_config=destination("OnFailure", queue)) as one:
        one.region = region
        one.subscribed(f"arn:aws:sns:{region}:123456789012:topic", "inbox", region)
        request_id = one.send({"raise": "no"})
        assert json.loads(one.messages("records")[0]["Body"])["requestContext"]["requestId"] == request_id
        assert json.loads(json.loads(one.messages("inbox")[0]["Body"])["Message"]) == {"raise": "no"}
    (tmp_path / "second").mkdir()
    with world(tmp_path / "second", emptied, event_config=destination("OnFailure", bus)) as one:
        one.region = region
        assert [found["Name"] for found in one.client("events").list_event_buses(NamePrefix="bus")["EventBuses"]]
        one.send({"raise": "no"})
        one.region = "us-east-1"
        happens(lambda: one.metric("AsyncEventsDropped")["sum"] == 1)
    assert one.said == []


def test_a_target_that_cannot_be_made_is_one_sentence(tmp_path: Path, emptied: str) -> None:
    arn = f"arn:aws:events:{HERE}:event-bus/{'b' * 256}"
    outside = Outside(function(tmp_path, {}), Clock(FAST), emptied, print)
    outside.make(Configuration(on_failure=arn))
    with pytest.raises(SandboxError, match=f"{arn} cannot be made on this machine: .*already exists"):
        outside.make(Configuration(on_failure=arn))


def test_a_topic_gets_the_record_as_its_message(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnFailure", TOPIC)) as one:
        one.subscribed(TOPIC, "inbox")
        request_id = one.send({"raise": "no"})
        (message,) = one.messages("inbox")
    record = json.loads(json.loads(message["Body"])["Message"])
    check(record, request_id, "RetriesExhausted")
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_another_function_gets_the_record_as_its_payload(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnSuccess", OTHER)) as one:
        (tmp_path / "code/app.py").write_text(
            "import json\ndef handler(event, context):\n"
            "    if context.function_name == 'other': print(json.dumps(event), file=open('/dev/shm/' + event["
            "'requestPayload']['file'], 'w'), flush=True)\n"
        )
        name = f"record-{os.getpid()}"
        request_id = one.send({"file": name})
        from pathlib import Path as Shared

        shared = Shared("/dev/shm") / name
        happens(lambda: shared.exists() and shared.read_text().endswith("\n"))
        record = json.loads(shared.read_text())
        shared.unlink()
    check(record, request_id, "Success")


def test_a_bus_gets_the_record_as_the_detail_of_an_event(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnFailure", BUS)) as one:
        one.client("sqs").create_queue(QueueName="inbox")
        events = one.client("events")
        pattern = {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Failure"]}
        events.put_rule(Name="r", EventBusName="bus", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="r", EventBusName="bus", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{HERE}:inbox"}])
        request_id = one.send({"raise": "no"})
        (message,) = one.messages("inbox")
    event = json.loads(message["Body"])
    assert event["resources"] == [BUS, f"{ARN}:$LATEST"]
    check(event["detail"], request_id, "RetriesExhausted")


def test_a_bucket_gets_the_record_as_an_object(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnFailure", BUCKET)) as one:
        request_id = one.send({"raise": "no"})
        s3 = one.client("s3")
        happens(lambda: s3.list_objects_v2(Bucket="records")["KeyCount"])
        (entry,) = s3.list_objects_v2(Bucket="records")["Contents"]
        record = json.loads(s3.get_object(Bucket="records", Key=entry["Key"])["Body"].read())
        assert s3.head_object(Bucket="records", Key=entry["Key"])["ContentLength"] == entry["Size"]
    pattern = r"aws/lambda/async/function/(\d{4}/\d\d/\d\d)/(\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d)-[0-9a-f-]{36}"
    found = re.fullmatch(pattern, entry["Key"])
    assert found
    assert found[2].replace(".", ":") == record["timestamp"][:19]
    check(record, request_id, "RetriesExhausted")


def test_a_dead_letter_is_the_event_as_it_came_on_a_queue_and_on_a_topic(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, dead_letter=DEAD, event_config=destination("OnFailure", QUEUE)) as one:
        request_id = one.send({"raise": "no"})
        (message,) = one.messages("dead")
        (record,) = one.messages("records")  # both go out
        one.client("sns").create_topic(Name="dead")
        one.subscribed(DEAD_TOPIC, "inbox")
        one.client("lambda").update_function_configuration(
            FunctionName="function", DeadLetterConfig={"TargetArn": DEAD_TOPIC}
        )
        one.send({"raise": "again"})
        (second,) = one.messages("inbox")
    assert json.loads(message["Body"]) == {"raise": "no"}
    values = {name: (one["DataType"], one["StringValue"]) for name, one in message["MessageAttributes"].items()}
    assert values == {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no"),
    }
    check(json.loads(record["Body"]), request_id, "RetriesExhausted")
    wrapped = json.loads(second["Body"])
    assert json.loads(wrapped["Message"]) == {"raise": "again"}
    assert wrapped["MessageAttributes"]["ErrorMessage"]["Value"] == "again"


GONE = [
    ("event_config", QUEUE, lambda one: one.client("sqs").delete_queue(
        QueueUrl=one.client("sqs").get_queue_url(QueueName="records")["QueueUrl"])),
    ("event_config", TOPIC, lambda one: one.client("sns").delete_topic(TopicArn=TOPIC)),
    ("event_config", BUS, lambda one: one.client("events").delete_event_bus(Name="bus")),
    ("event_config", BUCKET, lambda one: one.client("s3").delete_bucket(Bucket="records")),
    ("event_config", f"{OTHER}-absent", lambda _one: None),
    ("dead_letter", DEAD, lambda one: one.client("sqs").delete_queue(
        QueueUrl=one.client("sqs").get_queue_url(QueueName="dead")["QueueUrl"])),
    ("dead_letter", DEAD_TOPIC, lambda one: one.client("sns").delete_topic(TopicArn=DEAD_TOPIC)),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "arn", "remove"), GONE, ids=[arn for _, arn, _ in GONE])
def test_a_target_that_is_gone_is_counted_and_said(
    tmp_path: Path, emptied: str, setting: str, arn: str, remove: Callable[[World], object]
) -> None:
    changes: dict[str, Any] = {setting: arn if setting == "dead_letter" else destination("OnFailure", arn)}
    metric = "DeadLetterErrors" if setting == "dead_letter" else "DestinationDeliveryFailures"
    with world(tmp_path, emptied, **changes) as one:
        remove(one)
        one.send({"raise": "no"})
        happens(lambda: one.metric(metric)["sum"] == 1)
        (sentence,) = one.said
    assert f"which {metric} counts: {arn}" in sentence


def test_a_record_that_is_too_large_for_a_topic_is_refused(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config=destination("OnFailure", TOPIC)) as one:
        one.send({"raise": "no", "text": "x" * 300_000})
        happens(lambda: one.metric("DestinationDeliveryFailures")["sum"] == 1)


def test_metrics_of_a_failing_event_and_of_a_synchronous_call(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, event_config={"MaximumRetryAttempts": 1}) as one:
        one.send({"raise": "no"})
        happens(lambda: one.metric("AsyncEventsDropped")["sum"] == 1)
        one.send({})
        happens(lambda: one.metric("AsyncEventsDropped")["count"] == 2)
        one.client("lambda").invoke(FunctionName="function")
        happens(lambda: one.metric("Invocations")["sum"] == 4)
        assert one.metric("AsyncEventsReceived")["sum"] == 2
        age = one.metric("AsyncEventAge")
        assert age["count"] == 3
        assert age["maximum"] >= 60_000  # how much more depends on how busy this machine is
        assert (one.metric("Errors")["sum"], one.metric("Errors")["count"]) == (2, 4)
        assert (one.metric("Throttles")["sum"], one.metric("Throttles")["count"]) == (0, 4)
        assert one.metric("Duration")["count"] == 4
        assert one.metric("ConcurrentExecutions")["maximum"] == 1
        found = one.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")["Metrics"]
    assert {tuple(dimension["Name"] for dimension in metric["Dimensions"]) for metric in found} == {("FunctionName",)}


def test_metrics_of_throttles(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied, reserved=1) as one:
        for _ in range(2):
            one.send({"sleep": 1})
        happens(lambda: one.metric("AsyncEventsDropped")["count"] == 2)
        throttles = one.metric("Throttles")
        assert throttles["sum"] >= 3
        assert throttles["count"] == throttles["sum"] + 2
        assert one.metric("Errors") == {"sum": 0, "maximum": 0, "count": throttles["count"]}
        assert one.metric("AsyncEventAge")["count"] == throttles["count"]


def test_lambda_answers_itself_and_moto_the_rest(tmp_path: Path, emptied: str) -> None:
    with world(tmp_path, emptied) as one:
        assert one.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert one.client("lambda").get_function(FunctionName="function")["Configuration"]["FunctionName"] == "function"
        one.client("s3").create_bucket(Bucket="2015-03-31")
        one.client("s3").put_object(Bucket="2015-03-31", Key="functions/function/invocations", Body=b"x")
        body = one.client("s3").get_object(Bucket="2015-03-31", Key="functions/function/invocations")["Body"].read()
        with pytest.raises(ClientError, match="UnknownOperation"):
            one.client("lambda").list_functions()
    assert body == b"x"


@pytest.mark.parametrize(
    ("authorization", "path", "own"),
    [
        (None, "/2015-03-31/functions/f/invocations", True),
        (None, "/", False),
        (None, "/bucket/key", False),
        ("AWS4-HMAC-SHA256 Credential=x/20261126/us-east-1/lambda/aws4_request, SignedHeaders=a", "/x", True),
        ("AWS4-HMAC-SHA256 Credential=x/20261126/us-east-1/sqs/aws4_request", "/2015-03-31/functions/f", False),
        ("Basic x", "/2015-03-31/functions/f", True),
    ],
)
def test_whose_a_request_is(authorization: str | None, path: str, *, own: bool) -> None:
    assert is_lambdas(authorization, path) is own


@pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not built (make awscli)")
def test_the_commands_of_the_guide_run_as_printed(tmp_path: Path) -> None:
    """After `export AWS_ENDPOINT_URL=…` and any keys, against `serve --aws`."""
    one = function(tmp_path, {})
    command = [sys.executable, "-m", "adaptive_batching", "sandbox", "serve", str(one.folder), "--name", "hello"]
    command += ["--port", "0", "--aws", "--time-scale", "100", "--awslambdaric", str(AWSLAMBDARIC)]
    command += ["--dead-letter", DEAD, "--records", str(tmp_path / "records")]
    clean = clean_environment(os.environ)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean, cwd=ROOT) as process:
        assert process.stderr is not None
        endpoint = process.stderr.readline().split()[-1]

        def aws(*words: str) -> Any:  # noqa: ANN401 - any JSON
            done = subprocess.run(
                [str(AWS), *words],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                env={**clean, "AWS_ENDPOINT_URL": endpoint},
            )
            return json.loads(done.stdout or "null")

        try:
            event = [
                "lambda",
                "invoke",
                "--region",
                "us-east-1",
                "--function-name",
                "hello",
                "--invocation-type",
                "Event",
            ]
            said = aws(*event, "--payload", '{"raise": "no"}', f"{tmp_path}/out")
            assert said == {"StatusCode": 202}
            query = ["cloudwatch", "get-metric-statistics", "--namespace", "AWS/Lambda", "--metric-name"]
            query += ["AsyncEventsDropped", "--dimensions", "Name=FunctionName,Value=hello", "--period", "60"]
            query += [
                "--statistics",
                "Sum",
                "--start-time",
                "2020-01-01T00:00:00Z",
                "--end-time",
                "2100-01-01T00:00:00Z",
            ]
            happens(lambda: any(point["Sum"] for point in aws(*query)["Datapoints"]))
            url = aws("sqs", "get-queue-url", "--queue-name", "dead", "--endpoint-url", endpoint)["QueueUrl"]
            assert url.startswith(endpoint)
            letters = aws("sqs", "receive-message", "--queue-url", url, "--endpoint-url", endpoint)["Messages"]
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert json.loads(letters[0]["Body"]) == {"raise": "no"}
    assert json.loads((tmp_path / "records").read_text())["requestContext"]["condition"] == "RetriesExhausted"
    assert f"export AWS_ENDPOINT_URL={endpoint}" in rest
    assert "records       1 sent, 0 refused" in rest
