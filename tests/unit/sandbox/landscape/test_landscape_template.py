"""What of a template is made, what invokes its functions, and what is said of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.landscape.description import describe
from adaptive_batching.sandbox.landscape.events import QueueMapping, Rate, Sources, StreamMapping, check_timeouts, read
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
  Standard: {Type: AWS::SQS::Queue}
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
        - IndexName: by-id
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
    dead, _, work = found.queues
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
                {"IndexName": "by-id", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}},
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
    assert (found.queues[2].name, found.queues[2].attributes["DelaySeconds"]) == ("work-with.fifo", "5")


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
        "Queue: {Type: SQS, Properties: {Queue: !GetAtt Standard.Arn, BatchSize: 5, MaximumBatchingWindowInSeconds: 2,",
        "  FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 2}}}",
        "Stream: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: LATEST,",
        "  BatchSize: 7, MaximumRetryAttempts: 3, MaximumRecordAgeInSeconds: 90, BisectBatchOnFunctionError: true,",
        "  MaximumBatchingWindowInSeconds: 1, FunctionResponseTypes: [ReportBatchItemFailures],",
        "  DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}}}",
        "Rate: {Type: Schedule, Properties: {Schedule: rate(2 hours), Name: every, Input: '{}'}}",
    )
    assert found.queues == [QueueMapping("one", f"arn:aws:sqs:{HERE}:standard", 5, 2, 2, partial=True)]
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
            "E: {Type: SQS, Properties: {Queue: !GetAtt Standard.Arn, BatchSize: 11}}",
            "One.E.BatchSize is 11, which AWS refuses without MaximumBatchingWindowInSeconds",
        ),
    ],
)
def test_an_event_source_that_cannot_be_read_is_one_sentence(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(SandboxError, match=why):
        events(tmp_path, line)


#: What AWS takes of each property, by kind of event source or resource: the smallest, the largest and, if there is one,
#: "no limit".
TAKEN = {
    ("Queue", "DelaySeconds"): (0, 900),
    ("Queue", "MaximumMessageSize"): (1024, 1_048_576),
    ("Queue", "MessageRetentionPeriod"): (60, 1_209_600),
    ("Queue", "ReceiveMessageWaitTimeSeconds"): (0, 20),
    ("Queue", "VisibilityTimeout"): (0, 43_200),
    ("Queue", "RedrivePolicy.maxReceiveCount"): (1, 1000),
    ("SQS", "BatchSize"): (1, 10_000),
    ("SQS", "MaximumBatchingWindowInSeconds"): (0, 300),
    ("SQS", "ScalingConfig.MaximumConcurrency"): (2, 1000),
    ("DynamoDB", "BatchSize"): (1, 10_000),
    ("DynamoDB", "MaximumBatchingWindowInSeconds"): (0, 300),
    ("DynamoDB", "MaximumRetryAttempts"): (0, 10_000, -1),
    ("DynamoDB", "MaximumRecordAgeInSeconds"): (60, 604_800, -1),
}


#: What a property takes that is no number, by kind, and some of what it does not.
WORDS = {
    ("Queue", "FifoQueue"): (["false"], ["maybe", "1"]),
    ("Queue", "ContentBasedDeduplication"): (["false"], ["maybe", "[]"]),
    ("Queue", "QueueName"): (["a-b_C1", "7"], ["a b", "''", "[a]", "a" * 81, "{a: b}"]),
    ("Queue", "RedrivePolicy"): (
        [f'\'{{"deadLetterTargetArn": "arn:aws:sqs:{HERE}:q", "maxReceiveCount": 3}}\''],
        ["x", "1", "[1]", "'{'"],
    ),
    ("Queue", "RedrivePolicy.deadLetterTargetArn"): ([f"'arn:aws:sqs:{HERE}:q'"], ["q", "[q]", "arn:aws:sns:x:1:y"]),
    ("FIFO", "DeduplicationScope"): (["queue", "messageGroup"], ["Queue", "1"]),
    ("FIFO", "FifoThroughputLimit"): (["perQueue", "perMessageGroupId"], ["none"]),
    ("Table", "TableName"): (["abc", "a.b-c_D", "123"], ["ab", "a b", "[abc]", "a" * 256]),
    ("Table", "AttributeDefinitions"): (["[{AttributeName: id, AttributeType: N}]"], ["x", "{a: 1}"]),
    ("Table", "KeySchema"): (["[{AttributeName: id, KeyType: HASH}]"], ["[]", "x", "[1, 2, 3]"]),
    ("Table", "GlobalSecondaryIndexes"): (["[]"], ["x", "{a: 1}"]),
    ("Table", "LocalSecondaryIndexes"): (["[]"], ["1"]),
    ("Table", "StreamSpecification"): (["{StreamViewType: NEW_IMAGE}"], ["x", "[1]"]),
    ("Table", "StreamSpecification.StreamViewType"): (["KEYS_ONLY"], ["ALL", "[]"]),
    ("SimpleTable", "PrimaryKey"): (["{}"], ["x", "[1]"]),
    ("SimpleTable", "PrimaryKey.Type"): (["Number"], ["N", "[Number]"]),
    ("Bucket", "BucketName"): (
        ["abc", "a.b-1"],
        ["ab", "UPPER", "a b", "[abc]", "12", "1.2.3.4", "a..b", "-ab", "a" * 64],
    ),
    ("SQS", "Enabled"): (["true"], ["maybe", "1"]),
    ("SQS", "FunctionResponseTypes"): (["[]", "[ReportBatchItemFailures]"], ["ReportBatchItemFailures", "[x, x]"]),
    ("SQS", "ScalingConfig"): (["{}"], ["x", "[1]"]),
    ("DynamoDB", "StartingPosition"): (["LATEST", "TRIM_HORIZON"], ["latest", "AT_TIMESTAMP", "1"]),
    ("DynamoDB", "BisectBatchOnFunctionError"): (["true", "false"], ["maybe", "1"]),
    ("DynamoDB", "FunctionResponseTypes"): (["[ReportBatchItemFailures]"], ["x", "[x, y]"]),
    ("DynamoDB", "DestinationConfig"): (["{}", "{OnFailure: {}}"], ["x", "[1]"]),
    ("DynamoDB", "DestinationConfig.OnFailure"): (["{}"], ["x", "[1]"]),
    ("Schedule", "Input"): (["'{}'"], ["{a: 1}", "[1]"]),
    ("Schedule", "Name"): (["every"], ["a b", "[x]"]),
    ("Api", "BinaryMediaTypes"): ([], ["x", "{a: 1}", "[[1]]"]),
}
_KEY = {
    "AttributeDefinitions": "[{AttributeName: id, AttributeType: S}]",
    "KeySchema": "[{AttributeName: id, KeyType: HASH}]",
}
#: The type of each kind of resource, and the properties without which it is refused.
RESOURCES: dict[str, tuple[str, dict[str, str]]] = {
    "Queue": ("AWS::SQS::Queue", {}),
    "FIFO": ("AWS::SQS::Queue", {"FifoQueue": "true"}),
    "Table": ("AWS::DynamoDB::Table", _KEY),
    "SimpleTable": ("AWS::Serverless::SimpleTable", {}),
    "Bucket": ("AWS::S3::Bucket", {}),
}
SOURCE = """
Resources:
  One: {{Type: AWS::Serverless::Function, Properties: {{Events: {{E: {{Type: {}, Properties: {{{}}}}}}}}}}}
