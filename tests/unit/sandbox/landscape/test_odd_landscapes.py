"""Whatever stands at a place of a landscape's template: it is read, or is a sentence."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.landscape.events import check_timeouts, read
from adaptive_batching.sandbox.template.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
INDEX = {"IndexName": "abc", "KeySchema": KEY, "Projection": {"ProjectionType": "ALL"}}
RESOURCES: dict[str, Any] = {
    "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "abc"}},
    "D": {"Type": "AWS::SQS::Queue"},
    "Q": {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": "q",
            "VisibilityTimeout": 3,
            "FifoQueue": False,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["D", "Arn"]}, "maxReceiveCount": 3},
        },
    },
    "T": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": KEY,
            "GlobalSecondaryIndexes": [INDEX],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        },
    },
    "S": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"PrimaryKey": {"Name": "id", "Type": "String"}}},
    "A": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "x", "BinaryMediaTypes": ["a/b"], "Auth": {}}},
    "M": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}, "BatchSize": 3},
    },
    "F": {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "FunctionName": "f",
            "Events": {
                "P": {"Type": "Api", "Properties": {"Path": "/a", "Method": "get", "RestApiId": {"Ref": "A"}}},
                "E": {
                    "Type": "SQS",
                    "Properties": {
                        "Queue": {"Fn::GetAtt": ["Q", "Arn"]},
                        "ScalingConfig": {"MaximumConcurrency": 2},
                        "FilterCriteria": {},
                    },
                },
                "Y": {
                    "Type": "DynamoDB",
                    "Properties": {
                        "Stream": "arn:aws:dynamodb:x",
                        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:x:1:q"}},
                    },
                },
                "R": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", "Input": "{}"}},
            },
        },
    },
}
WHOLE = {"Globals": {"Api": {"BinaryMediaTypes": ["a/b"], "Auth": {}}}, "Resources": RESOURCES}
JUNK: list[Any] = [
    *("x", "", -1, 0, 1.5, 10**30, True, None, [], [1], ["x"], {}, {"a": 1}, [{}], [[]]),
    *({"Ref": "Q"}, {"Ref": "nope"}, {"Fn::GetAtt": "Q"}, {"Fn::If": [1]}, {"Ref": "AWS::NoValue"}),
]
#: How many of all combinations of a place and something odd one run takes.
SAMPLE = 80


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - JSON
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in parts:
        yield (*place, name)
        yield from places(one, (*place, name))


def test_something_odd_anywhere_is_read_or_is_a_sentence(tmp_path: Path) -> None:
    seed = Random().randrange(10**6)
    print("seed", seed)
    cells = [(place, junk) for place in places(WHOLE) for junk in JUNK]
    wholly = [(("Resources", name, "Properties"), {"Ref": "Q"}) for name in RESOURCES]
    events = [(("Resources", "F", "Properties", "Events", name, "Properties"), {"Ref": "Q"}) for name in "PEYR"]
    path = tmp_path / "template.json"
    for place, junk in [*Random(seed).sample(cells, SAMPLE), *wholly, *events]:
        changed: Any = copy.deepcopy(WHOLE)
        inner = changed
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = junk
        path.write_text(json.dumps(changed))
        said = ""
        try:
            template = Template(path)
            described = describe(template)
            sources = read(template)
            check_timeouts(sources, described.queues, {template.name(one): 3 for one in described.functions})
        except SandboxError as error:
            said = str(error)
        assert "\n" not in said, (place, junk)
