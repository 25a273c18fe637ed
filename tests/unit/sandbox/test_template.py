"""Functions of a SAM template: what is resolved, and what is said about what is not."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import load, shown
from adaptive_batching.sandbox.template.template import Template

if TYPE_CHECKING:
    from adaptive_batching.sandbox.function import Function

TEXT = """
Parameters:
  Rate: {Type: Number, Default: 7}
  Needed: {Type: String}
Globals:
  Function:
    Runtime: python3.13
    Environment: {Variables: {EVERYWHERE: yes}}
Resources:
  LogBucket: {Type: AWS::S3::Bucket}
  Plain:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/plain}
  Built:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile}
    Properties: {ContentUri: .}
  One:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "one-${Rate}"
      CodeUri: code
      Handler: app.handler
      Timeout: 30
      MemorySize: !Ref Rate
      Layers: [!Ref Plain]
      LoggingConfig: {LogFormat: JSON}
      Environment:
        Variables:
          BUCKET: !Ref LogBucket
          ARN: !GetAtt LogBucket.Arn
          LONG: {"Fn::GetAtt": [LogBucket, Arn]}
          SUB: !Sub ["${AWS::Region}/${Mine}/${!Literal}/${LogBucket.Arn}", {Mine: !Ref Rate}]
          SELF: !Sub "${AWS::AccountId}"
