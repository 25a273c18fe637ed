"""The operations of Lambda's API on a function's settings, by boto3 and the AWS CLI; botocore's model is the oracle."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from adaptive_batching.sandbox.s3.embedded import clean_environment
from tests.edge.sandbox.cli.test_serve import AWS, client, served
from tests.edge.sandbox.world import eventually, function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.http_server import Server

MODEL = get_session().get_service_model("lambda")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:function"
QUEUE, TOPIC = "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sns:us-east-1:123456789012:t"
BUS, BUCKET = "arn:aws:events:us-east-1:123456789012:event-bus/b", "arn:aws:s3:::bucket"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:other"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Fleet, Server, Any]]:
    with served(function(tmp_path, {}, runtime="python3.13")) as (fleet, server):
        yield fleet, server, client(server)


KINDS: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "timestamp": (int, float),
}


def walked(shape: Any, value: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - botocore's shapes and any JSON
    """Yield what in an answer botocore's model does not allow: names, types, patterns, bounds, values."""
    kind = shape.type_name
    good: Any = isinstance(value, KINDS[kind])
    if not good:
        yield f"{where} is {value!r}, not a {kind}"
    elif kind == "structure":
        yield from (f"{where}.{name} is not in the model" for name in set(value) - set(shape.members))
        yield from (f"{where}.{name} is missing" for name in set(shape.required_members) - set(value))
        for name in set(value) & set(shape.members):
            yield from walked(shape.members[name], value[name], f"{where}.{name}")
    elif kind in {"list", "map"}:
        member, entries = (shape.member, enumerate(value)) if kind == "list" else (shape.value, value.items())
        for name, one in entries:
            yield from walked(member, one, f"{where}[{name}]")
    elif kind == "string":
        if shape.enum and value not in shape.enum:
            yield f"{where} is {value!r}, not one of {shape.enum}"
        if not re.fullmatch(shape.metadata.get("pattern", ".*"), value):
            yield f"{where} is {value!r}, not {shape.metadata['pattern']}"
    elif not shape.metadata.get("min", value) <= value <= shape.metadata.get("max", value):
        yield f"{where} is {value}, out of bounds"


#: Each operation, in an order in which each succeeds, with its arguments.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("GetFunctionConcurrency", {}),
    ("PutFunctionConcurrency", {"ReservedConcurrentExecutions": 0}),
    ("GetFunctionConcurrency", {}),
    ("GetFunction", {}),
    ("ListFunctionEventInvokeConfigs", {}),
    (
        "PutFunctionEventInvokeConfig",
        {
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 60,
            "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": BUCKET}},
        },
    ),
    ("UpdateFunctionEventInvokeConfig", {"MaximumRetryAttempts": 2}),
    ("GetFunctionEventInvokeConfig", {}),
    ("ListFunctionEventInvokeConfigs", {"MaxItems": 1}),
    ("UpdateFunctionConfiguration", {"DeadLetterConfig": {"TargetArn": TOPIC}}),
    ("GetFunctionConfiguration", {}),
    ("DeleteFunctionEventInvokeConfig", {}),
    ("DeleteFunctionConcurrency", {}),
]


def test_every_answer_is_what_botocores_model_describes(world: tuple[Fleet, Server, Any]) -> None:
    _, _, lambdas = world
    bodies: list[bytes] = []
    lambdas.meta.events.register("before-parse.lambda", lambda response_dict, **_: bodies.append(response_dict["body"]))
    for name, words in CALLS:
        operation = MODEL.operation_model(name)
        method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        answer = getattr(lambdas, method)(FunctionName="function", **words)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == operation.http["responseCode"], name
        body = bodies.pop()
        if operation.output_shape is None or operation.http["responseCode"] == 204:
            assert body == b""
        else:
            assert list(walked(operation.output_shape, json.loads(body), name)) == []
    served_here = {one for one, _ in CALLS}
    kinds = ("EventInvokeConfig", "EventInvokeConfigs", "FunctionConcurrency", "FunctionConfiguration")
    assert served_here >= {one for one in MODEL.operation_names if one.endswith(kinds)}


def test_the_walk_finds_what_is_wrong() -> None:
    shape = MODEL.operation_model("GetFunctionEventInvokeConfig").output_shape
    wrong = {"FunctionArn": "x", "MaximumRetryAttempts": 3, "LastModified": "today", "Own": 1}
    assert len(list(walked(shape, wrong, ""))) == 4