"""
SOURCES = {
    "SQS": f"Queue: 'arn:aws:sqs:{HERE}:q'",
    "DynamoDB": f"Stream: '{STREAM}'",
    "Schedule": "Schedule: rate(1 minute)",
}
REDRIVE = f"maxReceiveCount: 3, deadLetterTargetArn: 'arn:aws:sqs:{HERE}:q'"


def one_property(tmp_path: Path, kind: str, name: str, value: object) -> None:
    """Read a template in which one property of this kind has this value."""
    outer, _, inner = name.partition(".")
    written = f"{value}"
    if inner:
        others = [one for one in REDRIVE.split(", ") if outer == "RedrivePolicy" and not one.startswith(inner)]
        written = f"{{{', '.join([*others, f'{inner}: {value}'])}}}"
    given = f"{outer}: {written}"
    if kind in RESOURCES:
        type_, needed = RESOURCES[kind]
        properties = ", ".join(f"{name}: {one}" for name, one in {**needed, outer: written}.items())
        describe(template(tmp_path, f"Resources: {{It: {{Type: {type_}, Properties: {{{properties}}}}}}}"))
        return
    if kind == "Api":
        event = "Path: /, Method: get"
        read(template(tmp_path, f"Globals: {{Api: {{{given}}}}}\n" + SOURCE.format("Api", event)))
        return
    window = ", MaximumBatchingWindowInSeconds: 1" if name == "BatchSize" else ""
    text = SOURCE.format(kind, f"{SOURCES[kind]}, {given}{window}")
    assert read(template(tmp_path, text)).notes == []


@pytest.mark.parametrize(("kind", "name"), TAKEN)
def test_a_number_that_aws_refuses_is_one_sentence(tmp_path: Path, kind: str, name: str) -> None:
    low, high, *more = TAKEN[kind, name]
    numbers = (-2, -1, 0, 1, 2, low - 1, low, high, high + 1, 10**9, 10**30)
    for value in (*numbers, *map(repr, map(str, numbers)), "x", "1.5", "'1_0'", "true", "[1]", "{a: 1}", "null"):
        number = int(str(value).strip("'")) if str(value).strip("'").lstrip("-").isdigit() else None
        if number is not None and (low <= number <= high or number in more):
            one_property(tmp_path, kind, name, value)
        else:
            place = rf"{'It' if kind in RESOURCES else 'One.E'}.{name}".replace(".", r"\.")
            with pytest.raises(SandboxError, match=rf"^{place} is .+, which AWS refuses; it takes {low:,} to"):
                one_property(tmp_path, kind, name, value)


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_a_value_that_aws_refuses_is_one_sentence(tmp_path: Path, kind: str, name: str) -> None:
    good, bad = WORDS[kind, name]
    for value in good:
        one_property(tmp_path, kind, name, value)
    for value in bad:
        with pytest.raises(SandboxError, match=r"which AWS refuses; it takes ") as error:
            one_property(tmp_path, kind, name, value)
        assert str(error.value).startswith(f"{'It' if kind in RESOURCES else 'One.E'}.{name}"), value
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ("RedrivePolicy: {maxReceiveCount: 3}", "It.RedrivePolicy has no deadLetterTargetArn, without which AWS"),
        ("QueueName: a.fifo", "It.QueueName is 'a.fifo', which AWS refuses: the name of a FIFO queue, and of no other"),
        ("QueueName: a, FifoQueue: true", "It.QueueName is 'a', which AWS refuses: the name of a FIFO queue"),
        (
            f"RedrivePolicy: {{maxReceiveCount: 3, deadLetterTargetArn: 'arn:aws:sqs:{HERE}:q.fifo'}}",
            f"It.RedrivePolicy names the dead-letter queue arn:aws:sqs:{HERE}:q.fifo, which AWS refuses: a FIFO queue",
        ),
        (
            f"FifoQueue: true, RedrivePolicy: {{maxReceiveCount: 3, deadLetterTargetArn: 'arn:aws:sqs:{HERE}:q'}}",
            f"It.RedrivePolicy names the dead-letter queue arn:aws:sqs:{HERE}:q, which AWS refuses: a FIFO queue",
        ),
        ("ContentBasedDeduplication: true", "It.ContentBasedDeduplication is for a FIFO queue"),
        ("FifoThroughputLimit: perQueue", "It.FifoThroughputLimit is for a FIFO queue"),
    ],
)
def test_properties_of_a_queue_that_do_not_go_together(tmp_path: Path, properties: str, why: str) -> None:
    with pytest.raises(SandboxError) as error:
        describe(template(tmp_path, f"Resources: {{It: {{Type: AWS::SQS::Queue, Properties: {{{properties}}}}}}}"))
    assert str(error.value).startswith(why)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("BatchSize: 11", "One.E.BatchSize is 11, which AWS refuses for a FIFO queue; it takes 1 to 10"),
        (
            "MaximumBatchingWindowInSeconds: 1",
            "One.E.MaximumBatchingWindowInSeconds is 1, which AWS refuses for a FIFO",
        ),
    ],
)
def test_what_aws_refuses_of_a_fifo_queue_only(tmp_path: Path, more: str, why: str) -> None:
    with pytest.raises(SandboxError) as error:
        events(tmp_path, f"E: {{Type: SQS, Properties: {{Queue: !GetAtt Work.Arn, {more}}}}}")
    assert str(error.value).startswith(why)
    events(tmp_path, "E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 10}}")


@pytest.mark.parametrize(
    ("visibility", "timeout", "good"), [(60, 60, True), (60, 61, False), (None, 30, True), (None, 31, False)]
)
def test_a_queue_that_shows_messages_before_the_function_times_out_is_refused_as_by_aws(
    tmp_path: Path, visibility: int | None, timeout: int, *, good: bool
) -> None:
    text = TEXT + FUNCTION + "        E: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn}}\n"
    one = template(tmp_path, text if visibility else text.replace("      VisibilityTimeout: 60\n", ""))
    if good:
        check_timeouts(read(one), describe(one).queues, {"one": timeout})
        return
    with pytest.raises(SandboxError) as error:
        check_timeouts(read(one), describe(one).queues, {"one": timeout})
    assert str(error.value) == (
        f"Work.VisibilityTimeout is {visibility or 30}, below the timeout of one, {timeout} seconds; AWS refuses such "
        "an event source and recommends six times the timeout"
    )


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