"""


def template(tmp_path: Path, text: str = TEXT, **parameters: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return Template(path, parameters)


def test_a_function_is_read_with_its_variables_layers_and_limits(tmp_path: Path) -> None:
    found = template(tmp_path).function("One")
    assert (found.folder, found.handler, found.name) == (tmp_path / "code", "app.handler", "one-7")
    assert (found.runtime, found.timeout, found.memory, found.log_format) == ("python3.13", 30.0, 7, "JSON")
    assert found.layers == (tmp_path / "layers/plain",)
    assert dict(found.variables) == {
        "EVERYWHERE": "true",
        "BUCKET": "log-bucket",
        "ARN": "arn:aws:s3:::log-bucket",
        "LONG": "arn:aws:s3:::log-bucket",
        "SUB": "us-east-1/7/${Literal}/arn:aws:s3:::log-bucket",
        "SELF": "123456789012",
    }


def test_a_parameter_can_be_given(tmp_path: Path) -> None:
    assert template(tmp_path, Rate="9").function().name == "one-9"


def test_a_layer_that_sam_built_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".aws-sam/build/Built").mkdir(parents=True)
    found = template(tmp_path, TEXT.replace("!Ref Plain", "!Ref Built")).function()
    assert found.layers == (tmp_path / ".aws-sam/build/Built",)


MISTAKES = [
    (
        "Handler: app.handler",
        "Handler: !If [a, b, c]",
        "One.Handler uses the condition a, which is not in the template",
    ),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Absent", "refers to Absent"),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Needed", "Needed has no default"),
    ("ARN: !GetAtt LogBucket.Arn", "ARN: !GetAtt LogBucket.DomainName", "LogBucket.DomainName"),
    ("!Ref Plain", "!Ref Built", "not built"),
    ("!Ref Plain", "arn:aws:lambda:us-east-1:1:layer:x:1", "name its folder with --layer"),
    ("!Ref Plain", "{Ref: Built}", "not built"),
    ("ContentUri: layers/plain", "ContentUri: {Bucket: b, Key: k}", "Plain.ContentUri is not a folder"),
    ("ContentUri: layers/plain", "ContentUri: s3://bucket/key", "Plain.ContentUri is not a folder"),
    ("{ContentUri: layers/plain}", "{}", "Plain has no ContentUri"),
    ("BUCKET: !Ref LogBucket", "BUCKET: !Ref Plain", "only AWS knows that of AWS::Serverless::LayerVersion"),
    (
        "BUCKET: !Ref LogBucket",
        "BUCKET: '{{resolve:ssm:/a/b:3}}'",
        "One.BUCKET uses {{resolve:ssm:/a/b:3}}, which only",
    ),
    (
        "BUCKET: !Ref LogBucket",
        "BUCKET: !Sub 'x-{{resolve:ssm-secure:${Rate}}}'",
        "{{resolve:ssm-secure:7}}, which only",
    ),
    ("Handler: app.handler", "Handler: '{{resolve:ssm:/h}}'", "One.Handler uses {{resolve:ssm:/h}}"),
    ("Default: 7", "Default: '{{resolve:secretsmanager:one}}'", "{{resolve:secretsmanager:one}}, which only AWS"),
    ("CodeUri: code", "Tags: {}", "has no CodeUri"),
    ("Resources:", "Resources: [", "is not YAML or JSON"),
    ("Timeout: 30", "Timeout: many", "One.Timeout is 'many', not a whole number"),
    ("MemorySize: !Ref Rate", "MemorySize: abc", "One.MemorySize is 'abc', not a whole number"),
    ("Environment: {Variables", "Environment: [1] #", "One.Environment is [1], not a mapping"),
    ("Timeout: 30", "PackageType: Image", "One is a container image, which is not run here"),
    ("AWS::Serverless::Function", "AWS::SQS::Queue", "has no function: no resource of type AWS::Serverless::Function"),
    ("Layers: [!Ref Plain]", "Layers: 7", "One.Layers is 7, not a list"),
    ("LogBucket: {Type: AWS::S3::Bucket}", "LogBucket: 1", "LogBucket is 1, not a mapping"),
]
#: What the CDK writes to cdk.out, shortened.
CDK = {
    "Resources": {
        "Queue4A7E3555": {"Type": "AWS::SQS::Queue"},
        "Hello4A628BD4": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": {"Fn::Sub": "cdk-assets-${AWS::AccountId}"}, "S3Key": "f00.zip"},
                "Environment": {"Variables": {"QUEUE": {"Ref": "Queue4A7E3555"}}},
                "Handler": "index.handler",
                "MemorySize": "512",
                "Role": {"Fn::GetAtt": ["Role1", "Arn"]},
                "Runtime": "nodejs22.x",
            },
            "Metadata": {"aws:asset:path": "asset.f00", "aws:asset:property": "Code"},
        },
    }
}
OTHER_CODE = [
    ("./src", "src"),
    ({"ZipFile": "x"}, "is written into the template (ZipFile); put it in a folder and name that"),
    ({"S3Bucket": "b", "S3Key": "k"}, "is in an S3 bucket; put it in a folder and name that"),
    ({"ImageUri": "x"}, "is a container image, which is not run here"),
    (7, "F.Code is 7, not a mapping"),
]


@pytest.mark.parametrize(("before", "after", "said"), MISTAKES)
def test_what_cannot_be_resolved_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(SandboxError) as error:
        template(tmp_path, TEXT.replace(before, after)).function()
    assert said in str(error.value)


def test_a_template_of_the_cdk_is_read(tmp_path: Path) -> None:
    path = tmp_path / "Stack.template.json"
    path.write_text(json.dumps(CDK))
    with pytest.raises(SandboxError, match="QUEUE refers to Queue4A7E3555, and only AWS knows that"):
        Template(path).function()
    found = Template(path).function(given={"QUEUE"})
    assert (found.folder, found.handler, found.runtime) == (tmp_path / "asset.f00", "index.handler", "nodejs22.x")
    assert (found.memory, found.timeout, list(found.variables)) == (512, 3, [])


@pytest.mark.parametrize(("code", "said"), OTHER_CODE)
def test_where_cloudformation_has_the_code(tmp_path: Path, code: object, said: str) -> None:
    properties = {"Code": code, "Handler": "a.b", "Runtime": "python3.13"}
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}))
    if isinstance(code, str):
        assert Template(path).function().folder == tmp_path / said
        return
    with pytest.raises(SandboxError, match=re.escape(said)):
        Template(path).function()


FILES = [
    (None, "cannot be read: No such file or directory"),
    (b"\xff\xfe", "is not a template: it is not text in UTF-8"),
    (b"- 1", "is not a template, which is a mapping with Resources"),
    (b"Resources: foo", "Resources is 'foo', not a mapping"),
    (b"[" * 100_000, "is not YAML or JSON"),
    (b"a: &a [*a]\nResources: *a", "its aliases (*) make it endless"),
    (b"Resources:\n  F: {}\n  G: {}\n  F: {}\n", ", line 4: the key 'F' is there twice"),
    (b'{"Resources": {}, "a": [{"b": {"c": 1, "c": 1}}]}', ", line 1: the key 'c' is there twice"),
    (b"Resources: {F: !Sub {a: 1, a: 2}}", ", line 1: the key 'a' is there twice"),
    (b"Resources: {1: a, '1': b}", ", line 1: the key '1' is there twice"),
    (b"{}", "has no function"),
]


@pytest.mark.parametrize(("data", "said"), FILES, ids=[said for _, said in FILES])
def test_what_is_not_a_template_is_said(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "template.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(SandboxError) as error:
        Template(path).function()
    assert said in str(error.value) or "not a mapping" in str(error.value)
    assert "Errno" not in str(error.value)


NAMES = ["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Variables", "LogFormat", "Type", "a"]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${A}", "${A.Arn}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Variables", "LogFormat", "Type", "a"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)
PLACES = [
    ["Resources"], ["Resources", "F"], ["Resources", "F", "Type"], ["Resources", "F", "Properties"], ["Parameters"],
    ["Globals"], ["Globals", "Function"], ["Resources", "F", "Metadata"], ["Parameters", "P"],
    *(["Resources", "F", "Properties", name] for name in ("CodeUri", "Code", "Handler", "Runtime", "Timeout",
      "MemorySize", "Layers", "Environment", "LoggingConfig", "FunctionName", "PackageType")),
]  # fmt: skip


@settings(max_examples=300)
@given(place=st.sampled_from(PLACES), value=ANYTHING, kind=st.sampled_from(["Serverless", "Lambda"]))
def test_whatever_stands_in_a_template_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: list[str], value: object, kind: str
) -> None:
    properties = {"CodeUri": "code", "Code": "code", "Handler": "a.b", "Runtime": "python3.13"}
    document: dict[str, Any] = {
        "Parameters": {"P": {"Default": 1}},
        "Globals": {"Function": {}},
        "Resources": {"F": {"Type": f"AWS::{kind}::Function", "Properties": properties, "Metadata": {}}},
    }
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "anything.json"
    path.write_text(json.dumps(document))
    with contextlib.suppress(SandboxError):
        Template(path).function()


def test_an_unknown_parameter_or_function_is_said(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no parameter Rat"):
        template(tmp_path, Rat="1")
    with pytest.raises(SandboxError, match="has the functions One"):
        template(tmp_path).function("Two")


def test_the_projects_own_template_can_be_run() -> None:
    path = Path(__file__).resolve().parents[3] / "template.yaml"
    if not (path.parent / ".aws-sam/build/AdaptiveBatchingLayer").is_dir():
        with pytest.raises(SandboxError, match="sam build"):
            Template(path).function("DemoFunction")
        return
    assert Template(path).function("DemoFunction").handler == "app.handler"


#: Types of which Ref is not the name, or of which the template does not say it.
UNKNOWN = [
    "{Type: AWS::SecretsManager::Secret, Properties: {Name: own}}",
    "{Type: AWS::StepFunctions::StateMachine}",
    "{Type: AWS::DynamoDB::Table}",
    "{Type: AWS::Serverless::Api}",
    "{}",
]


QUEUES = ["{Type: AWS::SQS::Queue}", "{Type: AWS::SQS::Queue, Properties: {QueueName: own}}"]
REFS = ["!Ref Other", "{Ref: Other}", '!Sub "x-${Other}"']


@pytest.mark.parametrize(
    ("resource", "use"),
    [
        *((resource, use) for resource in UNKNOWN for use in [*REFS, "!GetAtt Other.Arn"]),
        *((resource, use) for resource in QUEUES for use in [*REFS, "!GetAtt Other.QueueUrl"]),
        ("{Type: AWS::SNS::Topic, Properties: {TopicName: own}}", "!GetAtt Other.Arn"),
    ],
)
def test_what_only_aws_knows_of_a_resource_is_said_unless_it_is_given(tmp_path: Path, resource: str, use: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {use}").replace(
        "Resources:", f"Resources:\n  Other: {resource}"
    )
    with pytest.raises(SandboxError, match=r"One.BUCKET (refers to|uses) Other"):
        template(tmp_path, text).function()
    assert "BUCKET" not in template(tmp_path, text).function(given={"BUCKET"}).variables


def test_the_name_of_a_resource_that_the_template_names_is_known(tmp_path: Path) -> None:
    table = "{Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub 'own-${Rate}'}}"
    text = TEXT.replace("Resources:", f"Resources:\n  Other: {table}").replace("!Ref LogBucket", "!Ref Other")
    assert template(tmp_path, text).function().variables["BUCKET"] == "own-7"


def test_a_layer_of_the_cdk_or_of_cloudformation_is_taken(tmp_path: Path) -> None:
    plain = "AWS::Serverless::LayerVersion\n    Properties: {ContentUri: layers/plain}"
    for made, folder in {
        "AWS::Lambda::LayerVersion\n    Properties: {Content: own/}": "own",
        "AWS::Lambda::LayerVersion\n    Metadata: {'aws:asset:path': asset.1}\n"
        "    Properties: {Content: {S3Bucket: b, S3Key: k}}": "asset.1",
    }.items():
        assert template(tmp_path, TEXT.replace(plain, made)).function().layers == (tmp_path / folder,)
    with pytest.raises(SandboxError, match=r"Plain\.Content is not a folder here"):
        template(
            tmp_path, TEXT.replace(plain, "AWS::Lambda::LayerVersion\n    Properties: {Content: {S3Key: k}}")
        ).function()


def test_layers_of_globals_come_first(tmp_path: Path) -> None:
    text = TEXT.replace("    Runtime: python3.13", "    Runtime: python3.13\n    Layers: [{Ref: More}]").replace(
        "Resources:", "Resources:\n  More: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: more/}}"
    )
    assert template(tmp_path, text).function().layers == (tmp_path / "more", tmp_path / "layers/plain")


CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: test}}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: {"Fn::Not": [{Condition: IsTest}]}
  IsEither: !Or [!Condition IsTest, !Condition IsLive]
  IsBoth: !And [!Condition IsTest, !Condition IsLive]
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: a.b
      Runtime: python3.13
      Timeout: !If [IsTest, 5, 50]
      Environment:
        Variables:
          A: !If [IsLive, !Ref AWS::NoValue, !Ref Stage]
          B: {"Fn::If": [IsLive, live, {Ref: "AWS::NoValue"}]}
          C: !If [IsEither, !If [IsBoth, both, either], neither]
"""