def test_put_replaces_and_update_merges(world: tuple[Fleet, Server, Any]) -> None:
    fleet, _, lambdas = world
    destinations = {"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": BUS}}
    lambdas.put_function_event_invoke_config(
        FunctionName="function", MaximumRetryAttempts=1, DestinationConfig=destinations
    )
    lambdas.update_function_event_invoke_config(
        FunctionName=ARN, MaximumEventAgeInSeconds=90, DestinationConfig={"OnFailure": {"Destination": TOPIC}}
    )
    found = lambdas.get_function_event_invoke_config(FunctionName="function", Qualifier="$LATEST")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 90)
    assert found["DestinationConfig"] == {"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": TOPIC}}
    assert found["FunctionArn"] == f"{ARN}:$LATEST"
    assert abs((dt.datetime.now(dt.UTC) - found["LastModified"]).total_seconds()) < 60
    now = fleet.events.configuration
    assert (now.retries, now.max_age, now.on_success, now.on_failure) == (1, 90, QUEUE, TOPIC)
    lambdas.put_function_event_invoke_config(FunctionName="function", MaximumEventAgeInSeconds=60)
    found = lambdas.get_function_event_invoke_config(FunctionName="function")
    assert found["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert "MaximumRetryAttempts" not in found
    lambdas.delete_function_event_invoke_config(FunctionName="function")
    now = fleet.events.configuration
    assert (now.retries, now.max_age, now.on_success, now.on_failure) == (2, 21_600, "", "")


def test_without_an_event_invoke_config_there_is_none_to_get_change_or_delete(world: tuple[Fleet, Server, Any]) -> None:
    _, _, lambdas = world
    calls: list[Callable[[], Any]] = [
        lambda: lambdas.get_function_event_invoke_config(FunctionName="function"),
        lambda: lambdas.update_function_event_invoke_config(FunctionName="function", MaximumRetryAttempts=0),
        lambda: lambdas.delete_function_event_invoke_config(FunctionName="function"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"] == {
            "Code": "ResourceNotFoundException",
            "Message": f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
        }
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert lambdas.list_function_event_invoke_configs(FunctionName="function")["FunctionEventInvokeConfigs"] == []


def test_reserved_concurrency_is_shown_0_too(world: tuple[Fleet, Server, Any]) -> None:
    fleet, _, lambdas = world
    assert "ReservedConcurrentExecutions" not in lambdas.get_function_concurrency(FunctionName="function")
    assert "Concurrency" not in lambdas.get_function(FunctionName="function")
    lambdas.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    assert lambdas.get_function(FunctionName="function")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        lambdas.invoke(FunctionName="function")
    lambdas.delete_function_concurrency(FunctionName="function")
    assert lambdas.invoke(FunctionName="function")["StatusCode"] == 200
    assert fleet.events.configuration.reserved is None


def test_the_dead_letter_queue_is_set_and_taken_away(world: tuple[Fleet, Server, Any]) -> None:
    fleet, _, lambdas = world
    answer = lambdas.update_function_configuration(FunctionName="function", DeadLetterConfig={"TargetArn": QUEUE})
    assert answer["DeadLetterConfig"] == {"TargetArn": QUEUE}
    assert fleet.events.configuration.dead_letter == QUEUE
    lambdas.update_function_configuration(FunctionName="function", DeadLetterConfig={"TargetArn": ""})
    assert "DeadLetterConfig" not in lambdas.get_function_configuration(FunctionName="function")


#: Method, path, body, and what the refusal says.
REFUSED = [
    ("PUT", "", {}, "InvalidParameterValueException", "at least one of"),
    ("PUT", "", {"MaximumRetryAttempts": 3}, "ValidationException", "less than or equal to 2"),
    ("PUT", "", {"MaximumRetryAttempts": -1}, "ValidationException", "greater than or equal to 0"),
    ("PUT", "", {"MaximumEventAgeInSeconds": 59}, "ValidationException", "greater than or equal to 60"),
    ("PUT", "", {"MaximumEventAgeInSeconds": 21_601}, "ValidationException", "less than or equal to 21600"),
    ("PUT", "", {"MaximumRetryAttempts": "2"}, "InvalidRequestContentException", "is not an integer"),
    ("PUT", "", {"MaximumRetryAttempts": True}, "InvalidRequestContentException", "is not an integer"),
    ("PUT", "", {"DestinationConfig": 1}, "InvalidRequestContentException", "is not an object"),
    ("PUT", "", [1], "InvalidRequestContentException", "is not an object"),
    ("PUT", "", {"DestinationConfig": {"OnSuccess": {"Destination": BUCKET}}}, "InvalidParameterValueException",
     "OnFailure only"),
    ("PUT", "", {"DestinationConfig": {"OnFailure": {"Destination": f"{QUEUE}.fifo"}}},
     "InvalidParameterValueException", "FIFO"),
    ("POST", "", {"DestinationConfig": {"OnFailure": {"Destination": ARN}}}, "ResourceNotFoundException",
     "doesn't have"),
    ("PUT", "", {"DestinationConfig": {"OnFailure": {"Destination": ARN}}}, "InvalidParameterValueException", "itself"),
    ("PUT", "", {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}:$LATEST"}}},
     "InvalidParameterValueException", "itself"),
    ("PUT", "", {"DestinationConfig": {"OnFailure": {"Destination": STREAM}}},
     "InvalidParameterValueException", "is not one of"),
    ("PUT", "/concurrency", {"ReservedConcurrentExecutions": 901}, "InvalidParameterValueException",
     "below its minimum value of [100]"),
    ("PUT", "/concurrency", {"ReservedConcurrentExecutions": -1}, "ValidationException", "greater than or equal to 0"),
    ("PUT", "/concurrency", {}, "ValidationException", "must not be null"),
    ("PUT", "/configuration", {"Timeout": 3, "DeadLetterConfig": {}}, "InvalidParameterValueException", "Timeout"),
    ("PUT", "/configuration", {"DeadLetterConfig": {"TargetArn": BUCKET}}, "InvalidParameterValueException",
     "is not one of: SQS queue, SNS topic"),
]  # fmt: skip
DATES = {"": "2019-09-25", "/concurrency": "2017-10-31", "/configuration": "2015-03-31"}


@pytest.mark.parametrize(("method", "path", "body", "code", "said"), REFUSED)
def test_what_lambda_refuses_is_refused_and_nothing_changes(
    world: tuple[Fleet, Server, Any], method: str, path: str, body: object, code: str, said: str
) -> None:
    fleet, server, _ = world
    before = fleet.settings.current
    url = f"http://{server.address}/{DATES[path]}/functions/function{path or '/event-invoke-config'}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), method=method), timeout=10)
    assert (refused.value.code, refused.value.headers["X-Amzn-ErrorType"]) == (
        404 if code == "ResourceNotFoundException" else 400,
        code,
    )
    assert said in json.loads(refused.value.read())["message"]
    assert fleet.settings.current == before


def test_two_updates_at_once_are_both_kept(world: tuple[Fleet, Server, Any]) -> None:
    _, _, lambdas = world
    lambdas.put_function_event_invoke_config(FunctionName="function", MaximumRetryAttempts=0)

    def update(**members: int) -> None:
        lambdas.update_function_event_invoke_config(FunctionName="function", **members)

    with ThreadPoolExecutor(2) as pool:
        for number in range(50):
            retries, age = number % 3, 60 + number
            for one in (
                pool.submit(update, MaximumRetryAttempts=retries),
                pool.submit(update, MaximumEventAgeInSeconds=age),
            ):
                one.result()
            found = lambdas.get_function_event_invoke_config(FunctionName="function")
            assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (retries, age)


def test_every_kind_of_destination_is_taken(world: tuple[Fleet, Server, Any]) -> None:
    fleet, _, lambdas = world
    for use, arns in (("OnFailure", (QUEUE, TOPIC, BUS, BUCKET, OTHER)), ("OnSuccess", (QUEUE, TOPIC, BUS, OTHER))):
        for arn in arns:
            lambdas.put_function_event_invoke_config(
                FunctionName="function", DestinationConfig={use: {"Destination": arn}}
            )
            now = fleet.events.configuration
            assert arn == (now.on_failure if use == "OnFailure" else now.on_success)


def test_what_a_template_or_options_set_is_what_the_api_shows(tmp_path: Path) -> None:
    one = function(tmp_path, {}, reserved=7, event_config={"MaximumRetryAttempts": 1}, dead_letter=QUEUE)
    with served(one) as (_, server):
        lambdas = client(server)
        assert lambdas.get_function_event_invoke_config(FunctionName="function")["MaximumRetryAttempts"] == 1
        found = lambdas.get_function(FunctionName="function")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert found["Configuration"]["DeadLetterConfig"] == {"TargetArn": QUEUE}


@pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not built (make awscli)")
def test_the_aws_cli_drives_every_operation(world: tuple[Fleet, Server, Any], tmp_path: Path) -> None:
    fleet, server, _ = world

    def aws(*words: str) -> dict[str, Any]:
        command = [
            str(AWS),
            "lambda",
            *words,
            "--endpoint-url",
            f"http://{server.address}",
            "--function-name",
            "function",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=clean_environment(os.environ)
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    aws("put-function-event-invoke-config", "--maximum-retry-attempts", "0", "--maximum-event-age-in-seconds", "60")
    aws("update-function-event-invoke-config", "--maximum-retry-attempts", "1")
    assert aws("get-function-event-invoke-config")["MaximumRetryAttempts"] == 1
    assert len(aws("list-function-event-invoke-configs")["FunctionEventInvokeConfigs"]) == 1
    assert aws("put-function-concurrency", "--reserved-concurrent-executions", "3") == {
        "ReservedConcurrentExecutions": 3
    }
    assert aws("get-function-concurrency") == {"ReservedConcurrentExecutions": 3}
    assert aws("get-function")["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    aws("update-function-configuration", "--dead-letter-config", f"TargetArn={QUEUE}")
    assert aws("get-function-configuration")["DeadLetterConfig"] == {"TargetArn": QUEUE}
    command = ("invoke", "--invocation-type", "Event", str(tmp_path / "out.txt"))
    assert aws(*command) == {"StatusCode": 202}
    eventually(lambda: fleet.all and fleet.all[0].finished, 20)
    aws("delete-function-event-invoke-config")
    aws("delete-function-concurrency")
    assert fleet.events.configuration.reserved is None
