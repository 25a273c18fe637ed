"""What of a template is made, what invokes its functions, and what is said of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.landscape.events import QueueMapping, Rate, Sources, StreamMapping, read
from adaptive_batching.sandbox.landscape.rest.routes import Route
from adaptive_batching.sandbox.template.template import Template

if TYPE_CHECKING:
    from pathlib import Path

HERE = "us-east-1:123456789012"
STREAM = f"arn:aws:dynamodb:{HERE}:table/items/stream/2026"
TEXT = """
Parameters:
  Stage: {Type: String, Default: test}
  With: {Type: String, Default: "no"}
Conditions:
  IsWith: !Equals [!Ref With, "yes"]
Globals:
  Function: {Runtime: python3.13, CodeUri: code, Handler: app.handler}
  Api: {BinaryMediaTypes: [image~1png]}
Resources:
  LogBucket: {Type: AWS::S3::Bucket}
  Named:
    Type: AWS::S3::Bucket
    Condition: IsWith
    Properties: {BucketName: !Sub "named-${Stage}"}
  Dead: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !If [IsWith, work-with.fifo, !Ref AWS::NoValue]
      VisibilityTimeout: 60
      FifoQueue: true
      ContentBasedDeduplication: true
      DelaySeconds: !If [IsWith, 5, !Ref AWS::NoValue]
      SqsManagedSseEnabled: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      GlobalSecondaryIndexes:
        - IndexName: by
          KeySchema: [{AttributeName: id, KeyType: HASH}]
          Projection: {ProjectionType: ALL}
          ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
  Simple: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: key, Type: Number}}}
  Plain: {Type: AWS::Serverless::SimpleTable}
  Group: {Type: AWS::Logs::LogGroup}
  Other: {Type: AWS::Logs::LogGroup}
  Topic: {Type: AWS::SNS::Topic, Condition: IsWith}
"""
FUNCTION = """
  One:
    Metadata: {Anchor: &topic {OnFailure: {Destination: "arn:aws:sns:us-east-1:1:t"}}}
    Type: AWS::Serverless::Function
    Properties:
      Events:
"""


def template(tmp_path: Path, text: str = TEXT, **parameters: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return Template(path, parameters)


def events(tmp_path: Path, *lines: str) -> Sources:
    one = template(tmp_path, TEXT + FUNCTION + "".join(f"        {line}\n" for line in lines))
    one.tell("Items", "StreamArn", STREAM)
    return read(one)


def test_buckets_queues_and_tables_are_described(tmp_path: Path) -> None:
    found = describe(template(tmp_path))
    assert found.buckets == {"LogBucket": "log-bucket"}
    assert found.left_out == {"AWS::Logs::LogGroup": 2}
    dead, work = found.queues
    assert (dead.name, dead.arn, dead.attributes) == (
        "dead.fifo",
        f"arn:aws:sqs:{HERE}:dead.fifo",
        {"FifoQueue": "true"},
    )
    assert work.name == "work.fifo"
    assert work.attributes == {"VisibilityTimeout": "60", "FifoQueue": "true", "ContentBasedDeduplication": "true"}
    assert work.redrive == f'{{"deadLetterTargetArn": "{dead.arn}", "maxReceiveCount": 3}}'
    items, simple, plain = found.tables
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    assert (items.name, items.definition) == (
        "items",
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": key,
            "GlobalSecondaryIndexes": [
                {"IndexName": "by", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}},
            ],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        },
    )
    assert simple.definition["AttributeDefinitions"] == [{"AttributeName": "key", "AttributeType": "N"}]
    assert plain.definition["KeySchema"] == key


def test_conditions_decide_what_is_made(tmp_path: Path) -> None:
    found = describe(template(tmp_path, With="yes", Stage="live"))
    assert found.buckets == {"LogBucket": "log-bucket", "Named": "named-live"}
    assert found.left_out == {"AWS::Logs::LogGroup": 2, "AWS::SNS::Topic": 1}
    assert (found.queues[1].name, found.queues[1].attributes["DelaySeconds"]) == ("work-with.fifo", "5")


def test_what_was_told_of_a_resource_is_what_ref_and_getatt_give(tmp_path: Path) -> None:
    values = "{URL: !Ref Work, NAME: !GetAtt Work.QueueName, T: !Ref Items, S: !Sub '${Items.Arn}'}"
    function = "  One: {Type: AWS::Serverless::Function, Properties: {Environment: {Variables: " + values + "}}}"
    one = template(tmp_path, TEXT + function)
    with pytest.raises(SandboxError, match="only AWS knows"):
        one.function("One")
    for logical_id, attribute in (("Work", "Ref"), ("Work", "QueueName"), ("Items", "Ref"), ("Items", "Arn")):
        one.tell(logical_id, attribute, f"{logical_id}/{attribute}")
    assert one.function("One").variables == {
        "URL": "Work/Ref",
        "NAME": "Work/QueueName",
        "T": "Items/Ref",
        "S": "Items/Arn",
    }


def test_a_table_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="the table T has no AttributeDefinitions"):
        describe(template(tmp_path, "Resources: {T: {Type: AWS::DynamoDB::Table}}"))


def test_event_sources_with_their_defaults(tmp_path: Path) -> None:
    found = events(
        tmp_path,
        "Post: {Type: Api, Properties: {Path: /items, Method: post}}",
        "Any: {Type: Api, Properties: {Path: '/{proxy+}', Method: any}}",
        "Queue: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn}}",
        "Stream: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: TRIM_HORIZON}}",
        "Rate: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}",
    )
    binary = ("image~1png",)
    assert found == Sources(
        [Route("POST", "/items", "one", "Prod", binary), Route("ANY", "/{proxy+}", "one", "Prod", binary)],
        [QueueMapping("one", f"arn:aws:sqs:{HERE}:work.fifo")],
        [StreamMapping("one", STREAM)],
        [Rate("one", "OneRate", 60.0)],
    )


def test_event_sources_with_everything(tmp_path: Path) -> None:
    found = events(
        tmp_path,
        "Queue: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 5, MaximumBatchingWindowInSeconds: 2,",
        "  FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 2}}}",
        "Stream: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: LATEST,",
        "  BatchSize: 7, MaximumRetryAttempts: 3, MaximumRecordAgeInSeconds: 90, BisectBatchOnFunctionError: true,",
        "  MaximumBatchingWindowInSeconds: 1, FunctionResponseTypes: [ReportBatchItemFailures],",
        "  DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}}}",
        "Rate: {Type: Schedule, Properties: {Schedule: rate(2 hours), Name: every, Input: '{}'}}",
    )
    assert found.queues == [QueueMapping("one", f"arn:aws:sqs:{HERE}:work.fifo", 5, 2, 2, partial=True)]
    dead = f"arn:aws:sqs:{HERE}:dead.fifo"
    assert found.streams == [
        StreamMapping("one", STREAM, True, 7, 1, 3, 90, bisect=True, partial=True, on_failure=dead)
    ]
    assert found.rates == [Rate("one", "every", 7200.0, "{}")]
    assert found.notes == []


def test_the_stage_and_the_binary_types_are_those_of_the_api_that_is_named(tmp_path: Path) -> None:
    found = events(
        tmp_path,
        "Get: {Type: Api, Properties: {Path: /, Method: get, RestApiId: !Ref Rest}}",
        "",
    )
    assert found.routes[0].stage == "Prod"  # not in the template
    text = TEXT + FUNCTION + "        Get: {Type: Api, Properties: {Path: /, Method: get, RestApiId: !Ref Rest}}\n"
    text += "  Rest: {Type: AWS::Serverless::Api, Properties: {StageName: !Ref Stage, BinaryMediaTypes: ['*/*']}}\n"
    one = template(tmp_path, text)
    assert read(one).routes == [Route("GET", "/", "one", "test", ("*/*",))]
    assert "AWS::Serverless::Api" not in describe(one).left_out


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("E: {Type: HttpApi}", "One.E is not run: events of type HttpApi are not made here"),
        ("E: {Type: SNS, Properties: {Topic: !Ref Nowhere}}", "One.E is not run: events of type SNS are not made here"),
        ("E: {Type: Schedule, Properties: {Schedule: 'cron(0 8 * * ? *)'}}", "'cron(0 8 * * ? *)' is not a rate"),
        ("E: {Type: Schedule, Properties: {Schedule: rate(0 minutes)}}", "'rate(0 minutes)' is not a rate"),
        ("E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, Enabled: false}}", "it is disabled in the template"),
        (
            "E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, FilterCriteria: {Filters: [{Pattern: '{}'}]}}}",
            "One.E.FilterCriteria is not modelled: every record is delivered",
        ),
        (
            "E: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, ParallelizationFactor: 2}}",
            "One.E.ParallelizationFactor is not modelled: batches run one at a time",
        ),
        (
            "E: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, DestinationConfig: *topic}}",
            "One.E.OnFailure is not sent: 'arn:aws:sns:us-east-1:1:t' is not a queue",
        ),
        (
            "E: {Type: Api, Properties: {Path: /, Method: get, Auth: {Authorizer: A}}}",
            "One.E has an authorizer or a key, which is not checked here",
        ),
    ],
)
def test_what_is_not_run_or_not_modelled_is_said(tmp_path: Path, line: str, note: str) -> None:
    (found,) = events(tmp_path, line).notes
    assert note in found


def test_a_route_that_is_taken_is_said(tmp_path: Path) -> None:
    line = "{Type: Api, Properties: {Path: /, Method: get}}"
    found = events(tmp_path, f"A: {line}", f"B: {line}")
    assert len(found.routes) == 1
    assert found.notes == ["One.B is not served: GET / is that of one already"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("E: {Type: Api, Properties: {Path: items, Method: get}}", "One.E has the path 'items'"),
        ("E: {Type: Api, Properties: {Path: /items}}", "the method null"),
        ("E: {Type: SQS}", "One.E.Queue is null, not an ARN"),
        ("E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: many}}", "BatchSize is 'many'"),
        ("E: {Type: SQS, Properties: {Queue: !ImportValue Work}}", "uses ImportValue"),
        (
            "E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 11}}",
            "One.E.BatchSize is 11, which AWS refuses without MaximumBatchingWindowInSeconds",
        ),
    ],
)
def test_an_event_source_that_cannot_be_read_is_one_sentence(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(SandboxError, match=why):
        events(tmp_path, line)


#: What AWS takes of each property, by kind of event source: the smallest, the largest and, if there is one, "no limit".
TAKEN = {
    ("SQS", "BatchSize"): (1, 10_000),
    ("SQS", "MaximumBatchingWindowInSeconds"): (0, 300),
    ("SQS", "MaximumConcurrency"): (2, 1000),
    ("DynamoDB", "BatchSize"): (1, 10_000),
    ("DynamoDB", "MaximumBatchingWindowInSeconds"): (0, 300),
    ("DynamoDB", "MaximumRetryAttempts"): (0, 10_000, -1),
    ("DynamoDB", "MaximumRecordAgeInSeconds"): (60, 604_800, -1),
}


@pytest.mark.parametrize(("kind", "name"), TAKEN)
def test_a_number_that_aws_refuses_is_one_sentence(tmp_path: Path, kind: str, name: str) -> None:
    low, high, *more = TAKEN[kind, name]
    source = {"SQS": "Queue: !GetAtt Work.Arn", "DynamoDB": "Stream: !GetAtt Items.StreamArn"}[kind]
    if name == "BatchSize":
        source += ", MaximumBatchingWindowInSeconds: 1"
    for value in (-2, -1, 0, 1, 2, low - 1, low, high, high + 1, 10**9):
        given = f"ScalingConfig: {{{name}: {value}}}" if name == "MaximumConcurrency" else f"{name}: {value}"
        line = f"E: {{Type: {kind}, Properties: {{{source}, {given}}}}}"
        if low <= value <= high or value in more:
            assert events(tmp_path, line).notes == []
        else:
            with pytest.raises(
                SandboxError, match=rf"^One\.E\.{name} is {value}, which AWS refuses; it takes {low:,} to"
            ):
                events(tmp_path, line)


@pytest.mark.parametrize(
    "kind", ["SQS, Properties: {Queue: !GetAtt Work.Arn", "DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn"]
)
@pytest.mark.parametrize(
    "types", ["[ReportBatchItemFailure]", "ReportBatchItemFailures", "[ReportBatchItemFailures, x]"]
)
def test_a_response_type_that_aws_refuses_is_one_sentence(tmp_path: Path, kind: str, types: str) -> None:
    with pytest.raises(SandboxError, match=r"FunctionResponseTypes is .*, which AWS refuses"):
        events(tmp_path, f"E: {{Type: {kind}, FunctionResponseTypes: {types}}}}}")


def test_the_event_sources_of_cloudformation(tmp_path: Path) -> None:
    text = """
  One: {Type: AWS::Serverless::Function}
  A:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref One, EventSourceArn: !GetAtt Work.Arn, BatchSize: 3}
  B:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !GetAtt One.Arn, EventSourceArn: !GetAtt Items.StreamArn, StartingPosition: LATEST}
  C:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref One, EventSourceArn: "arn:aws:kinesis:us-east-1:1:stream/x"}
  D:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: elsewhere, EventSourceArn: !GetAtt Work.Arn}
"""
    one = template(tmp_path, TEXT + text)
    one.tell("Items", "StreamArn", STREAM)
    found = read(one)
    assert found.queues == [QueueMapping("one", f"arn:aws:sqs:{HERE}:work.fifo", 3)]
    assert found.streams == [StreamMapping("one", STREAM, latest=True)]
    assert [note.partition(":")[0] for note in found.notes] == ["C is not run", "D is not run"]
    assert "AWS::Lambda::EventSourceMapping" not in describe(one).left_out


@pytest.mark.parametrize(("line", "traced"), [("Tracing: Active", True), ("Tracing: PassThrough", False), ("", False)])
def test_active_tracing_is_read(tmp_path: Path, line: str, *, traced: bool) -> None:
    text = TEXT + f"  One:\n    Type: AWS::Serverless::Function\n    Properties:\n      Timeout: 3\n      {line}\n"
    assert template(tmp_path, text).function("One").xray is traced
    code = "Code: x, Handler: a.b, Runtime: python"
    plain = f"  One: {{Type: AWS::Lambda::Function, Properties: {{{code}, TracingConfig: {{Mode: Active}}}}}}"
    assert template(tmp_path, TEXT + plain).function("One").xray