@pytest.mark.parametrize(
    ("stage", "timeout", "variables"),
    [("test", 5, {"A": "test", "C": "either"}), ("live", 50, {"B": "live", "C": "either"})],
)
def test_if_is_resolved_and_what_has_no_value_is_left_out(
    tmp_path: Path, stage: str, timeout: int, variables: dict[str, str]
) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(CONDITIONAL)
    found = Template(path, {"Stage": stage}).function()
    assert (found.timeout, found.variables) == (timeout, variables)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("!If [IsTest, 5, 50]", "!If [IsTest, 5]", "F.Timeout uses If with ['IsTest', 5], not a list of three"),
        ("!If [IsTest, 5, 50]", "!If [None, 5, 5]", "F.Timeout uses the condition None, which is not in the template"),
        (
            "!Equals [!Ref Stage, test]",
            "!Condition IsLive",
            "condition IsLive uses the condition IsTest, which refers to",
        ),
        ("!Equals [!Ref Stage, test]", "!Equals [!Ref Stage]", "condition IsTest is not one of Equals, Not, And, Or"),
        ("!Equals [!Ref Stage, test]", "7", "condition IsTest is not one of Equals, Not, And, Or"),
    ],
)
def test_a_condition_that_is_unclear_is_one_sentence(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(CONDITIONAL.replace(before, after))
    with pytest.raises(SandboxError, match=re.escape(said)):
        Template(path).function()


HERE = "us-east-1:123456789012"
EVENTS = """
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  Topic: {Type: AWS::SNS::Topic}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bus}}
"""


def with_events(tmp_path: Path, properties: str, **parameters: str) -> Function:
    text = TEXT.replace("Resources:", f"Resources:{EVENTS}").replace(
        "      FunctionName: !Sub", f"{properties}\n      FunctionName: !Sub"
    )
    return template(tmp_path, text, **parameters).function()


@pytest.mark.parametrize("reference", ["!Ref Topic", '!Sub "${Topic}"', "!GetAtt Topic.TopicArn"])
def test_what_a_sam_template_says_of_asynchronous_invocations_is_read(tmp_path: Path, reference: str) -> None:
    found = with_events(
        tmp_path,
        f"""
      ReservedConcurrentExecutions: 0
      DeadLetterQueue: {{Type: SQS, TargetArn: !GetAtt Dead.Arn}}
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        MaximumEventAgeInSeconds: !Ref Rate
        DestinationConfig:
          OnSuccess: {{Type: SNS, Destination: {reference}}}
          OnFailure: {{Type: EventBridge, Destination: !GetAtt Bus.Arn}}""",
        Rate="90",
    )
    assert (found.reserved, found.dead_letter) == (0, f"arn:aws:sqs:{HERE}:dead")
    assert found.event_config == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 90,
        "DestinationConfig": {
            "OnSuccess": {"Destination": f"arn:aws:sns:{HERE}:topic"},
            "OnFailure": {"Destination": f"arn:aws:events:{HERE}:event-bus/bus"},
        },
    }


def test_what_has_no_value_is_not_set(tmp_path: Path) -> None:
    found = with_events(
        tmp_path,
        """
      ReservedConcurrentExecutions: !Ref AWS::NoValue
      DeadLetterQueue: !Ref AWS::NoValue
      EventInvokeConfig: {MaximumRetryAttempts: !Ref AWS::NoValue, MaximumEventAgeInSeconds: 60}""",
    )
    assert (found.reserved, found.dead_letter, found.event_config) == (None, "", {"MaximumEventAgeInSeconds": 60})


def test_cloudformations_own_resources_are_read(tmp_path: Path) -> None:
    text = TEXT.replace("AWS::Serverless::Function", "AWS::Lambda::Function").replace("CodeUri", "Code")
    text = text.replace(
        "Resources:",
        f"""Resources:{EVENTS}
  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{FunctionName: !Ref One, Qualifier: $LATEST, MaximumRetryAttempts: 1}}
  Others:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{FunctionName: another, Qualifier: $LATEST, MaximumRetryAttempts: 0}}""",
    ).replace("      FunctionName: !Sub", "      DeadLetterConfig: {TargetArn: !Ref Topic}\n      FunctionName: !Sub")
    text = text.replace("    Runtime: python3.13\n", "").replace("Handler:", "Runtime: python3.13\n      Handler:")
    found = template(tmp_path, text).function()
    assert (found.event_config, found.dead_letter) == ({"MaximumRetryAttempts": 1}, f"arn:aws:sns:{HERE}:topic")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ("      ReservedConcurrentExecutions: many", "One.ReservedConcurrentExecutions is 'many', not a whole number"),
        ("      EventInvokeConfig: 3", "One.EventInvokeConfig is 3, not a mapping"),
        ("      EventInvokeConfig: {MaximumRetryAttempts: x}", "MaximumRetryAttempts is 'x', not a whole number"),
        ("      DeadLetterQueue: {Type: SQS}", "One.DeadLetterQueue has no ARN in TargetArn"),
        ("      DeadLetterQueue: {TargetArn: !Ref Dead}", "refers to Dead, and only AWS knows that"),
    ],
)
def test_what_is_no_setting_of_events_is_said(tmp_path: Path, properties: str, said: str) -> None:
    with pytest.raises(SandboxError, match=re.escape(said)):
        with_events(tmp_path, properties)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('!Select [1, !Split ["/", a/b/c]]', "b"),
        ('!Join ["-", [a, !Ref Rate, true]]', "a-7-true"),
        ('{"Fn::Select": ["0", [!Ref Rate, x]]}', "7"),
        ('!Join ["", !Split [",", "a,b"]]', "ab"),
        ('!Sub ["${First}/*", {First: !Select [0, !Split ["{function}", "x{function}y"]]}]', "x/*"),
    ],
)
def test_lists_and_texts_are_taken_apart_and_put_together(tmp_path: Path, written: str, value: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {written}")
    assert template(tmp_path, text, Needed="x").function("One").variables["BUCKET"] == value


@pytest.mark.parametrize("written", ["!Select [3, [a]]", "!Select [x, [a]]", "!Split [a]", "!Join [a, 1]", "!Select a"])
def test_what_has_no_such_piece_is_a_sentence(tmp_path: Path, written: str) -> None:
    text = TEXT.replace("BUCKET: !Ref LogBucket", f"BUCKET: {written}")
    with pytest.raises(
        SandboxError, match=r"One\.BUCKET uses (Select|Split|Join) with .*, which does not give a value"
    ):
        template(tmp_path, text, Needed="x").function("One")


#: Type -> the property with a name, and the pattern of the names that the service takes (its API reference).
NAMED = {
    "AWS::S3::Bucket": ("BucketName", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "AWS::Serverless::Function": ("FunctionName", r"[a-zA-Z0-9_-]{1,64}"),
    "AWS::Lambda::Function": ("FunctionName", r"[a-zA-Z0-9_-]{1,64}"),
    "AWS::SQS::Queue": ("QueueName", r"[a-zA-Z0-9_-]{1,80}"),
    "AWS::SNS::Topic": ("TopicName", r"[a-zA-Z0-9_-]{1,256}"),
    "AWS::DynamoDB::Table": ("TableName", r"[a-zA-Z0-9_.-]{3,255}"),
    "AWS::Serverless::SimpleTable": ("TableName", r"[a-zA-Z0-9_.-]{3,255}"),
    "AWS::IAM::Role": ("RoleName", r"[\w+=,.@-]{1,64}"),
    "AWS::Events::EventBus": ("Name", r"[\w./-]{1,256}"),
    "AWS::Kinesis::Stream": ("Name", r"[\w.-]{1,128}"),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", r"[\w.-]{1,64}"),
}
IDS = st.text("ABbZ0", min_size=1, max_size=3) | st.text("ABab01", min_size=1, max_size=255)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(kind=st.sampled_from(sorted(NAMED)), fifo=st.booleans(), ids=st.sets(IDS, min_size=1, max_size=5))
def test_the_name_made_of_a_logical_id_is_one_that_the_service_takes_and_nobody_elses(
    tmp_path_factory: pytest.TempPathFactory, kind: str, ids: set[str], *, fifo: bool
) -> None:
    queue = {"Properties": {"FifoQueue": True}} if fifo and kind == "AWS::SQS::Queue" else {}
    path = tmp_path_factory.mktemp("names") / "template.json"
    path.write_text(json.dumps({"Resources": {one: {"Type": kind, **queue} for one in ids}}))
    found = Template(path)
    names = {one: found.name(one) for one in ids}
    assert len(set(names.values())) == len(ids)
    for name in names.values():
        assert len(name) <= 80 or kind != "AWS::SQS::Queue"
        assert name.endswith(".fifo") == bool(queue)
        assert re.fullmatch(NAMED[kind][1], name.removesuffix(".fifo")), name


def test_a_usual_logical_id_is_the_name_in_words(tmp_path: Path) -> None:
    assert template(tmp_path).name("LogBucket") == "log-bucket"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!Ref Logs", "!Ref Logs"),
        ("!GetAtt [Logs, Arn]", "!GetAtt ['Logs', 'Arn']"),
        ("{Fn::Join: ['', [a, !Ref B]]}", "{Fn::Join: ['', ['a', !Ref B]]}"),
        ("[null, true, {a: null}]", "[null, true, {a: null}]"),
        ("{}", "{}"),
        ("1.5", "1.5"),
        ("2026-11-26", "2026-11-26"),
        ('"\\e[31m"', r"'\x1b[31m'"),
    ],
)
def test_a_value_is_shown_as_a_template_writes_it(tmp_path: Path, value: str, said: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources: {value}\n")
    assert shown(load(path)["Resources"]) == said


CHOSEN = """
Parameters: {Stage: {Type: String, Default: test}}
Conditions: {IsTest: !Equals [!Ref Stage, test]}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Runtime: python3.13, Handler: a.b, %s}
"""


@pytest.mark.parametrize(
    "written",
    [
        "Environment: {Variables: !If [IsTest, {A: test}, {B: no}]}",
        "Environment: !If [IsTest, {Variables: {A: test}}, !Ref AWS::NoValue]",
        "Environment: {Variables: {A: test, B: !If [IsTest, !Ref AWS::NoValue, no]}}",
        "Environment: {'Fn::If': [IsTest, {'Fn::If': [IsTest, {Variables: {A: !Ref Stage}}, 1]}, 1]}",
    ],
)
def test_if_may_choose_a_whole_mapping(tmp_path: Path, written: str) -> None:
    assert dict(template(tmp_path, CHOSEN % written).function().variables) == {"A": "test"}


@pytest.mark.parametrize("written", ["Environment: !If [IsTest, !Ref AWS::NoValue, {Variables: {A: b}}]", "Layers: []"])
def test_what_if_leaves_out_is_not_there(tmp_path: Path, written: str) -> None:
    assert dict(template(tmp_path, CHOSEN % written).function().variables) == {}


def test_a_variable_with_the_name_of_an_intrinsic_function_is_a_variable(tmp_path: Path) -> None:
    found = template(tmp_path, CHOSEN % "Environment: {Variables: {If: a}}").function()
    assert dict(found.variables) == {"If": "a"}


def test_a_template_without_parameters_says_so(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"has no parameter A; it has none$"):
        template(tmp_path, "Resources: {}", A="1")


@pytest.mark.parametrize(("given", "found"), [({}, None), ({"Bucket": "my-logs"}, "my-logs")])
def test_the_value_of_a_parameter_of_ssm_is_not_the_name_that_is_its_default(
    tmp_path: Path, given: dict[str, str], found: str | None
) -> None:
    text = CHOSEN.replace("Parameters: {", "Parameters: {Bucket: {Type: %s, Default: /logs/bucket}, ")
    text = text % ("'AWS::SSM::Parameter::Value<String>'", "Environment: {Variables: {A: !Ref Bucket}}")
    if found:
        assert template(tmp_path, text, **given).function().variables["A"] == found
    else:
        with pytest.raises(
            SandboxError, match="parameter Bucket names a value of SSM; set it with --parameter Bucket=…"
        ):
            template(tmp_path, text, **given).function()


@pytest.mark.parametrize("kind", ["CommaDelimitedList", "List<String>", "List<AWS::EC2::Subnet::Id>"])
def test_a_parameter_that_is_a_list_is_one(tmp_path: Path, kind: str) -> None:
    text = CHOSEN.replace("Parameters: {", f"Parameters: {{Names: {{Type: '{kind}', Default: 'a, b'}}, ")
    text %= "Environment: {Variables: {A: !Join ['-', !Ref Names], B: !Select [1, !Ref Names]}}"
    assert dict(template(tmp_path, text).function().variables) == {"A": "a-b", "B": "b"}
    assert template(tmp_path, text, Names="c,d").function().variables["A"] == "c-d"


def test_a_mapping_that_only_aws_makes_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"F.Environment.Variables is \{Fn::ImportValue: 'x'\}, not a mapping"):
        template(tmp_path, CHOSEN % "Environment: {Variables: {'Fn::ImportValue': x}}").function()
